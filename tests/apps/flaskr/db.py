"""The tables of Flask's tutorial in the database of a project, and its SQL in the project's session."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from secure_flask import Model, db
from sqlalchemy import ForeignKey, func
from sqlalchemy.orm import Mapped, mapped_column


class Author(Model):
    __tablename__ = "user"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(unique=True)
    password: Mapped[str]


class Post(Model):
    __tablename__ = "post"

    id: Mapped[int] = mapped_column(primary_key=True)
    author_id: Mapped[int] = mapped_column(ForeignKey(Author.id))
    created: Mapped[str] = mapped_column(server_default=func.current_timestamp())
    title: Mapped[str]
    body: Mapped[str]


class Database:
    """What the tutorial needs of a connection of sqlite3."""

    IntegrityError = sqlite3.IntegrityError

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> Any:
        return self._cursor().execute(sql, parameters)

    def executescript(self, sql: str) -> None:
        self._cursor().executescript(sql)

    def commit(self) -> None:
        db.session.commit()

    def _cursor(self) -> Any:
        cursor: Any = db.session.connection().connection.cursor()
        cursor.row_factory = sqlite3.Row
        return cursor


def get_db() -> Database:
    return Database()


def init_db() -> None:
    """Create the tables."""
    Model.metadata.create_all(db.engine)
