"""Changes of the e-mail address: only a link that is mailed to the new address makes them.

A thief of a login must not take over the account, so a change needs a recent login, and the old
address gets a notice of the request and of the change. An attacker may ask for the address of
somebody else, whose click must not join it to the attacker's account. So the link asks for the
password of the account, or for a recent login to it.

A thief may also change the address and then delete the account, but the owner reads only the former
address. So it is kept for a week and gets the notice of a deletion too, and an account changes its
address only a few times in a week. Source: OWASP ASVS 6.3.7, 6.3.8, 7.5.1;
"Pre-hijacked accounts" (Sudhodanan and Paverd, 2022).
"""

from uuid import UUID, uuid4

from secure_flask.accounts import addresses, notices, recovery, steps
from secure_flask.accounts.addresses import lock_mailbox
from secure_flask.accounts.mail_limits import CHANGE_LINK, request_link, take_mail_turn
from secure_flask.accounts.outbox import HOUR, MailParts, OutgoingMail, forget_links, mail_kind
from secure_flask.accounts.settings import public_link
from secure_flask.accounts.steps import INVALID_LINK, Step
from secure_flask.accounts.users import RECENT, AccountMixin, account_of, require_recent_user
from secure_flask.auth import access, authentication
from secure_flask.auth.principal import current_login
from secure_flask.auth.user_changes import address_changed
from secure_flask.auth.users import UserMixin, replace_hash
from secure_flask.clock import seconds_now
from secure_flask.crypto.encrypted_columns import encrypted_column
from secure_flask.crypto.encryption import readable_value
from secure_flask.database import db
from secure_flask.database.database import CoreModel
from secure_flask.web import audit
from secure_flask.web.errors import error_response, field_error
from sqlalchemy import BigInteger, ForeignKey, delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

# A request stores one step without a secret. Each mail for it adds a step with a secret.
CHANGE_REQUEST = "change_request"
MAX_CHANGE_REQUESTS = 10  # of a user
LIFETIME = HOUR
# A mail waits for an hour at most, and its link then works for an hour.
REQUEST_LIFETIME = 2 * HOUR
REQUESTED = audit.Event("email_change_requested")
KEPT = 7 * 24 * 60 * 60  # seconds for a former address
MAX_CHANGES = 10  # changes of an account in this time, so that each former address gets a notice


class FormerAddress(CoreModel):
    """An address that an account had. Times are whole seconds since 1970, UTC."""

    __tablename__ = "former_addresses"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    email = encrypted_column()
    expires: Mapped[int] = mapped_column(BigInteger, index=True)


def request_email_change(email: str) -> None:
    """Have a link mailed to the new address of the logged-in user, notify the old one, and commit.

    The address is a checked one: `request_email_change(checked_address(email))`.

    :raises ErrorResponse: 401, no login of the last five minutes; 429, too many changes, or too
        many mails for this network.
    """
    user = require_recent_user()
    require_few_changes(user)
    turn = take_mail_turn()
    lock_mailbox(email)
    # The step ends when all logins of the user end, also while its mail waits.
    step = steps.add_step(CHANGE_REQUEST, REQUEST_LIFETIME, user=user, email=email)
    is_mailed = request_link(CHANGE_LINK, email, turn=turn, step=str(step.id))
    steps.keep_newest_steps(CHANGE_REQUEST, user, most=MAX_CHANGE_REQUESTS)
    notices.email_change_requested(user)
    db.session.commit()
    audit.record(REQUESTED, account=user.name, mail=is_mailed)


def find_email_change(token: str) -> tuple[AccountMixin, str]:
    """The user and the new address of a mailed link: `user, email = find_email_change(token)`.

    :raises ErrorResponse: 404, the link has expired or was used.
    """
    step = _find_change_step(token)
    return account_of(step.user), step.email or ""


