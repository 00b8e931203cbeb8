"""Runs migrations on the app's database connection; migrations/env.py of the project calls it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import click
from alembic import context
from secure_flask.database.database import Model, db, missing_tables
from sqlalchemy import BLOB, CHAR, DATETIME, Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeDecorator

# The messages of SQLite and PostgreSQL if existing rows get no value for a column.
WITHOUT_VALUE = ("NOT NULL", "null value")
NEEDS_VALUE = (
    "Nothing was changed, since a column that is NOT NULL needs a value for the rows that exist: {}\n"
    'Write it in the migration, as in sa.Column("places", sa.Integer(), nullable=False, '
    'server_default="1"). For a column that exists, fill it before alter_column(…, nullable=False).'
)
LACKS_TABLES = (
    "The database is at the newest migration, and lacks tables: {}. For a new model run "
    "`.venv/bin/flask db migrate`. Else they were deleted, or `flask db stamp` noted migrations that "
    "never ran: bring back a copy, or empty the database and run `.venv/bin/flask db upgrade`."
)
UNCHANGED = (
    "No changes in schema detected, so no migration is written. "
    "Does a module that the app imports import your model?"
)


def run_migrations() -> None:
    """Run what `flask db …` asked for: `secure_flask.run_migrations()` in migrations/env.py.

    :raises click.ClickException: a column lacks a value, or rows refer to deleted ones.
    """
    with db.engine.connect() as connection, _explained(), _whole_or_not_at_all(connection):
        # Batch mode copies a table to alter it, which SQLite requires.
        context.configure(
            connection=connection,
            target_metadata=Model.metadata,
            render_as_batch=True,
            render_item=_render_item,
            process_revision_directives=_drop_if_empty,
        )
        with context.begin_transaction():
            context.run_migrations()
        applied = context.get_context().get_current_heads()
    if {*applied} == {*context.script.get_heads()}:
        _warn_of_missing_tables()


def _warn_of_missing_tables() -> None:
    # `flask db migrate` is the command that repairs this.
    command = click.get_current_context(silent=True)
    if command and command.info_name == "upgrade" and (missing := missing_tables()):
        click.echo(LACKS_TABLES.format(", ".join(missing)), err=True)


def _drop_if_empty(migration: Any, _: object, written: list[Any]) -> None:
    """Let `flask db migrate` write no migration that changes nothing."""
    compares = getattr(migration.config.cmd_opts, "autogenerate", False)
    if compares and written[0].upgrade_ops.is_empty():
        written.clear()
        click.echo(UNCHANGED)


def _render_item(kind: str, item: object, context: object) -> str | Literal[False]:
    """Write types that fit each database into new migrations, not classes of the core.

    A class may be renamed later. SQLite names the type of a dropped column BLOB or CHAR.
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
def _explained() -> Iterator[None]:
    """Explain the most common error of a new column, without a traceback."""
    try:
        yield
    except DBAPIError as error:
        if any(words in str(error.orig) for words in WITHOUT_VALUE):
            raise click.ClickException(NEEDS_VALUE.format(error.orig)) from error
        raise


@contextmanager
def _whole_or_not_at_all(connection: Connection) -> Iterator[None]:
    """Roll back a failed migration on SQLite too, and lose no row.

    Batch mode copies a table and drops the old one. Without a transaction, a failed migration would
    leave the copy, `_alembic_tmp_…`. With foreign keys on, SQLite would delete each row that refers
    to the old table, so they are off here, and the references are checked afterwards.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    # SQLite ignores this pragma inside a transaction.
    connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
    try:
        # Python's driver begins no transaction before a CREATE TABLE.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield
        broken = {row[0] for row in connection.exec_driver_sql("PRAGMA foreign_key_check")}
        if broken:
            raise click.ClickException(
                f"Rows of {sorted(broken)} refer to rows that the migrations deleted."
            )
        connection.commit()
    finally:
        connection.rollback()
        connection.exec_driver_sql("PRAGMA foreign_keys = ON")
