"""Creates and deletes users, and says who changes one.

Self-service accounts delete more, so they do it where the app has them.
"""

from typing import Any
from uuid import UUID

from blinker import Namespace
from flask import has_request_context, request
from secure_flask.auth.passwords import hash_new_password, hash_password
from secure_flask.auth.users import (
    NO_PASSWORD,
    UserMixin,
    account_rules_for,
    user_class,
)
from secure_flask.database import db
from secure_flask.state import state_of
from secure_flask.web import audit
from secure_flask.web.logs import USER_ID

user_deleted = Namespace().signal(
    "user-deleted",
    doc="Sent with the user while all rows are there, for files and other systems that know the "
    "user: `@user_deleted.connect`. A receiver that raises an exception keeps the user.",
)
# This signal gets the user and the former address as `old`, which may be None, in the transaction
# that changes the address.
address_changed = Namespace().signal("address-changed")


def create_user(
    name: str, password: str | None = None, *, check_password: bool = True, **columns: Any
) -> Any:
    """Add a user, commit, and return the user; `columns` are columns of `User` in app/models.py.

    `create_user("ada", "a good long password", email="ada@example.org")`. The password is checked
    as `checked_new_password` does. `check_password=False` accepts any, for one that your code
    generates: `create_user("ada", secrets.token_urlsafe(18), check_password=False)`. The name is
    not checked: pass PlainText of at most 150 characters. A user without a password,
    `create_user("ada")`, logs in by `log_in_user`; no password matches.

    :raises ErrorResponse: 400, a bad password, with the reason; 503, too busy.
    :raises ValueError: with self-service accounts, the name cannot be used, such as one with `@`.
    :raises sqlalchemy.exc.IntegrityError: the name is taken; call `db.session.rollback()`.
    """
    if password is None:
        hashed = NO_PASSWORD
    elif check_password:
        hashed = hash_new_password(password, name, columns.get("email"), field="password")
    else:
        hashed = hash_password(password)
    user = user_class()(name=name, password_hash=hashed, **columns)  # type: ignore[call-arg]
    db.session.add(user)
    db.session.commit()
    return user


def delete_user(user: UserMixin) -> None:
    """Delete a user with all rows that refer to it, and commit: `delete_user(user)`.

    The signal `user_deleted` is sent first. With self-service accounts `delete_account` does all of
    this, and raises its errors.
    """
    if rules := account_rules_for(user):
        rules.delete_user(user)
        return
    user_deleted.send(user)
    db.session.delete(user)
    db.session.commit()
    record_deletion(user)


def record_deletion(user: UserMixin) -> None:
    """Log that a user was deleted. The field `by` is None if users delete their own account."""
    audit.record(audit.USER_DELETED, account=user.name, user_id=user.id, by=changed_by(user))


def changed_by(user: UserMixin) -> UUID | str | None:
    """The id of the other user who changes this one, "command line" for an operator, or None."""
    in_request = has_request_context()
    present = state_of(request).get(USER_ID) if in_request else "command line"
    return None if present == user.id else present
