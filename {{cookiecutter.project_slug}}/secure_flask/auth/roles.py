"""Roles: names of what users may do, which views demand by `@roles_required`.

Each request reads the roles again, so one that was taken away opens nothing any more.
Source: OWASP ASVS 8.2.1, 8.3.2.
"""

import re

from secure_flask.database import Model, db
from sqlalchemy import Column, ForeignKey, String, Table, Uuid, select
from sqlalchemy.orm import Mapped, mapped_column

MAX_NAME = 80  # characters
# One spelling: `Admin` beside `admin` would be a role that nobody notices.
_NAME = re.compile(r"[a-z][a-z0-9_-]*")

user_roles = Table(
    "user_roles",
    Model.metadata,
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("role_id", ForeignKey("roles.id", ondelete="CASCADE"), primary_key=True, index=True),
)


class Role(Model):
    """A role that users may have."""

    __tablename__ = "roles"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(MAX_NAME), unique=True)


def is_name(name: object) -> bool:
    """Whether a role may have this name, such as `admin` or `order-desk`."""
    return isinstance(name, str) and len(name) <= MAX_NAME and bool(_NAME.fullmatch(name))


def stored() -> list[Role]:
    """The roles in the database, by name."""
    return list(db.session.scalars(select(Role).order_by(Role.name)))
