"""Finds models without their migration, in a database that is at the newest one.

It reports what `flask db migrate` would write, except what breaks no statement: a table without a
model, and a column without a model that needs no value.
Source: Alembic, "Auto Generating Migrations".
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from alembic.autogenerate import produce_migrations
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from flask import Flask
from secure_flask.checks.registry import Finding, register_check
from secure_flask.checks.services import has_migrations, problem_of_migrations
from secure_flask.database import db
from secure_flask.database.database import app_metadata
from secure_flask.database.failures import MIGRATION_COMMANDS


@register_check("database.models", "error")
def different_models(app: Flask) -> Iterator[Finding]:
    if not has_migrations() or problem_of_migrations() is not None:
        return
    for table, differences in _differences().items():
        yield Finding(
            f"The model of the table {table} differs from the database: {', '.join(differences)}.",
            hint=f"Run {MIGRATION_COMMANDS[0]}, read the new file, and run {MIGRATION_COMMANDS[1]}",
        )


def _differences() -> dict[str, list[str]]:
    """The differences in words, by the table of a model."""
    found = defaultdict[str, list[str]](list)
    tables = app_metadata()
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        operations = produce_migrations(context, tables).upgrade_ops
    for operation in _single(operations.ops if operations else ()):
        table = getattr(operation, "table_name", "")
        key = f"{schema}.{table}" if (schema := getattr(operation, "schema", None)) else table
        if key in tables.tables and (said := _in_words(operation)):
            found[key].append(said)
    return found


def _single(operations: Iterable[ops.MigrateOperation]) -> Iterator[ops.MigrateOperation]:
    for operation in operations:
        if isinstance(operation, ops.ModifyTableOps):
            yield from operation.ops
        else:
            yield operation


def _in_words(operation: ops.MigrateOperation) -> str | None:
    if isinstance(operation, ops.CreateTableOp):
        return "it is missing"
    if isinstance(operation, ops.AddColumnOp):
        return f"column {operation.column.name} is missing"
    if isinstance(operation, ops.DropColumnOp):
        return _unknown_column(operation)
    if isinstance(operation, ops.AlterColumnOp):
        return f"column {operation.column_name} is another one"
    named = getattr(operation, "index_name", None) or getattr(operation, "constraint_name", None)
    return f"index or constraint {named or '(without a name)'}"


def _unknown_column(operation: ops.DropColumnOp) -> str | None:
    """The words for a column that no model fills; None if new rows need no value for it."""
    column = operation.to_column()
    needs_value = not column.nullable and column.server_default is None
    return f"column {column.name} is in no model and needs a value" if needs_value else None
