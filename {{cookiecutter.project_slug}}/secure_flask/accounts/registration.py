"""Sign-up: people register with an address, and a mailed link makes the account.

Until then a registration reserves neither the name nor the address, so nobody can register the
address of somebody else in advance. The link asks for the password of the registration, or for a
new one, so a stranger's password never opens the account. No answer tells whether a name or an
address is known. Source: OWASP ASVS 6.2.1, 6.3.8, 6.4.1; "Pre-hijacked accounts" (Sudhodanan and
Paverd, 2022).
"""

from logging import INFO
from typing import NamedTuple
from uuid import UUID

from flask import current_app
from secure_flask.accounts import recovery, steps
from secure_flask.accounts.addresses import address_owner, lock_mailbox
from secure_flask.accounts.mail_limits import RESET_LINK, request_link, take_mail_turn
from secure_flask.accounts.outbox import MailParts, OutgoingMail, forget_links, mail_kind
from secure_flask.accounts.settings import public_link
from secure_flask.accounts.steps import INVALID_LINK, Step
from secure_flask.accounts.users import NAME_TAKEN, AccountMixin, account_of
from secure_flask.auth import passwords, throttle
from secure_flask.auth.users import user_class
from secure_flask.database import db
from secure_flask.web import audit
from secure_flask.web.errors import error_response, field_error
from sqlalchemy.exc import IntegrityError

REGISTRATION = "registration"
CONFIRM = "confirm"
REQUESTED = audit.Event("registration_requested", INFO)
LIFETIME = 24 * 60 * 60  # seconds
# Open registrations that an address may have, so that no stranger fills the table.
MAX_OPEN = 10
# A password is compared with at most this many of them. Exactly this many hashes run each time, so
# the time is the same.
MAX_PENDING = 3


class Pending(NamedTuple):
    """The address and the chosen name of a registration, which the page of a link shows."""

    email: str
    name: str


def request_registration(name: str, email: str, password: str) -> None:
    """Store a registration, have its link mailed, and commit. `name` and `email` are checked.

    `request_registration(checked_name(name), checked_address(email), password)`. It is dropped, with
    the same answer, if the links of MAX_OPEN others of the address were mailed.

    :raises ErrorResponse: 400, a bad password; 429, too many mails; 503, too busy.
    """
    turn = take_mail_turn()
    hashed = passwords.hash_new_password(password, name, email, field="password")
    lock_mailbox(email)
    fits = steps.make_room_for_step(REGISTRATION, email, most=MAX_OPEN)
    # A dropped one is stored too, already expired, so that the time of the answer is the same.
    lifetime = LIFETIME if fits else 0
    step = steps.add_step(REGISTRATION, lifetime, email=email, name=name, password_hash=hashed)
    named = {"registration": str(step.id)}
    is_mailed = request_link(CONFIRM, email, turn=turn, is_dropped=not fits, **named)
    db.session.commit()
    audit.record(REQUESTED, account=name, mail=is_mailed)


def resend_registration(email: str) -> None:
    """Have the link of the newest registration of an address mailed again, and commit.

    The address is a checked one: `resend_registration(checked_address(email))`.

    :raises ErrorResponse: 429, too many mails for this network.
    """
    turn = take_mail_turn()
    lock_mailbox(email)
    is_mailed = request_link(CONFIRM, email, turn=turn)
    db.session.commit()
    audit.record(REQUESTED, account=email, again=True, mail=is_mailed)


def find_registration(token: str) -> Pending:
    """The registration of a mailed link: `email, name = find_registration(token)`, two texts.

    :raises ErrorResponse: 404, the link has expired or was used, or the address has an account.
    """
    step = _find_registration_step(token)
    return Pending(step.email or "", step.data["name"])


def confirm_registration(
    token: str, *, password: str | None, new_password: str | None, name: str | None = None
) -> AccountMixin:
    """Make the account of a registration, commit, and return the user.

    `confirm_registration(token, password="a good long one", new_password=None)`. `name`, a
    checked one, replaces that of the registration. With `new_password`, `password` is ignored: the
    link alone allows to set one.

    :raises ErrorResponse: 400, no password or a bad new one; 403, no registration of this address
        has this password; 404, no valid link; 409, the name is taken; 429, too many failures; 503,
        too busy.
    """
    step = _find_registration_step(token)
    if new_password:
        personal = (name or step.data["name"], step.email)
        hashed = passwords.hash_new_password(new_password, *personal, field="new_password")
        return _create_account(step, name or step.data["name"], hashed)
    if not password:
        raise field_error(400, "password", "Enter your password or choose a new one")
    registered, hashed = _registered_with(step, password)
    return _create_account(step, name or registered, hashed)


