"""The user model: a name, a password hash, a disabled flag, and what identities.py adds."""

import re
from uuid import UUID, uuid4

from sqlalchemy import String, select, update
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.auth.identities import Identity
from app.auth.passwords import hash_password
from app.auth.roles import Role, user_roles
from app.db import Model, db

MAX_NAME = 150  # characters
# This only catches typing errors: a delivered message is the proof. Source: RFC 5321, 4.5.3.
EMAIL = re.compile(r"(?=.{3,254}$)[^\s@\x00-\x1f\x7f]{1,64}@[^\s@\x00-\x1f\x7f]+")


class User(Identity, Model):
    """A person who can log in. Names are case-sensitive."""

    __tablename__ = "users"

    # A UUID is known before the insert, so that encrypted values can be bound to the row.
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str] = mapped_column(String(MAX_NAME), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    disabled: Mapped[bool] = mapped_column(default=False)
    # Read at its first use, so that only requests that ask for roles query for them.
    roles: Mapped[list[Role]] = relationship(
        secondary=user_roles, order_by=Role.name, passive_deletes=True
    )

    @property
    def role_names(self) -> list[str]:
        return [role.name for role in self.roles]


def find(name: str) -> User | None:
    return db.session.scalar(select(User).where(User.name == name))


def password_hash_of(name: str) -> str | None:
    """The stored hash; None for an unknown or disabled user."""
    enabled = select(User.password_hash).where(User.name == name, User.disabled.is_(False))
    return db.session.scalar(enabled)


def replace_hash(name: str, expected: str, new: str) -> User | None:
    """Compare-and-swap of the password hash: store `new` if the hash is still `expected`.

    Returns the user; None if the hash has changed or the user is disabled. The row stays
    locked until the commit, so a concurrent password change waits.
    """
    unchanged = (User.name == name, User.password_hash == expected, User.disabled.is_(False))
    replaced = update(User).where(*unchanged).values(password_hash=new)
    return db.session.scalar(replaced.returning(User))


def lock(user_id: UUID) -> bool:
    """Lock the user's row until the commit; False if the user is gone or disabled by now.

    A request locks this row before rows that belong to the user, as a deletion does. Two requests
    that lock them in different orders would be in a deadlock.
    """
    # Rows that refer to the user can still be added meanwhile.
    enabled = select(User.id).where(User.id == user_id, User.disabled.is_(False))
    return db.session.scalar(enabled.with_for_update(key_share=True)) is not None


def create(name: str, password: str, email: str | None = None) -> User:
    """Add a user. The caller must have validated the name and the password.

    :raises sqlalchemy.exc.IntegrityError: the name is taken.
    """
    user = User(name=name, password_hash=hash_password(password), email=email)
    db.session.add(user)
    db.session.commit()
    return user
