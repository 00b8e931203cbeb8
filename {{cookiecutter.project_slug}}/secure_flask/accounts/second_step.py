"""The second step of a login: a code of the app, a recovery code, a passkey, or an invitation.

Source: OWASP ASVS 6.3.1, 6.5.1, 6.5.5, 16.3.1.
"""

from uuid import UUID

from secure_flask.accounts import (
    authenticator,
    half_logins,
    notices,
    passkeys,
    recovery_codes,
    steps,
    wrong_codes,
)
from secure_flask.accounts.factors import AUTHENTICATOR, PASSKEY, RECOVERY, factors_of
from secure_flask.accounts.steps import Step
from secure_flask.accounts.users import AccountMixin
from secure_flask.auth import throttle
from secure_flask.database import db
from secure_flask.web import audit
from secure_flask.web.errors import ErrorResponse, error_response

INVITATION = "invitation"
INVITATION_LIFETIME = 7 * 24 * 60 * 60  # seconds
WRONG_CODE = "Wrong code"
WRONG_INVITATION = "This code is wrong, used or expired: ask who runs this site for another"


def half_login_factors(tf_token: str | None = None) -> list[str]:
    """The factors that complete the half login of this request; empty if one must be set up.

    `half_login_factors()` on a page, which has a cookie; JSON passes the `tf_token` that `log_in`
    returned. Each is one of `factors_of`.

    :raises ErrorResponse: 401, there is no half login.
    """
    _, user = half_logins.find_half_login(tf_token)
    return factors_of(user)


def begin_passkey_second_factor(tf_token: str | None = None) -> dict[str, object]:
    """Begin to complete a half login by a passkey of its user.

    `begin_passkey_second_factor(body.tf_token)` returns a dict with `state` (str), and `options`
    for navigator.credentials.get() of the browser.

    :raises ErrorResponse: 401, there is no half login.
    """
    _, user = half_logins.find_half_login(tf_token)
    return passkeys.begin_passkey_login(user)


def complete_login_by_code(code: str, tf_token: str | None = None) -> dict[str, object]:
    """Complete a half login by a code of the authenticator app, and commit.

    `complete_login_by_code("123456", body.tf_token)` returns the body of the login.

    :raises ErrorResponse: 401, a wrong code or no half login; 429, too many wrong codes.
    """
    step, user = half_logins.attempt_half_login(tf_token)
    with wrong_codes.attempt_code(user) as attempt:
        attempt.succeeded = authenticator.use_authenticator_code(user, code)
    if not attempt.succeeded:
        raise _wrong_second_factor(step, user)
    return half_logins.finish_half_login(step, user, AUTHENTICATOR)


def complete_login_by_recovery_code(code: str, tf_token: str | None = None) -> dict[str, object]:
    """Complete a half login by a recovery code, and commit.

    `complete_login_by_recovery_code(body.code, body.tf_token)` returns the body of the login. Nobody
    can guess such a code, so the daily limit of wrong codes does not apply.

    :raises ErrorResponse: 401, a wrong code or no half login; 429, too many wrong codes.
    """
    step, user = half_logins.attempt_half_login(tf_token)
    with throttle.count_attempt(RECOVERY, user.name) as attempt:
        attempt.succeeded = recovery_codes.use_recovery_code(user, code)
    if not attempt.succeeded:
        raise _wrong_second_factor(step, user)
    notices.factors_changed(user, "A recovery code was used")
    return half_logins.finish_half_login(step, user, RECOVERY)


def complete_login_by_passkey(
    state: str, credential: str, tf_token: str | None = None
) -> dict[str, object]:
    """Complete a half login by a passkey of its user, and commit.

    `complete_login_by_passkey(state, body.credential, body.tf_token)` returns the body of the login;
    `credential` is the JSON of the device's answer.

    :raises ErrorResponse: 401, a wrong answer or no half login; 429, too many failures.
    """
    step, user = half_logins.attempt_half_login(tf_token)
    with throttle.count_attempt(PASSKEY) as attempt:
        attempt.succeeded = passkeys.passkey_owner(state, credential, user) is not None
    if not attempt.succeeded:
        raise _wrong_second_factor(step, user, passkeys.refused_passkey(credential))
    return half_logins.finish_half_login(step, user, PASSKEY)


def make_invitation(user: AccountMixin) -> str:
    """A code by which a user may set up the first factor that a role demands."""
    step = steps.add_step(INVITATION, INVITATION_LIFETIME, user=user)
    code = steps.give_step_secret(step)
    db.session.commit()
    return code


def accept_factor_invitation(code: str, tf_token: str | None = None) -> None:
    """Let the user of a half login set up the first factor, which a role demands, and commit.

    `accept_factor_invitation(body.code, body.tf_token)`. The first code of the app uses the invitation
    up. Until then, a user who leaves the page can begin again with the same invitation.

    :raises ErrorResponse: 401, no half login; 403, the code is no invitation of this user; 429,
        too many failures.
    """
    half, user = half_logins.find_half_login(tf_token)
    with throttle.count_attempt(INVITATION, user.name) as attempt:
        step = steps.find_step(INVITATION, code.strip())
        attempt.succeeded = step is not None and step.user_id == user.id
    if step is None or not attempt.succeeded:
        raise error_response(403, WRONG_INVITATION)
    half.data = {**half.data, INVITATION: str(step.id)}
    db.session.commit()


def use_invitation(step_id: str) -> None:
    """Use an invitation up that its user has accepted, within the caller's transaction.

    :raises ErrorResponse: 403, it was used in the meantime, or has expired.
    """
    step = steps.open_step(INVITATION, UUID(step_id))
    if step is None or not steps.use_step(step):
        db.session.rollback()
        raise error_response(403, WRONG_INVITATION)


def _wrong_second_factor(
    step: Step, user: AccountMixin, refusal: ErrorResponse | None = None
) -> ErrorResponse:
    audit.record(audit.LOGIN_FAIL, account=user.name, reason="second factor")
    # A parallel request was faster, and has completed the login.
    if steps.was_step_used(step):
        return half_logins.half_login_ended()
    notices.code_failed(user)
    db.session.commit()
    return refusal or error_response(401, WRONG_CODE)
