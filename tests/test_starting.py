"""What a rendered project says where it cannot start: one sentence, and no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import clients
import support
from conftest import NewProject

COMMANDS = {
    "gunicorn": ("gunicorn",),
    "flask run": ("flask", "run", "--port=0"),
    "flask db": ("flask", "db", "upgrade"),
}
by_gunicorn_and_flask = pytest.mark.parametrize(
    "command", [COMMANDS["gunicorn"], COMMANDS["flask db"]], ids=["gunicorn", "flask"]
)


@pytest.fixture(scope="module")
def project(ready_project: NewProject) -> Path:
    return ready_project()


def refusal(project: Path, *command: str, **environment: str) -> str:
    """Return what a command says that ends at once."""
    finished = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=project,
        env=os.environ | support.COMPILED | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=clients.PATIENCE,
    )
    assert finished.returncode != 0, finished.stdout
    assert "Traceback" not in finished.stdout
    return finished.stdout


@by_gunicorn_and_flask
def test_without_a_place_for_sqlite(project: Path, command: tuple[str, ...]) -> None:
    environment = {"DATABASE_URL": f"sqlite:///{project / 'wsgi.py' / 'app.db'}"}
    assert "DATABASE_URL: SQLite cannot write" in refusal(project, *command, **environment)


@by_gunicorn_and_flask
def test_with_a_line_of_the_settings_that_cannot_be_read(
    project: Path, command: tuple[str, ...]
) -> None:
    file = project / ".env"
    right = file.read_text("utf-8")
    file.write_text(f"{right}\nDATABASE_URL 'leaked\n", "utf-8")
    try:
        message = refusal(project, *command)
    finally:
        file.write_text(right, "utf-8")
    assert "close each quote" in message.splitlines()[-1]
    assert "leaked" not in message
    # Flask reads the file before any code of the project and says so itself.
    assert message.count("python-dotenv could not parse") == (command[0] == "flask")


@pytest.mark.parametrize(("command", "value"), [("flask run", "two"), ("flask db", "0")])
def test_with_a_number_of_processes_that_is_none(project: Path, command: str, value: str) -> None:
    message = refusal(project, *COMMANDS[command], WEB_CONCURRENCY=value)
    assert "WEB_CONCURRENCY: " in message
