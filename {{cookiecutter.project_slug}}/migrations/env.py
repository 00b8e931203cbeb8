"""The entry point of Alembic: runs the migrations on the app's database connection."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from alembic import context
from flask import current_app
from sqlalchemy import Connection

from app.crypto.encrypted_types import Encrypted
from app.db import Model


def render_item(kind: str, item: object, context: object) -> str | Literal[False]:
    """Write our column types into new migrations as LargeBinary, so that they can be renamed."""
    return "sa.LargeBinary()" if kind == "type" and isinstance(item, Encrypted) else False


@contextmanager
def foreign_keys_off(connection: Connection) -> Iterator[None]:
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


engine = current_app.extensions["migrate"].db.engine

with engine.connect() as connection, foreign_keys_off(connection):
    # Batch mode copies a table to alter it, which SQLite requires.
    context.configure(
        connection=connection,
        target_metadata=Model.metadata,
        render_as_batch=True,
        render_item=render_item,
    )
    with context.begin_transaction():
        context.run_migrations()
