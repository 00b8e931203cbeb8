"""Users: the columns that every user has. `User` in app/models.py adds the rest.

Other tables refer to users by the table name, `users`. Views demand roles by `@roles_required`.
Each request reads the roles from the database, so a revoked role stops working at once.
`user_changes.py` creates and deletes users.
Source: OWASP ASVS 8.2.1, 8.3.2.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from inspect import getattr_static
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast, final
from uuid import UUID, uuid4

import click
from flask import current_app, has_request_context, request
from secure_flask.crypto.blind_indexes import normalised_value
from secure_flask.crypto.encryption import readable_value
from secure_flask.database import Model, db
from secure_flask.database.database import CoreModel
from secure_flask.state import StateKey, app_state, state_of
from secure_flask.web.validation import Reason
from sqlalchemy import Column, ForeignKey, String, Table, Uuid, event, select, update
from sqlalchemy.orm import Mapped, Mapper, declared_attr, mapped_column, relationship
from sqlalchemy.orm.exc import ObjectDeletedError

MAX_NAME = 150  # characters
# A user without a password has this instead of a hash. No password matches it.
NO_PASSWORD = "!"  # noqa: S105 - no password
MAX_ROLE = 80  # characters of the name of a role
# Names are in lower case: nobody would notice that `Admin` and `admin` are two roles.
_ROLE = re.compile(r"[a-z][a-z0-9_-]*")
ROLE_RULE = (
    "a word such as 'admin' of lower-case letters, digits, - and _, which begins with a letter"
)
# This catches typing errors. Only a delivered message proves an address. Source: RFC 5321, 4.5.3.
EMAIL = re.compile(r"(?=.{3,254}$)[^\s@\x00-\x1f\x7f]{1,64}@[^\s@\x00-\x1f\x7f]+")

# What begins a second step; it returns the body of the response.
BeginHalf = Callable[..., dict[str, Any]]

_CLASS = """\
    from secure_flask import Model, UserMixin

    class User(UserMixin, Model):
        ..."""


class NoUserClass(click.ClickException, TypeError):
    """The app has no class of users. A command shows the message, which says what to write."""


@dataclass(frozen=True)
class AccountRules:
    """What self-service accounts hand in, since they know the factors and the mails of users."""

    # Whether a role of the user demands a second factor.
    demands_second_factor: Callable[["UserMixin"], bool]
    # The function that begins the user's second step; None if the password is enough.
    second_step_of: Callable[["UserMixin"], BeginHalf | None]
    delete_user: Callable[["UserMixin"], None]


ACCOUNT_RULES = StateKey[AccountRules]("rules of accounts")
_registered: list[type["UserMixin"]] = []
# The user whose key sent the request, and the roles of that key.
_ROLES_OF_KEY = StateKey[dict[UUID, frozenset[str]]]("roles of the key by user")
# The attribute of a user object that keeps the same pair.
_LIMIT = "_secure_flask_roles_of_key"

user_roles = Table(
    "user_roles",
    Model.metadata,
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("role_id", ForeignKey("roles.id", ondelete="CASCADE"), primary_key=True, index=True),
)


class Role(CoreModel):
    """A role that users may have: `user.roles.append(Role(name="editor"))`.

    The name is a word of lower-case letters, digits, `-` and `_`, with at most 80 characters.
    """

    __tablename__ = "roles"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(MAX_ROLE), unique=True)


class UserMixin:
    """A person who can log in: `class User(UserMixin, Model)`. Names are case-sensitive.

    Columns: `id` (UUID), `name` (at most 150 characters), `password_hash`, `disabled` (bool),
    `roles` (list of `Role`). A change of `disabled`, to True or to False, ends all logins, keys and
    mailed links of the user in the same transaction.

    `User.find(name)` returns a user or None. `has_password` is a bool. `role_names` is a list of str.
    Check it, not `roles`: a key may have fewer roles than its user. If your users have their roles
    elsewhere, override `granted_roles()`, which it is made of. `readable_email` is `email`, or None
    where your class has none or it does not decrypt. `is_authenticated` is True, unless your class
    defines it.
    """

    __tablename__ = "users"

    # Whether the rules of accounts protect these users, as AccountMixin says.
    needs_accounts: ClassVar[bool] = False

    # A UUID is known before the insert, so that encrypted values can be bound to the row.
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str] = mapped_column(String(MAX_NAME), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    disabled: Mapped[bool] = mapped_column(default=False)

    def __init_subclass__(cls, **options: object) -> None:
        if issubclass(cls, Model):
            _register_user_class(cls)
        super().__init_subclass__(**options)
        _require_final_role_names(cls)

    @declared_attr
    def roles(cls) -> Mapped[list[Role]]:
        # SQLAlchemy loads the roles at the first use, so a request that needs none sends no query.
        return relationship(secondary=user_roles, order_by=Role.name, passive_deletes=True)

    if TYPE_CHECKING:
        # Type checkers do not see that `_add_is_authenticated` adds it.
        @property
        def is_authenticated(self) -> bool: ...

    @property
    def readable_email(self) -> str | None:
        """The address; None if it does not decrypt, so that the account works without it."""
        return cast(str | None, readable_value(self, "email"))

    @final
    @property
    def role_names(self) -> list[str]:
        """The names of the roles in force: those that are granted, or for a key some of them."""
        return _roles_in_force(self, self.granted_roles())

    def granted_roles(self) -> list[str]:
        """The names of the roles that the user has."""
        return [role.name for role in self.roles]

    @property
    def has_password(self) -> bool:
        """Whether the user has a password to log in by."""
        return self.password_hash != NO_PASSWORD

    @staticmethod
    def stored_address(text: str) -> str:
        """The form in which an e-mail address is stored.

        :raises Reason: the text is no e-mail address.
        """
        if not EMAIL.fullmatch(text):
            raise Reason("Give an e-mail address like ada@example.org")
        return text

    @classmethod
    def find(cls, name: str) -> Self | None:
        """The user of this name, or None."""
        return db.session.scalar(select(cls).where(cls.name == name))

    @classmethod
    def spelled(cls, name: str) -> str:
        """The same text for all spellings by which `find` finds one user; attempts count under it.

        The text must not depend on which users exist: the rate limits would reveal it.
        """
        return folded_name(name)


@event.listens_for(UserMixin, "after_mapper_constructed", propagate=True)
def _add_is_authenticated(mapper: Mapper[Any], cls: type[UserMixin]) -> None:
    """Let templates ask `current_user.is_authenticated`, as with Flask-Login.

    It is added after the columns are known: as an attribute of UserMixin it would replace a column
    or a property of another mixin.
    """
    if getattr_static(cls, "is_authenticated", None) is None:
        cls.is_authenticated = True  # type: ignore[method-assign, assignment]


def folded_name(name: str) -> str:
    """The same text for all spellings of a name; attempts count under it."""
    return " ".join(normalised_value(name).split())


def is_role(name: object) -> bool:
    """Whether a role may have this name, such as `admin` or `order-desk`."""
    return isinstance(name, str) and len(name) <= MAX_ROLE and bool(_ROLE.fullmatch(name))


def stored_roles() -> list[Role]:
    """The roles in the database, by name."""
    return list(db.session.scalars(select(Role).order_by(Role.name)))


def demands_second_factor(user: UserMixin) -> bool:
    """Whether a role of the user demands a second factor; False without self-service accounts."""
    rules = account_rules_for(user)
    return rules is not None and rules.demands_second_factor(user)


def account_rules_for(user: UserMixin) -> AccountRules | None:
    """The rules of self-service accounts; None where nobody needs them.

    :raises RuntimeError: the user has such an account, and the app has not set accounts up.
    """
    rules = app_state(current_app).get(ACCOUNT_RULES)
    # Without the rules, the password alone would log in users who have a second factor.
    if rules is None and user.needs_accounts:
        raise RuntimeError(
            f"{user_class().__name__} inherits from AccountMixin: call `accounts.init_app(app)` "
            f"after `secure_flask.init_app` where you create {current_app.name}."
        )
    return rules


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

    The row stays locked until the commit, so a concurrent login or change of the password waits
    and then sees this change. The user is read again, since another request may have set up a
    second factor meanwhile.
    """
    model = type(user)
    unchanged = (model.id == user.id, model.password_hash == user.password_hash)
    swap = update(model).where(*unchanged, model.disabled.is_(False)).values(password_hash=new)
    options = {"populate_existing": True}
    replaced = db.session.scalar(swap.returning(model), execution_options=options)
    if replaced is None:
        db.session.rollback()
    return replaced is not None


