"""Logins by passkey alone. Its device verifies the user, so it replaces name and password.

A user without a password logs in by another site, and may have left there. For such a user a
passkey is the second step after a login there, and logs nobody in alone.
Source: Web Authentication Level 3; OWASP ASVS 6.3.3, 6.5.7, 7.5.1.
"""

from secure_flask.accounts import passkeys
from secure_flask.accounts.factors import PASSKEY
from secure_flask.accounts.users import account_of
from secure_flask.auth import access, authentication, throttle, tokens
from secure_flask.auth.tokens import session
from secure_flask.auth.users import UserMixin, replace_hash
from secure_flask.database import db
from secure_flask.web import audit
from secure_flask.web.errors import ErrorResponse, error_response

SECOND_STEP_ONLY = (
    "You have no password here, so a passkey is only a second step: log in as usual first"
)


def log_in_by_passkey(
    state: str, credential: str, *, keep: bool = False, cookie: bool = False
) -> dict[str, object]:
    """Log in by a passkey alone, whose device has verified the user, and commit.

    `log_in_by_passkey(state, credential)` returns the same body as `secure_flask.log_in`;
    `credential` is the JSON of the device's answer. With `keep` the login lasts for KEPT_LIFETIME.
    With `cookie` it sets the cookie of pages, whatever TOKEN_TYPE is.

    :raises ErrorResponse: 401, the answer is wrong or late, and `"unknown": true` if nobody has
        this passkey, or its user has no password; 429, too many failures.
    """
    with throttle.count_attempt(PASSKEY) as attempt:
        user = passkeys.passkey_owner(state, credential)
        attempt.succeeded = user is not None and _logs_in_alone(user)
    if user is None or not attempt.succeeded:
        audit.record(audit.LOGIN_FAIL, reason=PASSKEY)
        raise _refusal(user, credential)
    kind = session if cookie else tokens.chosen_token_type()
    # The device and what unlocks it are two factors.
    body = kind.issue_token(user, keep=keep, second_factor=True)
    audit.record(audit.LOGIN_SUCCESS, account=user.name, user_id=user.id, factors=PASSKEY)
    return body


def reauthenticate_by_passkey(state: str, credential: str) -> dict[str, object]:
    """Replace the login of this request by a recent one, and commit.

    `reauthenticate_by_passkey(state, credential)` returns the same body as `secure_flask.log_in`.
    The challenge comes from `begin_passkey_login(current_user)`.

    :raises ErrorResponse: 401, nobody is logged in, the answer is wrong, or the user has no
        password; 429, too many failures.
    """
    user = account_of(access.require_user())
    with throttle.count_attempt(PASSKEY) as attempt:
        owner = passkeys.passkey_owner(state, credential, user)
        attempt.succeeded = owner is not None and _logs_in_alone(user)
    if not attempt.succeeded:
        audit.record(audit.LOGIN_FAIL, account=user.name, reason=PASSKEY)
        raise _refusal(owner, credential)
    body = authentication.renew_login(user, access.require_login(), second_factor=True)
    audit.record(audit.LOGIN_SUCCESS, account=user.name, reason="reauthentication", factors=PASSKEY)
    return body


def _logs_in_alone(user: UserMixin) -> bool:
    """Whether a passkey is enough for its user, whose row is locked until the commit."""
    return user.has_password and replace_hash(user, user.password_hash)


def _refusal(owner: UserMixin | None, credential: str) -> ErrorResponse:
    """The error for the answer of this owner; None for a wrong answer."""
    if owner is None or owner.has_password:
        return passkeys.refused_passkey(credential)
    db.session.rollback()
    return error_response(401, SECOND_STEP_ONLY)
