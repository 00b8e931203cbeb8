"""Recovery: a user who forgot the password gets a link by mail to set a new one.

The link works once and for an hour. It changes nothing when a mail scanner opens it, it logs
nobody in, and it removes no second factor. No answer tells whether an address is known.
Source: OWASP Forgot Password Cheat Sheet; OWASP ASVS 6.3.8, 6.4.1, 6.4.3, 7.4.3.
"""

from logging import INFO

from secure_flask.accounts import notices, steps
from secure_flask.accounts.addresses import lock_mailbox
from secure_flask.accounts.mail_limits import RESET_LINK, request_link, take_mail_turn
from secure_flask.accounts.outbox import HOUR, MailParts, forget_links
from secure_flask.accounts.settings import public_link
from secure_flask.accounts.steps import INVALID_LINK, Step
from secure_flask.accounts.users import AccountMixin, account_of
from secure_flask.auth import logins, passwords
from secure_flask.auth.users import replace_hash
from secure_flask.database import db
from secure_flask.web import audit
from secure_flask.web.errors import error_response

LIFETIME = HOUR  # the limits of mails count for the same time
REQUESTED = audit.Event("password_reset_requested", INFO)


def request_password_reset(email: str) -> None:
    """Have a link to set a new password mailed, if the address has an account, and commit.

    The address is a checked one: `request_password_reset(checked_address(email))`. If it has an
    open registration, registration.py mails the link that confirms it.

    :raises ErrorResponse: 429, too many mails for this network.
    """
    turn = take_mail_turn()
    lock_mailbox(email)
    is_mailed = request_link(RESET_LINK, email, turn=turn)
    db.session.commit()
    audit.record(REQUESTED, account=email, mail=is_mailed)


def find_password_reset(token: str) -> AccountMixin:
    """The user of a mailed link, whose name its page shows: `find_password_reset(token).name`.

    :raises ErrorResponse: 404, the link has expired or was used.
    """
    return account_of(_find_reset_step(token).user)


def reset_password(token: str, password: str) -> AccountMixin:
    """Set a new password, end all logins, commit, and return the user.

    `reset_password(token, password)`, with the token of a mailed link.

    :raises ErrorResponse: 400, a bad password; 404, no valid link; 503, too busy.
    """
    step = _find_reset_step(token)
    user = account_of(step.user)
    hashed = passwords.hash_new_password(password, user.name, user.email, field="password")
    # The row of the user is locked before its steps, as in a change of the password (no deadlock).
    if not (replace_hash(user, hashed) and steps.use_step(step)):
        db.session.rollback()
        raise error_response(404, INVALID_LINK)
    forget_links(step.email or "")
    notices.password_changed(user)
    # A mail about the next login would tell the same reader the same again.
    notices.know_only_present_place(user)
    logins.end_logins_of(user)
    db.session.commit()
    audit.record(audit.PASSWORD_CHANGE, account=user.name, user_id=user.id, by="mailed link")
    return user


def mail_to_owner(user: AccountMixin, text: str) -> MailParts | None:
    """A mail to the owner of an address, with a link whose secret is in the caller's transaction.

    Each mail that strangers can cause has such a link: if they use the limit up, the owner has one.
    """
    # Users of an external login have no password. A password that is set here would still work
    # after they lose that login.
    if user.disabled or not user.email or not user.has_password:
        return None
    step = steps.add_step(RESET_LINK, LIFETIME, user=user, email=user.email)
    link = public_link("self_service.reset_page", token=steps.give_step_secret(step))
    # The mail goes to the stored address, since the typed one may be another spelling of it.
    return user.email, text, {"username": user.name, "link": link}


def _find_reset_step(token: str) -> Step:
    step = steps.find_step(RESET_LINK, token)
    # A link to a former address ends, since its reader may not be the user.
    if step is None or step.user is None or step.email != account_of(step.user).readable_email:
        raise error_response(404, INVALID_LINK)
    if not step.user.has_password:
        raise error_response(404, INVALID_LINK)
    return step
