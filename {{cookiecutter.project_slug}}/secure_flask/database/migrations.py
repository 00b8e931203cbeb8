"""Runs migrations on the app's database connection; migrations/env.py of the project calls it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from alembic import context
from secure_flask.database.database import Model, db
from sqlalchemy import BLOB, CHAR, DATETIME, Connection
from sqlalchemy.types import TypeDecorator


def run_migrations() -> None:
    """Run what `flask db …` asked for."""
    with db.engine.connect() as connection, _foreign_keys_off(connection):
        # Batch mode copies a table to alter it, which SQLite requires.
        context.configure(
            connection=connection,
            target_metadata=Model.metadata,
            render_as_batch=True,
            render_item=_render_item,
        )
        with context.begin_transaction():
            context.run_migrations()


def _render_item(kind: str, item: object, context: object) -> str | Literal[False]:
    """Write types into new migrations so that they can be renamed, and fit each database.

    Of a column that goes, SQLite knows the type in its own words alone.
    """
    if kind != "type":
        return False
    ours = isinstance(item, TypeDecorator) and type(item).__module__.startswith("secure_flask.")
    if ours or isinstance(item, BLOB):
        return "sa.LargeBinary()"
    if isinstance(item, CHAR) and item.length == 32:
        return "sa.Uuid()"
    return "sa.DateTime()" if isinstance(item, DATETIME) else False


@contextmanager
def _foreign_keys_off(connection: Connection) -> Iterator[None]:
    """Let SQLite replace a table that others refer to, and check the references afterwards.

    Batch mode copies a table and drops the old one. With foreign keys on, SQLite would then
    delete each row that refers to it.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
    try:
        yield
        # SQLite ignores the pragma inside a transaction.
        connection.commit()
        broken = {row[0] for row in connection.exec_driver_sql("PRAGMA foreign_key_check")}
        if broken:
            raise SystemExit(f"Rows of {sorted(broken)} refer to rows that the migrations deleted.")
    finally:
        connection.rollback()
        connection.exec_driver_sql("PRAGMA foreign_keys = ON")
