"""What every user has: a name, a password, roles. `User` in app/models.py adds the rest.

Other tables refer to users by the name of the table, `users`. A role is a name of what users may
do, which views demand by `@roles_required`. Each request reads the roles again, so one that was
taken away opens nothing any more. Source: OWASP ASVS 8.2.1, 8.3.2.
"""

import re
from collections.abc import Callable, Iterable
from inspect import getattr_static
from typing import Any, Self
from uuid import UUID, uuid4

import click
from blinker import Namespace
from flask import current_app, has_request_context, request
from secure_flask.auth.own_login import needs_core_tables
from secure_flask.auth.passwords import NO_PASSWORD, hash_new_password, hash_password
from secure_flask.auth.throttle import folded_name
from secure_flask.database import Model, db
from secure_flask.database.database import CORE_TABLES
from secure_flask.state import Key, app_state, request_state
from secure_flask.web import audit
from secure_flask.web.logs import USER_ID
from secure_flask.web.validation import Reason
from sqlalchemy import Column, ForeignKey, String, Table, Uuid, select, update
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, relationship
from sqlalchemy.orm.exc import ObjectDeletedError

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
# The user whose key sent the request, and the roles of that key.
_ROLES_OF_KEY = Key[tuple[UUID, frozenset[str]]]("roles of the key")
# Where a user object keeps the same.
_LIMIT = "_secure_flask_roles_of_key"
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
    `roles` (list of `Role`). `User.find(name)` is a user or None. `role_names` is a list of str: in
    a request by a key only the roles that the key has too, so ask it rather than `roles`. `has_password` is a bool.
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
        _limit_role_names(cls)
        super().__init_subclass__(**options)

    @declared_attr
    def roles(cls) -> Mapped[list[Role]]:
        # Read at its first use, so that only requests that ask for roles query for them.
        return relationship(secondary=user_roles, order_by=Role.name, passive_deletes=True)

    @property
    def role_names(self) -> list[str]:
        return [role.name for role in self.roles]

    @property
    def has_password(self) -> bool:
        """Whether any password logs this user in."""
        return self.password_hash != NO_PASSWORD

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


def locked_user(user: UserMixin) -> UserMixin | None:
    """The user, read again, with the row locked until the commit; None if disabled or deleted."""
    db.session.flush()
    try:
        user_id = user.id
    except ObjectDeletedError:
        return None
    model = user_class()
    enabled = update(model).where(model.id == user_id, model.disabled.is_(False))
    # SQLite locks nothing by SELECT.
    if db.session.scalar(enabled.values(disabled=False).returning(model.id)) is None:
        return None
    return db.session.get(model, user_id, populate_existing=True)


@needs_core_tables
def create_user(
    name: str, password: str | None = None, *, check_password: bool = True, **columns: Any
) -> Any:
    """Add a user, commit, and return the user; `columns` are those of the class in app/models.py.

    `create_user("ada", "a good long password", email="ada@example.org")`. The password is checked
    as `checked_new_password` does. `check_password=False` takes any, for one that your code has
    made: `create_user("ada", secrets.token_urlsafe(18), check_password=False)`. The name is not
    checked: it is PlainText of at most 150 characters. A user without a password logs in by
    `log_in_user`, and no password is right: `create_user("ada")`.

    :raises ErrorResponse: 400, a bad password, with the reason; 503, too busy.
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
    audit.record(audit.USER_DELETED, account=user.name, user_id=user.id, by=changed_by(user))


def changed_by(user: UserMixin) -> UUID | str | None:
    """Who changes a user, for the log: the id of another user, "command line", or None."""
    in_request = has_request_context()
    present = request_state(request.environ).get(USER_ID) if in_request else "command line"
    return None if present == user.id else present


def limit_roles_of_user(user: UserMixin, roles: Iterable[str]) -> None:
    """Let only these roles count for the user whose key sent this request.

    A response that streams, or a thread, asks the same object when no request is there any more.
    """
    limit = (user.id, frozenset(roles))
    request_state(request.environ)[_ROLES_OF_KEY] = limit
    vars(user)[_LIMIT] = limit


def counting_roles(user: UserMixin, names: list[str]) -> list[str]:
    """Those of the user's roles that count in this request. The row stays as it is."""
    if has_request_context():
        limit = request_state(request.environ).get(_ROLES_OF_KEY)
    else:
        limit = vars(user).get(_LIMIT)
    if limit is None or limit[0] != user.id:
        return names
    return [name for name in names if name in limit[1]]


class _RoleNames:
    """A `role_names` of any kind, such as a property or an association proxy, limited by a key."""

    def __init__(self, written: Any) -> None:
        self._written = written

    def __get__(self, user: UserMixin | None, owner: type[UserMixin]) -> Any:
        names = self._written.__get__(user, owner)
        return names if user is None else counting_roles(user, names)

    def __set__(self, user: UserMixin, names: Any) -> None:
        # With this method a value in the object, such as that of a cached property, hides nothing.
        self._written.__set__(user, names)


def _limit_role_names(cls: type[UserMixin]) -> None:
    """Let a key limit the roles, whichever class in the order of inheritance has `role_names`.

    :raises TypeError: it is a column, which nothing here can limit.
    """
    written: Any = getattr_static(cls, "role_names")
    if not hasattr(written, "__get__"):
        raise TypeError(
            f"{cls.__module__}.{cls.__qualname__}.role_names is no property: give the column "
            "another name, and return the roles that count by a property `role_names`."
        )
    if not isinstance(written, _RoleNames):
        cls.role_names = _RoleNames(written)  # type: ignore[assignment, method-assign]


def _register_user_class(cls: type[UserMixin]) -> None:
    if not _registered:
        _registered.append(cls)
    elif not issubclass(cls, _registered[0]):
        first, second = (f"{each.__module__}.{each.__qualname__}" for each in (_registered[0], cls))
        raise TypeError(
            f"{second} is a second class of users beside {first}: let it inherit from that, or "
            "remove one."
        )
