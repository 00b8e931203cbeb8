"""What every user has: a name, a password, roles. `User` in app/models.py adds the rest.

Other tables refer to users by the name of the table, `users`. A role is a name of what users may
do, which views demand by `@roles_required`. Each request reads the roles again, so one that was
taken away opens nothing any more. Source: OWASP ASVS 8.2.1, 8.3.2.
"""

import re
from collections.abc import Callable
from typing import Any, Self
from uuid import UUID, uuid4

import click
from blinker import Namespace
from flask import current_app, has_request_context, request
from secure_flask.auth.own_login import needs_core_tables
from secure_flask.auth.passwords import hash_new_password, hash_password
from secure_flask.auth.throttle import folded_name
from secure_flask.database import Model, db
from secure_flask.database.database import CORE_TABLES
from secure_flask.state import Key, app_state, request_state
from secure_flask.web import audit
from secure_flask.web.logs import USER_ID
from secure_flask.web.validation import Reason
from sqlalchemy import Column, ForeignKey, String, Table, Uuid, select, update
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, relationship

MAX_NAME = 150  # characters
MAX_ROLE = 80  # characters of the name of a role
# One spelling: `Admin` beside `admin` would be a role that nobody notices.
_ROLE = re.compile(r"[a-z][a-z0-9_-]*")
# This only catches typing errors: a delivered message is the proof. Source: RFC 5321, 4.5.3.
EMAIL = re.compile(r"(?=.{3,254}$)[^\s@\x00-\x1f\x7f]{1,64}@[^\s@\x00-\x1f\x7f]+")

_CLASS = """\
    from secure_flask import Model, UserMixin

    class User(UserMixin, Model):
        ..."""


class NoUserClass(click.ClickException, TypeError):
    """The app has no class of users. A command shows the message, which says what to write."""


_registered: list[type["UserMixin"]] = []
# The hooks of accounts: whether a role of a user demands a second factor, and what deletes a user.
DEMANDS_SECOND_FACTOR = Key[Callable[["UserMixin"], bool]]("demands second factor")
DELETE_USER = Key[Callable[["UserMixin"], None]]("delete user")
user_deleted = Namespace().signal(
    "user-deleted",
    doc="Sent with the user while all rows are there, for files and other systems that know the "
    "user: `@user_deleted.connect`. A receiver that raises an exception keeps the user.",
)
# Sent with the user and the former address as `old`, which may be None, within the transaction that
# changes the address.
address_changed = Namespace().signal("address-changed")

user_roles = Table(
    "user_roles",
    Model.metadata,
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("role_id", ForeignKey("roles.id", ondelete="CASCADE"), primary_key=True, index=True),
)


class Role(Model):
    """A role that users may have: `user.roles.append(Role(name="editor"))`.

    The name is a word of lower-case letters, digits, - and _, with at most 80 characters.
    """

    __tablename__ = "roles"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(MAX_ROLE), unique=True)


CORE_TABLES.update((user_roles.name, Role.__tablename__))


