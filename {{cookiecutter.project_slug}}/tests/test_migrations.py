"""Migrations: they make the tables that the models describe, and can be taken back."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from secure_flask import db, testing
from sqlalchemy import inspect

from tests.conftest import build_app, close

VERSIONS = Path(__file__).parents[1] / "migrations" / "versions"


@pytest.fixture
def empty(first_app: Flask) -> Iterator[Flask]:
    """An app whose database has no tables yet."""
    app = build_app()
    testing.drop_tables(app)
    yield app
    testing.drop_tables(app)
    close(app)
    # The other tests may use the same database.
    testing.create_tables(first_app)


def run(app: Flask, *command: str) -> Result:
    """Run `flask db …`."""
    return app.test_cli_runner().invoke(args=["db", *command])


def migrate(app: Flask, *command: str) -> set[str]:
    """The tables after `flask db …`."""
    done = run(app, *command)
    assert done.exit_code == 0, f"{' '.join(command)}: {done.output} {done.exception!r}"
    with app.app_context():
        return {*inspect(db.engine).get_table_names()} - {"alembic_version"}


def test_the_migrations_make_what_the_models_describe(empty: Flask) -> None:
    upgraded = run(empty, "upgrade")
    assert upgraded.exit_code == 0, upgraded.output
    checked = run(empty, "check")
    assert checked.exit_code == 0, (
        f"{checked.output}\nA model has changed: run `.venv/bin/flask db migrate`, and read the new "
        "file in migrations/versions/."
    )


def test_every_migration_can_be_taken_back(empty: Flask) -> None:
    assert migrate(empty, "upgrade")
    assert migrate(empty, "downgrade", "base") == set()
    # The second upgrade fails on what the downgrade left, such as a type of PostgreSQL.
    assert migrate(empty, "upgrade")
    assert migrate(empty, "downgrade", "base") == set()