def confirm_email_change(token: str, password: str | None) -> AccountMixin:
    """Change the address of the user who asked for it, commit, and return the user.

    `confirm_email_change(token, password)`; without a password it needs a login of the last five
    minutes.

    :raises ErrorResponse: 401, neither a password nor a recent login; 403, a wrong password, or the
        login of somebody else; 404, no valid link, or another account has the address by now; 429,
        too many failures or changes; 503, too busy.
    """
    step = _find_change_step(token)
    user = account_of(step.user)
    _require_owner(step, user, password)
    # The commit unlocks the row of the user, since the lock of the mailbox has to come before it,
    # as in a deletion.
    db.session.commit()
    lock_mailbox(step.email or "")
    if not replace_hash(user, user.password_hash):
        raise error_response(404, INVALID_LINK)
    require_few_changes(user)
    if not steps.use_step(step):
        raise error_response(404, INVALID_LINK)
    old = user.readable_email
    try:
        user.email = step.email
        forget_links(step.email or "")
        address_changed.send(user, old=old)
        db.session.commit()
    except IntegrityError:
        db.session.rollback()
        raise error_response(404, INVALID_LINK) from None
    audit.record(audit.USER_UPDATED, account=user.name, user_id=user.id, change="email")
    return user


def remember_address(user: AccountMixin, address: str) -> None:
    """Keep an address that a user had until now, within the caller's transaction."""
    db.session.add(FormerAddress(user_id=user.id, email=address, expires=seconds_now() + KEPT))


def require_few_changes(user: AccountMixin) -> None:
    """Refuse a change of the address after MAX_CHANGES in a week.

    :raises ErrorResponse: 429, too many changes.
    """
    now = seconds_now()
    mine = (FormerAddress.user_id == user.id, FormerAddress.expires > now)
    number, first = db.session.execute(
        select(func.count(), func.min(FormerAddress.expires)).where(*mine)
    ).one()
    if number >= MAX_CHANGES:
        wait = str(max(1, first - now))
        raise error_response(429, "You have changed your address too often", Retry_After=wait)


def former_addresses_of(user: AccountMixin) -> list[str]:
    """The addresses that a user had within the last week, the oldest first."""
    mine = (FormerAddress.user_id == user.id, FormerAddress.expires > seconds_now())
    oldest = select(FormerAddress).where(*mine).order_by(FormerAddress.expires, FormerAddress.id)
    found = (
        readable_value(each, "email") for each in db.session.scalars(oldest.limit(MAX_CHANGES))
    )
    return [str(address) for address in found if address]


def purge_former_addresses() -> None:
    """Delete addresses that are older than a week, within the caller's transaction."""
    old = delete(FormerAddress).where(FormerAddress.expires <= seconds_now())
    db.session.execute(old, execution_options={"synchronize_session": False})


@address_changed.connect
def _follow_change(user: UserMixin, *, old: str | None) -> None:
    """Notify the former address, and end all steps, also if an operator changes the address."""
    found = account_of(user)
    if old:
        remember_address(found, old)
        notices.email_changed(found, old)
    steps.end_steps_of_user(found)


def _require_owner(step: Step, user: AccountMixin, password: str | None) -> None:
    if password:
        if not authentication.is_right_password(user, password):
            audit.record(audit.LOGIN_FAIL, account=user.name, reason="change of address")
            steps.count_step_failure(step.id)
            raise field_error(403, "password", "Wrong password")
        return
    login = current_login()
    if login is None or not access.has_recent_login(RECENT):
        raise field_error(401, "password", "Enter the password of this account")
    if login.user_id != user.id:
        raise error_response(403, "You are logged in as someone else")


def _find_change_step(token: str) -> Step:
    step = steps.find_step(CHANGE_LINK, token)
    if step is None or step.user is None:
        raise error_response(404, INVALID_LINK)
    return step


@mail_kind(CHANGE_LINK)
def _change_mail(mail: OutgoingMail) -> MailParts | None:
    email = mail.email or ""
    request = db.session.get(Step, UUID(mail.arguments["step"]))
    if request is None or request.user is None or request.user.disabled:
        return None
    if known := addresses.address_owner(email):
        return recovery.mail_to_owner(account_of(known), "email_in_use")
    # Each try makes another link: a mail may have arrived although its sending seemed to fail.
    step = steps.add_step(CHANGE_LINK, LIFETIME, user=request.user, email=email)
    link = public_link("self_service.change_email_page", token=steps.give_step_secret(step))
    return email, "change_email", {"username": request.user.name, "link": link}
