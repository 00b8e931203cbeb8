"""What a block sends to the database and reads of it: statements and rows, never seconds."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from secure_flask.database import db
from sqlalchemy import Engine, event

SIZES = (100, 10_000)  # rows of a table, which what is asked of it must not show


@dataclass
class Counted:
    """The statements that were sent, and the rows that each gave back."""

    statements: list[str] = field(default_factory=list)
    rows_of: list[int] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return sum(self.rows_of)

    @property
    def sizes(self) -> tuple[int, int]:
        """What to compare at 100 and at 10,000 rows."""
        return len(self.statements), self.rows


@contextmanager
def counted_statements(engine: Engine) -> Iterator[Counted]:
    """Count in this thread. A row that a statement only changes or deletes is not read."""
    counted = Counted()

    def send(connection: Any, cursor: Any, statement: str, *rest: object) -> None:
        counted.statements.append(statement)
        counted.rows_of.append(0)
        if isinstance(cursor, sqlite3.Cursor):
            # SQLite computes a row when it is fetched, and does not know their number before.
            cursor.row_factory = _RowFactory(counted.rows_of, len(counted.rows_of) - 1)

    def receive(connection: Any, cursor: Any, *rest: object) -> None:
        # psycopg has received all rows by now, even those that nobody fetches.
        if not isinstance(cursor, sqlite3.Cursor) and cursor.description:
            counted.rows_of[-1] = cursor.rowcount

    event.listen(engine, "before_cursor_execute", send)
    event.listen(engine, "after_cursor_execute", receive)
    try:
        yield counted
    finally:
        event.remove(engine, "before_cursor_execute", send)
        event.remove(engine, "after_cursor_execute", receive)


@contextmanager
def statements_of(app: Flask) -> Iterator[Counted]:
    """`counted_statements` of an app whose context is not open."""
    with app.app_context():
        engine = db.engine
    with counted_statements(engine) as counted:
        yield counted


@dataclass
class _RowFactory:
    rows_of: list[int]
    statement: int

    def __call__(self, cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> tuple[Any, ...]:
        self.rows_of[self.statement] += 1
        return row
