"""Changes of the e-mail address: only a link that is mailed to the new address makes them.

A thief of a login must not take over the account, so a change needs a recent login, and the old
address gets a notice of the request and of the change. An attacker may ask for the address of
somebody else, whose click must not join it to the attacker's account. So the link asks for the
password of the account, or for a recent login to it. Source: OWASP ASVS 6.3.7, 6.3.8, 7.5.1;
"Pre-hijacked accounts" (Sudhodanan and Paverd, 2022).
"""

from uuid import UUID

from secure_flask.accounts import addresses, notices, public_urls, recovery, steps
from secure_flask.accounts.addresses import lock_mailbox
from secure_flask.accounts.former_addresses import remember_address, require_few_changes
from secure_flask.accounts.mail_limits import CHANGE_LINK, request_link, take_mail_turn
from secure_flask.accounts.messages import MailParts, mail_kind
from secure_flask.accounts.outbox import HOUR, OutgoingMail, forget_links
from secure_flask.accounts.steps import INVALID_LINK, Step
from secure_flask.accounts.users import RECENT, AccountMixin, account_of, require_recent_user
from secure_flask.auth import access, authentication
from secure_flask.auth.principal import current_login
from secure_flask.auth.user_changes import address_changed
from secure_flask.auth.users import UserMixin, replace_hash
from secure_flask.database import db
from secure_flask.web import audit
from secure_flask.web.errors import error_response, field_error
from sqlalchemy.exc import IntegrityError

# A request stores one step without a secret. Each mail for it adds a step with a secret.
CHANGE_REQUEST = "change_request"
MAX_CHANGE_REQUESTS = 10  # of a user
LIFETIME = HOUR
# A mail waits for an hour at most, and its link then works for an hour.
REQUEST_LIFETIME = 2 * HOUR
REQUESTED = audit.Event("email_change_requested")


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
    link = public_urls.public_link(
        "self_service.change_email_page", token=steps.give_step_secret(step)
    )
    return email, "change_email", {"username": request.user.name, "link": link}
