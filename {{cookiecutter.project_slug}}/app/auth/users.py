"""Users: a name, the hash of a password, an encrypted e-mail address, and who may log in."""

import re
from uuid import UUID, uuid4

from sqlalchemy import String, select, update
from sqlalchemy.orm import Mapped, mapped_column

from app.auth.passwords import hash_password
from app.crypto import encrypted_column
from app.db import Model, db

MAX_NAME = 150  # characters
# Only a message that arrives proves an address; this catches slips. Source: RFC 5321, 4.5.3.
EMAIL = re.compile(r"(?=.{3,254}$)[^\s@\x00-\x1f\x7f]{1,64}@[^\s@\x00-\x1f\x7f]+")


class User(Model):
    """Somebody who can log in. Names are compared exactly, case included."""

    __tablename__ = "users"

    # Known before the insert, so that what is encrypted can be bound to its row.
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str] = mapped_column(String(MAX_NAME), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    disabled: Mapped[bool] = mapped_column(default=False)
    email = encrypted_column(index=True)


def find(name: str) -> User | None:
    return db.session.scalar(select(User).where(User.name == name))


def password_hash_of(name: str) -> str | None:
    """The hash as it stands now; None where there is no such user, or a disabled one."""
    enabled = select(User.password_hash).where(User.name == name, User.disabled.is_(False))
    return db.session.scalar(enabled)


def replace_hash(name: str, known: str, new: str) -> User | None:
    """Put a hash in place of the one that a password was checked against; the user, then.

    None when that one is no longer there or the user is disabled. The row stays locked
    until the commit, so a change of the password waits, or this one fails.
    """
    unchanged = (User.name == name, User.password_hash == known, User.disabled.is_(False))
    replaced = update(User).where(*unchanged).values(password_hash=new)
    return db.session.scalar(replaced.returning(User))


def create(name: str, password: str, email: str | None = None) -> User:
    """Add a user. The caller has checked the name and the password.

    :raises sqlalchemy.exc.IntegrityError: when the name is taken.
    """
    user = User(name=name, password_hash=hash_password(password), email=email)
    db.session.add(user)
    db.session.commit()
    return user
