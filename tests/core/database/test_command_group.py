"""What an operator reads where a command meets an error of the database."""

import pytest
from flask import Flask
from flask.cli import with_appcontext
from secure_flask.database import db
from secure_flask.database.command_group import Command
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core.conftest import MakeApp, away


def run(app: Flask, statement: str, **options: bool) -> str:
    """The output of a command that runs a statement and is refused."""

    def seed() -> None:
        db.session.execute(text(statement))

    command = Command("seed", callback=with_appcontext(seed))
    result = app.test_cli_runner().invoke(command, **options)
    assert (result.exit_code, result.stdout) == (1, "")
    return result.stderr


def test_a_missing_table_is_named_with_the_commands(make_app: MakeApp) -> None:
    said = run(make_app(), "SELECT 1 FROM tables_of_mine")
    assert "tables_of_mine" in said
    assert ".venv/bin/flask db migrate" in said
    assert ".venv/bin/flask db upgrade" in said


def test_a_value_that_is_taken_is_said_and_nothing_that_may_be_wrong(make_app: MakeApp) -> None:
    said = run(make_app(), "INSERT INTO users SELECT * FROM users")
    assert "users" in said
    assert "unique" in said.lower()
    assert "Nothing was changed" not in said, "the command may have stored other rows before"
    assert "foreign key" not in said


def test_a_typo_is_a_traceback(make_app: MakeApp) -> None:
    with pytest.raises(DBAPIError, match="SELEC"):
        run(make_app(), "SELEC 1", catch_exceptions=False)


def test_a_database_that_is_away_is_said_in_one_sentence(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app()
    monkeypatch.setattr(db.session, "execute", away)
    assert "cannot be reached" in run(app, "SELECT 1")