def end_registrations_of(email: str) -> None:
    """End all registrations of an address, within the caller's transaction.

    Open changes to this address stay, or their users would learn that it got or lost an account.
    """
    steps.end_steps_of_address(email, REGISTRATION, CONFIRM)


def _find_registration_step(token: str) -> Step:
    step = steps.find_step(CONFIRM, token)
    if step is None or not step.email or address_owner(step.email):
        raise error_response(404, INVALID_LINK)
    return step


def _registered_with(step: Step, password: str) -> tuple[str, str]:
    """Name and hash of the registration of this address that has the password."""
    with throttle.count_attempt("confirmation", step.email) as attempt:
        # The registration of the link comes first: strangers may have registered the address later.
        named = UUID(step.data["registration"])
        pending = steps.open_steps_of_address(
            REGISTRATION, step.email or "", limit=MAX_PENDING, first=named
        )
        hashes = [each.data["password_hash"] for each in pending]
        padded = [*hashes, *[None] * (MAX_PENDING - len(hashes))]
        right = [passwords.verify_password(each, password) for each in padded]
        attempt.succeeded = any(right)
    if not attempt.succeeded:
        steps.count_step_failure(step.id)
        raise field_error(403, "password", "Wrong password")
    data = pending[right.index(True)].data
    return data["name"], data["password_hash"]


def _create_account(step: Step, name: str, password_hash: str) -> AccountMixin:
    email = step.email or ""
    step_id = step.id
    lock_mailbox(email)
    if not steps.use_step(step):
        raise error_response(404, INVALID_LINK)
    # Registrations of strangers would make another account once this one is deleted.
    end_registrations_of(email)
    forget_links(email)
    user = account_of(user_class()(name=name, password_hash=password_hash, email=email))  # type: ignore[call-arg]
    db.session.add(user)
    try:
        db.session.commit()
    except IntegrityError:
        db.session.rollback()
        # The failure counts, or one link could test any number of names.
        steps.count_step_failure(step_id)
        if address_owner(email):
            # Another account got the address while the password was hashed.
            raise error_response(404, INVALID_LINK) from None
        if user_class().find(name) is None:
            # The name is free, so another column is wrong, such as a required one that is empty.
            raise
        raise field_error(409, "username", NAME_TAKEN) from None
    audit.record(audit.USER_CREATED, account=name, user_id=user.id)
    return user


@mail_kind(CONFIRM)
def _confirmation_mail(mail: OutgoingMail) -> MailParts | None:
    if not current_app.config["REGISTRATION"]:
        # Registration was closed while the mail waited.
        return None
    if user := address_owner(mail.email or ""):
        return recovery.mail_to_owner(account_of(user), "already_registered")
    return _confirm_link(mail)


@mail_kind(RESET_LINK)
def _reset_mail(mail: OutgoingMail) -> MailParts | None:
    """A link to set a new password; for an open registration the link that confirms it.

    The second link sets a password too, so it helps people who forgot to confirm.
    """
    if user := address_owner(mail.email or ""):
        return recovery.mail_to_owner(account_of(user), "reset")
    return _confirm_link(mail) if current_app.config["REGISTRATION"] else None


def _confirm_link(mail: OutgoingMail) -> MailParts | None:
    email = mail.email or ""
    registration = _registration(mail)
    if registration is None:
        return None
    registration.mailed = True
    named = {"name": registration.data["name"], "registration": str(registration.id)}
    step = steps.add_step(CONFIRM, 0, email=email, **named)
    step.expires = registration.expires
    link = public_link("sign_up.confirmation_page", token=steps.give_step_secret(step))
    return email, "confirm", {"username": registration.data["name"], "link": link}


def _registration(mail: OutgoingMail) -> Step | None:
    """The registration that the mail names, or the newest of its address.

    Strangers may have pushed the named one out meanwhile. The mail goes all the same, since it
    counts against the limit of the mailbox.
    """
    named = mail.arguments.get("registration")
    first = UUID(named) if named else None
    found = steps.open_steps_of_address(REGISTRATION, mail.email or "", limit=1, first=first)
    return next(iter(found), None)