class UserMixin:
    """A person who can log in: `class User(UserMixin, Model)`. Names are case-sensitive.

    Columns: `id` (UUID), `name` (at most 150 characters), `password_hash`, `disabled` (bool),
    `roles` (list of `Role`). `role_names` is a list of str. `User.find(name)` is a user or None.
    """

    __tablename__ = "users"

    # A UUID is known before the insert, so that encrypted values can be bound to the row.
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str] = mapped_column(String(MAX_NAME), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    disabled: Mapped[bool] = mapped_column(default=False)

    def __init_subclass__(cls, **options: object) -> None:
        if issubclass(cls, Model):
            _register_user_class(cls)
        super().__init_subclass__(**options)

    @declared_attr
    def roles(cls) -> Mapped[list[Role]]:
        # Read at its first use, so that only requests that ask for roles query for them.
        return relationship(secondary=user_roles, order_by=Role.name, passive_deletes=True)

    @property
    def role_names(self) -> list[str]:
        return [role.name for role in self.roles]

    @staticmethod
    def stored_address(text: str) -> str:
        """The form in which an e-mail address is stored.

        :raises Reason: it is none.
        """
        if not EMAIL.fullmatch(text):
            raise Reason("Give an e-mail address like ada@example.org")
        return text

    @classmethod
    def find(cls, name: str) -> Self | None:
        """The user of this name."""
        return db.session.scalar(select(cls).where(cls.name == name))

    @classmethod
    def spelled(cls, name: str) -> str:
        """One text for all spellings that `find` takes for one name, under which guesses count.

        It does not depend on who is known, or the limits would tell.
        """
        return folded_name(name)


def is_role(name: object) -> bool:
    """Whether a role may have this name, such as `admin` or `order-desk`."""
    return isinstance(name, str) and len(name) <= MAX_ROLE and bool(_ROLE.fullmatch(name))


def stored_roles() -> list[Role]:
    """The roles in the database, by name."""
    return list(db.session.scalars(select(Role).order_by(Role.name)))


def demands_second_factor(user: UserMixin) -> bool:
    """Whether a role of the user demands one, as the hook of this name says, if there is one."""
    is_demanded = app_state(current_app).get(DEMANDS_SECOND_FACTOR)
    return bool(is_demanded and is_demanded(user))


def has_user_class() -> bool:
    """Whether the tables of the core have users to refer to."""
    return bool(_registered)


def user_class() -> type[UserMixin]:
    """The app's class of users.

    :raises NoUserClass: the app has none.
    """
    if not _registered:
        raise NoUserClass(
            f"No class inherits from UserMixin. Write it into app/models.py:\n{_CLASS}"
        )
    return _registered[0]


def replace_hash(user: UserMixin, new: str) -> bool:
    """Store a password hash, unless another request changed it or disabled the user meanwhile.

    The row stays locked until the commit, so of a login and a concurrent new password one sees
    the other.
    """
    model = type(user)
    unchanged = (model.id == user.id, model.password_hash == user.password_hash)
    swap = update(model).where(*unchanged, model.disabled.is_(False)).values(password_hash=new)
    replaced = db.session.scalar(swap.returning(model.id)) is not None
    if not replaced:
        db.session.rollback()
    return replaced


@needs_core_tables
def create_user(name: str, password: str, *, check_password: bool = True, **columns: Any) -> Any:
    """Add a user, commit, and return the user; `columns` are those of the class in app/models.py.

    `create_user("ada", "a good long password", email="ada@example.org")`. The password is checked
    as `checked_new_password` does. `check_password=False` takes any, for one that your code has
    made: `create_user("ada", secrets.token_urlsafe(18), check_password=False)`. The name is not
    checked: it is PlainText of at most 150 characters.

    :raises ErrorResponse: 400, a bad password, with the reason; 503, too busy.
    :raises sqlalchemy.exc.IntegrityError: the name is taken; call `db.session.rollback()`.
    """
    if check_password:
        hashed = hash_new_password(password, name, columns.get("email"), field="password")
    else:
        hashed = hash_password(password)
    user = user_class()(name=name, password_hash=hashed, **columns)  # type: ignore[call-arg]
    db.session.add(user)
    db.session.commit()
    return user


@needs_core_tables
def delete_user(user: UserMixin) -> None:
    """Delete a user with all rows that refer to it, and commit: `delete_user(user)`.

    The signal `user_deleted` comes first. The hook DELETE_USER does it instead, if there is one.
    """
    if leave := app_state(current_app).get(DELETE_USER):
        leave(user)
        return
    user_deleted.send(user)
    db.session.delete(user)
    db.session.commit()
    record_deletion(user)


def record_deletion(user: UserMixin) -> None:
    """Log that a user was deleted, and by whom, unless users delete their own account."""
    in_request = has_request_context()
    deleter = request_state(request.environ).get(USER_ID) if in_request else "command line"
    by = None if deleter == user.id else deleter
    audit.record(audit.USER_DELETED, account=user.name, user_id=user.id, by=by)


def _register_user_class(cls: type[UserMixin]) -> None:
    if not _registered:
        _registered.append(cls)
    elif not issubclass(cls, _registered[0]):
        first, second = (f"{each.__module__}.{each.__qualname__}" for each in (_registered[0], cls))
        raise TypeError(
            f"{second} is a second class of users beside {first}: let it inherit from that, or "
            "remove one."
        )
