"""Sign-up: people register with an address, and a mailed link makes the account.

Until then a registration reserves neither the name nor the address, so nobody can register the
address of somebody else in advance. The link asks for the password of the registration, or for a
new one, so a stranger's password never opens the account. No answer tells whether a name or an
address is known. Source: OWASP ASVS 6.2.1, 6.3.8, 6.4.1; "Pre-hijacked accounts" (Sudhodanan and
Paverd, 2022).
"""

from logging import INFO
from typing import Any, NamedTuple
from uuid import UUID

from flask import current_app
from secure_flask.accounts import public_urls, recovery, steps
from secure_flask.accounts.addresses import owner_of
from secure_flask.accounts.messages import kind
from secure_flask.accounts.outbox import Mail, request_link
from secure_flask.accounts.steps import INVALID, Step
from secure_flask.accounts.users import TAKEN, AccountMixin, account
from secure_flask.auth import passwords, throttle
from secure_flask.auth.users import user_class
from secure_flask.database import db
from secure_flask.web import audit
from secure_flask.web.errors import error_response, field_error
from sqlalchemy.exc import IntegrityError

REGISTRATION, CONFIRM = "registration", "confirm"
REQUESTED = audit.Event("registration_requested", INFO)
LIFETIME = 24 * 60 * 60  # seconds
# Of one address: the password is tried against each, and the same number is always hashed.
MAX_PENDING = 3


class Pending(NamedTuple):
    """What the page of a link shows: the address, and the name that was asked for."""

    email: str
    name: str


def register(name: str, email: str, password: str) -> None:
    """Store a registration; name and address are checked ones.

    :raises ErrorResponse: 400, a bad password; 503, too busy.
    """
    hashed = passwords.hash_new_password(password, name, email, field="password")
    step = steps.add(REGISTRATION, LIFETIME, email=email, name=name, password_hash=hashed)
    db.session.flush()
    request_link(CONFIRM, email, registration=str(step.id))
    db.session.commit()
    audit.record(REQUESTED, account=name)


def send_again(email: str) -> None:
    """Let the link of the newest registration of an address be mailed again."""
    request_link(CONFIRM, email)
    db.session.commit()


def find(token: str) -> Pending:
    """The registration of a mailed link.

    :raises ErrorResponse: 404, the link has expired or was used, or the address has an account.
    """
    step = _find(token)
    return Pending(step.email or "", step.data["name"])


def confirm(
    token: str, *, password: str | None, new_password: str | None, name: str | None = None
) -> AccountMixin:
    """Make the account of a registration, with its name or another one, which is checked.

    A new password is enough, whatever the other is: who has the link may set one.

    :raises ErrorResponse: 400, no password or a bad new one; 403, no registration of this address
        has this password; 404, no valid link; 409, the name is taken; 429, 503.
    """
    step = _find(token)
    if new_password:
        personal = (name or step.data["name"], step.email)
        hashed = passwords.hash_new_password(new_password, *personal, field="new_password")
        return _create(step, name or step.data["name"], hashed)
    if not password:
        raise field_error(400, "password", "Enter the password, or choose a new one")
    registered, hashed = _registered_with(step, password)
    return _create(step, name or registered, hashed)


def _find(token: str) -> Step:
    step = steps.find(CONFIRM, token)
    if step is None or not step.email or owner_of(step.email):
        raise error_response(404, INVALID)
    return step


def _registered_with(step: Step, password: str) -> tuple[str, str]:
    """Name and hash of the registration of this address that has the password."""
    with throttle.attempt("confirmation", step.email) as attempt:
        pending = steps.open_of(REGISTRATION, step.email or "")
        # Its own first: a stranger may have registered the address many times since.
        pending.sort(key=lambda each: str(each.id) != step.data["registration"])
        del pending[MAX_PENDING:]
        hashes = [each.data["password_hash"] for each in pending]
        padded = [*hashes, *[None] * (MAX_PENDING - len(hashes))]
        right = [passwords.verify_password(each, password) for each in padded]
        attempt.succeeded = any(right)
    if not attempt.succeeded:
        steps.count_failure(step.id)
        raise field_error(403, "password", "Wrong password")
    data = pending[right.index(True)].data
    return data["name"], data["password_hash"]


def _create(step: Step, name: str, password_hash: str) -> AccountMixin:
    email, step_id = step.email or "", step.id
    if not steps.use(step):
        raise error_response(404, INVALID)
    for each in [*steps.open_of(REGISTRATION, email), *steps.open_of(CONFIRM, email)]:
        # Those of strangers too, which would make another account once this one is deleted.
        steps.use(each)
    user = account(user_class()(name=name, password_hash=password_hash, email=email))  # type: ignore[call-arg]
    db.session.add(user)
    try:
        db.session.commit()
    except IntegrityError:
        db.session.rollback()
        # Otherwise one link would tell of any number of names whether they are taken.
        steps.count_failure(step_id)
        if user_class().find(name) is None:
            # Such as a required column of the owner's, which nothing fills.
            raise
        raise field_error(409, "username", TAKEN) from None
    audit.record(audit.USER_CREATED, account=name, user_id=user.id)
    return user


@kind(CONFIRM)
def _mail(mail: Mail) -> tuple[str, str, dict[str, Any]] | None:
    email = mail.email or ""
    if not current_app.config["REGISTRATION"]:
        # It was closed while the mail waited.
        return None
    if user := owner_of(email):
        return recovery.mail_to_owner(account(user), "already_registered")
    registration = _registration(mail)
    if registration is None:
        return None
    named = {"name": registration.data["name"], "registration": str(registration.id)}
    step = steps.add(CONFIRM, 0, email=email, **named)
    step.expires = registration.expires
    link = public_urls.link("sign_up.confirmation_page", token=steps.give_secret(step))
    return email, "confirm", {"username": registration.data["name"], "link": link}


def _registration(mail: Mail) -> Step | None:
    """The registration that the mail names, or the newest of its address."""
    named = mail.arguments.get("registration")
    if named is None:
        return next(iter(steps.open_of(REGISTRATION, mail.email or "")), None)
    return db.session.get(Step, UUID(named))
