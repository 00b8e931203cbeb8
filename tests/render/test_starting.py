"""What a rendered project says where it cannot start: one sentence, and no traceback."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import services
import support
from conftest import NewProject

TWO_WORKERS = {**services.BEHIND_A_PROXY, "WEB_CONCURRENCY": "2"}
COMMANDS = {
    "gunicorn": ("gunicorn",),
    "flask run": ("flask", "run", "--port=0"),
    "flask db": ("flask", "db", "upgrade"),
}
# A command, its settings, and what it says of them.
REFUSED: list[tuple[str, dict[str, str], str]] = [
    ("gunicorn", {"APP_ENV": "production"}, "start with these settings:\n  TRUSTED_HOSTS: "),
    ("gunicorn", TWO_WORKERS, "2 workers need more settings:\n  REDIS_URL: "),
    ("gunicorn", {"WEB_CONCURRENCY": "0"}, "WEB_CONCURRENCY: "),
    ("flask run", {"WEB_CONCURRENCY": "two"}, "WEB_CONCURRENCY: "),
    ("flask db", {"WEB_CONCURRENCY": "0"}, "WEB_CONCURRENCY: "),
]
by_gunicorn_and_flask = pytest.mark.parametrize(
    "command", [COMMANDS["gunicorn"], COMMANDS["flask db"]], ids=["gunicorn", "flask"]
)


@pytest.fixture(scope="module")
def project(ready_project: NewProject) -> Path:
    return ready_project()


def refusal(project: Path, *command: str, **environment: str) -> str:
    """Return what a command says that ends at once."""
    finished = support.attempt(sys.executable, "-m", *command, cwd=project, **environment)
    assert finished.returncode != 0, finished.stdout
    assert "Traceback" not in finished.stdout
    return finished.stdout


@pytest.mark.parametrize(("command", "environment", "words"), REFUSED)
def test_with_settings_by_which_it_could_not_serve(
    project: Path, command: str, environment: dict[str, str], words: str
) -> None:
    message = refusal(project, *COMMANDS[command], **environment)
    assert words in message
    assert "Booting worker" not in message


@by_gunicorn_and_flask
def test_without_a_place_for_sqlite(project: Path, command: tuple[str, ...]) -> None:
    environment = {"DATABASE_URL": f"sqlite:///{project / 'wsgi.py' / 'app.db'}"}
    assert "DATABASE_URL: SQLite cannot write" in refusal(project, *command, **environment)


def test_an_import_that_fails_is_the_last_line(new_project: NewProject) -> None:
    project = new_project()
    module = project / "app" / "api.py"
    module.write_text(f"from secure_flask import gone\n{module.read_text('utf-8')}", "utf-8")
    command = (sys.executable, "-m", *COMMANDS["flask db"])
    said = support.attempt(*command, cwd=project).stdout.rstrip()
    assert said.startswith("Error: Traceback")
    assert "ImportError: cannot import name 'gone'" in said.splitlines()[-1]


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
