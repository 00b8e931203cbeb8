"""Users: a name, the hash of a password, and whether they may log in."""

from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, mapped_column

from app.auth.passwords import hash_password
from app.db import Model, db

MAX_NAME = 150  # characters


class User(Model):
    """Somebody who can log in. Names are compared exactly, case included."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(MAX_NAME), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    disabled: Mapped[bool] = mapped_column(default=False)


def find(name: str) -> User | None:
    return db.session.scalar(select(User).where(User.name == name))


def create(name: str, password: str) -> User:
    """Add a user. The caller has checked the name and the password.

    :raises sqlalchemy.exc.IntegrityError: when the name is taken.
    """
    user = User(name=name, password_hash=hash_password(password))
    db.session.add(user)
    db.session.commit()
    return user
