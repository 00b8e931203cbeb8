"""What follows each change of a password, a second factor or a passkey.

All pending steps end, and after a change of factors all other logins, which locks out whoever
began them. The user gets a mail, and the audit log a line.
Source: OWASP ASVS 6.3.7, 7.4.3, 16.3.1.
"""

from app.accounts import notices, pending
from app.accounts.password_change import password_changed
from app.auth import grants
from app.auth.users import User
from app.security import audit


def record(user: User, what: str, *, keep: str | None = None) -> None:
    """End all logins of a user but the family `keep`, and tell the user `what` was changed."""
    pending.end_all(user)
    grants.end_all(user, keep=keep)
    audit.record(audit.USER_UPDATED, account=user.name, user_id=user.id, change="factors")
    notices.send(user, "factors_changed", what=what)


@password_changed.connect
def _after_password_change(user: User) -> None:
    pending.end_all(user)
    notices.send(user, "password_changed")
