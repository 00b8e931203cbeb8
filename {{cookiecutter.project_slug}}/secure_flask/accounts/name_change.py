"""Changes of the username. A stranger may have chosen the one of a registration.

Source: OWASP ASVS 6.3.7.
"""

from secure_flask.accounts import notices
from secure_flask.accounts.users import NAME_TAKEN, AccountMixin, require_recent_user
from secure_flask.auth import throttle
from secure_flask.database import db
from secure_flask.web import audit
from secure_flask.web.errors import field_error
from sqlalchemy.exc import IntegrityError


def change_name(name: str) -> AccountMixin:
    """Give the logged-in user another name, commit, and return the user.

    The name is a checked one: `change_name(checked_name(text))`.

    :raises ErrorResponse: 401, no login of the last five minutes; 409, it is taken; 429, too many
        tries, which would find out names.
    """
    user = require_recent_user()
    old = user.name
    user_id = user.id
    with throttle.count_attempt("name", str(user_id)) as attempt:
        attempt.succeeded = _rename_user(user, name)
    if not attempt.succeeded:
        raise field_error(409, "username", NAME_TAKEN)
    audit.record(audit.USER_UPDATED, account=old, user_id=user_id, change="name")
    return user


def _rename_user(user: AccountMixin, name: str) -> bool:
    old = user.name
    user.name = name
    try:
        notices.name_changed(user, old)
        db.session.commit()
    except IntegrityError:
        db.session.rollback()
        return False
    return True
