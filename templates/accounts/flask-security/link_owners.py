"""Who uses a link that was mailed to an address which no account has yet.

Reading the mails of that address proves nothing about the account that asked for the link. So
the link asks for the account's password, or for a recent login to it, since those who log in by
passkey may not know the password. Source: OWASP ASVS 6.3.1, 7.5.1.
"""

from flask import g

from app.accounts import pending
from app.accounts.pending import PendingStep
from app.auth import access, throttle
from app.auth.passwords import verify_password
from app.security import audit
from app.security.errors import error_response

RECENT = 5  # minutes


def require(step: PendingStep, password: str | None) -> None:
    """Check the password of the step's user or, without one, the login of this request.

    :raises ErrorResponse: 401, no recent login; 403, a wrong password, or the login of somebody
        else; 429, too many failures; 503, too busy.
    """
    if password:
        _require_password(step, password)
        return
    access.require_login(minutes=RECENT)
    if g.user.id != step.user_id:
        raise error_response(403, "This link belongs to another account")


def _require_password(step: PendingStep, password: str) -> None:
    user = step.owner
    # Counted together with the wrong passwords of a password change.
    with throttle.attempt("password", user.name) as attempt:
        attempt.succeeded = verify_password(user.password_hash, password)
    if not attempt.succeeded:
        audit.record(audit.LOGIN_FAIL, account=user.name, reason="change of address")
        pending.count_failure(step)
        raise error_response(403, "Wrong password")
