"""Changes of the address: only a link that was mailed to the new address makes them.

A login of somebody else must not take the account over, so a change needs a recent login, and the
old address hears of the request and of the change. The reader of the new address must not connect
it to the account of somebody else, so the link asks for the account's password, or for a recent
login to it. Source: OWASP ASVS 6.3.7, 6.3.8, 7.5.1; "Pre-hijacked accounts" (Sudhodanan and
Paverd, 2022).
"""

import time
from typing import Any
from uuid import UUID

from flask import g
from secure_flask.accounts import addresses, notices, public_urls, recovery, steps
from secure_flask.accounts.messages import kind
from secure_flask.accounts.outbox import HOUR, Mail, request_link
from secure_flask.accounts.steps import INVALID, Step
from secure_flask.accounts.users import AccountMixin, account
from secure_flask.auth import authentication, tokens
from secure_flask.auth.access import is_recent
from secure_flask.database import db
from secure_flask.web import audit
from secure_flask.web.errors import error_response, field_error
from sqlalchemy.exc import IntegrityError

CHANGE = "change_email"
LIFETIME = HOUR
RECENT = 5  # minutes


def request_change(email: str) -> None:
    """Let a link be mailed to the new address of the logged-in user, and tell the old one."""
    user = account(g.user)
    # It ends with the logins of the user, also while its mail waits.
    step = steps.add(CHANGE, LIFETIME, user=user, email=email)
    db.session.flush()
    request_link(CHANGE, email, step=str(step.id))
    notices.email_change_requested(user)
    db.session.commit()
    audit.record(audit.USER_UPDATED, account=user.name, change="email requested")


def find_change(token: str) -> tuple[AccountMixin, str]:
    """The user and the new address of a mailed link.

    :raises ErrorResponse: 404, the link has expired or was used.
    """
    step = _find(token)
    return account(step.user), step.email or ""


def confirm_change(token: str, password: str | None) -> AccountMixin:
    """Change the address of the user who asked for it.

    :raises ErrorResponse: 401, neither a password nor a recent login; 403, of somebody else; 404,
        no valid link, or another account has the address by now; 429, 503.
    """
    step = _find(token)
    user, old = account(step.user), account(step.user).readable_email
    _require_owner(step, user, password)
    if not steps.use(step):
        raise error_response(404, INVALID)
    try:
        user.email = step.email
        if old:
            notices.email_changed(user, old)
        steps.end_all(user)
        db.session.commit()
    except IntegrityError:
        db.session.rollback()
        raise error_response(404, INVALID) from None
    audit.record(audit.USER_UPDATED, account=user.name, user_id=user.id, change="email")
    return user


def _require_owner(step: Step, user: AccountMixin, password: str | None) -> None:
    if password:
        if not authentication.is_right(user, password):
            audit.record(audit.LOGIN_FAIL, account=user.name, reason="change of address")
            steps.count_failure(step.id)
            raise field_error(403, "password", "Wrong password")
        return
    login = tokens.find_login()
    if login is None or not is_recent(RECENT):
        raise field_error(401, "password", "Enter the password of this account")
    if login.user_id != user.id:
        raise error_response(403, "You are logged in as somebody else")


def _find(token: str) -> Step:
    step = steps.find(CHANGE, token)
    if step is None or step.user is None:
        raise error_response(404, INVALID)
    return step


@kind(CHANGE)
def _mail(mail: Mail) -> tuple[str, str, dict[str, Any]] | None:
    email = mail.email or ""
    step = db.session.get(Step, UUID(mail.arguments["step"]))
    if step is None or step.user is None or step.user.disabled:
        return None
    # The hour begins with the mail, also where the address is known: the user sees in their data
    # how long it waits.
    step.expires = int(time.time()) + LIFETIME
    if known := addresses.owner_of(email):
        return recovery.mail_to_owner(account(known), "email_in_use")
    link = public_urls.link("accounts.change_email_page", token=steps.give_secret(step))
    return email, "change_email", {"username": step.user.name, "link": link}
