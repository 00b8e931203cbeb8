"""What follows each change of a password, a second factor or a passkey.

All other logins end, and with them all pending steps, which locks out anybody who began them. The
user gets a mail, and the audit log a line.
Source: OWASP ASVS 6.3.7, 7.4.3, 16.3.1.
"""

from app.accounts import notices
from app.accounts.password_change import password_changed
from app.auth import logins
from app.auth.users import User
from app.security import audit


def record(user: User, what: str, *, keep: str | None = None) -> None:
    """End all logins of a user but the family `keep`, and tell the user `what` was changed."""
    logins.end_all(user, keep=keep)
    audit.record(audit.USER_UPDATED, account=user.name, user_id=user.id, change="factors")
    notices.send(user, "factors_changed", what=what)


@password_changed.connect
def _after_password_change(user: User) -> None:
    notices.send(user, "password_changed")
