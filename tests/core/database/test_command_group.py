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


def test_an_error_is_said_with_the_commands_that_help(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app()
    said = run(app, "SELECT 1 FROM tables_of_mine")
    helping = ("tables_of_mine", ".venv/bin/flask db migrate", ".venv/bin/flask db upgrade")
    assert [words for words in helping if words not in said] == []
    said = run(app, "INSERT INTO users SELECT * FROM users")
    assert "users" in said
    assert "unique" in said.lower()
    assert "Nothing was changed" not in said, "the command may have stored other rows before"
    assert "foreign key" not in said
    monkeypatch.setattr(db.session, "execute", away)
    assert "cannot be reached" in run(app, "SELECT 1")


def test_a_typo_is_a_traceback(make_app: MakeApp) -> None:
    with pytest.raises(DBAPIError, match="SELEC"):
        run(make_app(), "SELEC 1", catch_exceptions=False)
