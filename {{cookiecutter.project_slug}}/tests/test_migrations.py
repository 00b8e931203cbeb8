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


def tables(app: Flask) -> set[str]:
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
    for command in (["upgrade"], ["downgrade", "base"], ["upgrade"], ["downgrade", "base"]):
        done = run(empty, *command)
        assert done.exit_code == 0, f"{' '.join(command)}: {done.output} {done.exception!r}"
        assert bool(tables(empty)) == (command == ["upgrade"])