def locked_user(user: UserMixin) -> UserMixin | None:
    """The user, read again, with the row locked until the commit; None if disabled or deleted."""
    db.session.flush()
    try:
        user_id = user.id
    except ObjectDeletedError:
        return None
    model = user_class()
    enabled = update(model).where(model.id == user_id, model.disabled.is_(False))
    # An update locks the row: SQLite has no SELECT FOR UPDATE.
    if db.session.scalar(enabled.values(disabled=False).returning(model.id)) is None:
        return None
    return db.session.get(model, user_id, populate_existing=True)


def limit_roles_of_user(user: UserMixin, roles: Iterable[str]) -> None:
    """Let only these roles count for the user whose key sent this request.

    The user object keeps them too: a streamed response or a thread reads roles after the request.
    """
    limit = frozenset(roles)
    state_of(request).setdefault(_ROLES_OF_KEY, {})[user.id] = limit
    vars(user)[_LIMIT] = limit


def _roles_in_force(user: UserMixin, names: list[str]) -> list[str]:
    if has_request_context():
        limits = state_of(request).get(_ROLES_OF_KEY)
        limit = limits.get(user.id) if limits else None
    else:
        limit = vars(user).get(_LIMIT)
    return names if limit is None else [name for name in names if name in limit]


def _require_final_role_names(cls: type[UserMixin]) -> None:
    """
    :raises TypeError: the class has another `role_names`, which no key would limit.
    """
    if getattr_static(cls, "role_names") is not vars(UserMixin)["role_names"]:
        raise TypeError(
            f"{cls.__module__}.{cls.__qualname__} has role_names of its own, which no key limits: "
            "write a method granted_roles() that returns the names. A column needs another name."
        )


def _register_user_class(cls: type[UserMixin]) -> None:
    if not _registered:
        _registered.append(cls)
    elif not issubclass(cls, _registered[0]):
        first, second = (f"{each.__module__}.{each.__qualname__}" for each in (_registered[0], cls))
        raise TypeError(
            f"{second} is a second class of users beside {first}: let it inherit from that, or "
            "remove one."
        )
