"""The page of messages: each appears for real, or stands in the code as the page shows it."""

from __future__ import annotations

import json
import re
import shutil
import socket
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

import services
import support
from conftest import NewProject
from services import clients

PAGE = support.PAGES / "how-to" / "troubleshooting.md"
ROW = re.compile(r"^\| (?:`` ?(.+?) ?``|`(.+?)`)(?: \((\d+)\))? \|", re.MULTILINE)
# The status of each message; empty where it is no answer of the app.
LISTED = {
    double or single: status for double, single, status in ROW.findall(PAGE.read_text("utf-8"))
}
OWN_PAGE, OTHER_SITE = {"Origin": "http://localhost"}, {"Origin": "https://other.example"}
WRONG = {"username": "nobody", "password": "wrong"}
LOGIN = {"path": "/login", "method": "POST"}
HTTP = "http in production"
# What a client does. The page has a row for what it then reads.
SENT: dict[str, dict[str, Any]] = {
    "unknown host": {"path": "/login", "headers": {"Host": "192.168.1.5:8000"}},
    "no login": {"path": "/me"},
    "an old login": {"path": "/careful", "log_in": True},
    "a missing role": {"path": "/admins", "log_in": True},
    "a form of another site": {**LOGIN, "data": WRONG, "headers": OTHER_SITE},
    "a form without an origin": {**LOGIN, "data": WRONG},
    HTTP: {**LOGIN, "json": WRONG},
    "a large body": {**LOGIN, "json": {"username": "a" * 70_000}},
    "a form for a view of JSON": {
        **{"path": "/api/tasks", "method": "POST", "data": {"title": "Milk"}, "headers": OWN_PAGE}
    },
    "many wrong passwords": {**LOGIN, "json": WRONG, "times": 9},
}
# No Python of these tests is that old.
IN_CODE = {
    "This needs Python 3.11 or newer: make PYTHON=python3.13": support.FOLDER / "Makefile",
}
CHANGED = """
from app import create_app
app = create_app()
app.config["TOKEN_TYPE"] = "other"
"""
# Scripts, styles and requests that a browser refuses.
REFUSED = """<!doctype html><title>Bare</title><style>p { color: red }</style>
<script type="module" src="{{ asset('page.js').url }}" integrity="sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" nonce="{{ csp_nonce() }}"></script>
"""


@pytest.fixture(scope="module")
def project(ready_project: NewProject) -> Path:
    return ready_project()


def said(project: Path, *command: str | Path, **environment: str) -> str:
    """Return what a command says, whether it fails or not."""
    ran = support.attempt(*command, cwd=project, **environment)
    # A terminal breaks lines at its width.
    return " ".join(ran.stdout.split())


def flask(project: Path, *arguments: str, **environment: str) -> str:
    return said(project, sys.executable, "-m", "flask", *arguments, **environment)


@pytest.fixture(scope="module")
def answers(project: Path) -> dict[str, list[Any]]:
    production = {"app_env": "production", "trusted_hosts": ["localhost"]}
    asked = {name: sent for name, sent in SENT.items() if name != HTTP}
    return {**ask(project, asked), **ask(project, {HTTP: SENT[HTTP]}, production)}


def ask(
    project: Path, asked: dict[str, Any], settings: dict[str, Any] | None = None
) -> dict[str, list[Any]]:
    script, arguments = Path(__file__).with_name("refused_requests.py"), (asked, settings or {})
    printed = support.python(
        script, *map(json.dumps, arguments), cwd=project, PYTHONPATH=str(project)
    )
    answers: dict[str, list[Any]] = json.loads(printed.splitlines()[-1])
    return answers


def row_of(text: str) -> str:
    """The message by which the page lists this answer, or what the page lacks."""
    shown = str(json.loads(text)["error"])
    begun = [each for each in LISTED if each.endswith("at most") and shown.startswith(each)]
    return next(
        (each for each in [shown, *begun] if each in LISTED),
        f"{PAGE.name} has no row for {shown!r}",
    )


@pytest.mark.parametrize("done", SENT)
def test_an_answer_has_a_message_and_status_of_the_page(
    done: str, answers: dict[str, list[Any]]
) -> None:
    status, text = answers[done]
    assert (row := row_of(text)) in LISTED
    assert str(status) == LISTED[row]


@pytest.mark.parametrize("message", IN_CODE)
def test_the_code_has_the_message_of_the_page(message: str) -> None:
    assert message in LISTED
    assert message in IN_CODE[message].read_text("utf-8")


@pytest.mark.all
def test_a_database_without_tables_is_named(project: Path, tmp_path: Path) -> None:
    empty = {"DATABASE_URL": f"sqlite:///{tmp_path}/empty.db"}
    code = "from wsgi import app\nprint(app.test_client().get('/readyz').text)"
    assert "Temporarily unavailable" in said(project, sys.executable, "-c", code, **empty)
    assert LISTED["Temporarily unavailable"] == "503"
    assert "no such table:" in flask(project, "user", "list", **empty)
    assert "Target database is not up to date." in flask(
        project, "db", "migrate", "-m", "new", **empty
    )


@pytest.mark.all
def test_columns_and_revisions_that_the_database_lacks_are_named(
    project: Path, tmp_path: Path
) -> None:
    file = tmp_path / "old.db"
    old = {"DATABASE_URL": f"sqlite:///{file}"}
    flask(project, "db", "upgrade", **old)
    with sqlite3.connect(file) as database:
        database.execute("ALTER TABLE users RENAME COLUMN disabled TO former")
        database.execute("UPDATE alembic_version SET version_num = 'elsewhere'")
    assert "no such column:" in flask(project, "user", "list", **old)
    assert "Can't locate revision identified by" in flask(project, "db", "upgrade", **old)


@pytest.mark.all
def test_commands_name_a_role_and_a_user_that_are_not_there(project: Path) -> None:
    code = "from wsgi import app\nfrom secure_flask import create_user\n"
    code += f"with app.app_context(): create_user('mary', {clients.PASSWORD!r})"
    support.python("-c", code, cwd=project)
    assert "There is no role" in flask(project, "user", "roles", "mary", "editor")
    assert "There is no user" in flask(project, "user", "disable", "nobody")


@pytest.mark.all
def test_settings_are_named_that_are_missing_or_cannot_be_read(
    project: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(project, copy, ignore=shutil.ignore_patterns(".env", ".venv"))
    assert "This app does not start with these settings:" in flask(copy, "routes")
    (copy / ".env").write_text("SECRET_KEY=x", "utf-16")
    read = said(copy, sys.executable, "-m", "secure_flask.settings")
    assert ".env cannot be read: make it a file in UTF-8" in read
    assert "UnicodeDecodeError" in flask(copy, "routes")
    (copy / ".env").unlink()
    (copy / ".venv").mkdir()
    other = said(copy, sys.executable, "-S", "-c", "import secure_flask")
    assert "lacks packages of secure_flask. The project has its Python in" in other


@pytest.mark.all
def test_a_value_that_comes_too_late_is_named(project: Path) -> None:
    late = said(project, sys.executable, "-c", CHANGED)
    assert "app.config does not change after secure_flask.init_app." in late


@pytest.mark.all
def test_servers_name_a_taken_port_and_missing_services(project: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert "is in use by another program" in flask(project, "run", f"--port={port}")
        gunicorn = (sys.executable, "-m", "gunicorn")
        assert "Connection in use:" in said(project, *gunicorn, PORT=port)
        open_to_all = said(project, *gunicorn, PORT=port, BIND_HOST="0.0.0.0")  # noqa: S104
        assert "gunicorn would serve other machines on" in open_to_all
    several = {"APP_ENV": "production", "TRUSTED_HOSTS": "localhost", "WEB_CONCURRENCY": "2"}
    assert "workers need more settings:" in said(project, *gunicorn, PORT=port, **several)


@pytest.mark.all
def test_uv_names_a_command_that_it_lacks_and_a_stale_lock(tmp_path: Path) -> None:
    uv = Path(sys.executable).with_name("uv")
    assert "unrecognized subcommand" in said(tmp_path, uv, "audit-of-tomorrow")
    lines = '[project]\nname = "it"\nversion = "1"\nrequires-python = ">=3.11"\n'
    (tmp_path / "pyproject.toml").write_text(lines)
    said(tmp_path, uv, "lock", "--offline")
    (tmp_path / "pyproject.toml").write_text(lines.replace("3.11", "3.12"))
    stale = said(tmp_path, uv, "sync", "--offline", "--locked")
    assert "needs to be updated, but `--locked` was provided" in stale


@pytest.mark.all
@pytest.mark.slow
def test_the_console_of_a_browser_says_what_it_refused(
    new_project: NewProject, page: Page, tmp_path: Path
) -> None:
    words = (
        "violates the following Content Security Policy directive",
        "Failed to find a valid digest in the 'integrity' attribute",
        "has been blocked by CORS policy",
    )
    project = new_project()
    (project / "app" / "templates" / "index.html").write_text(REFUSED, "utf-8")
    console: list[str] = []
    page.on("console", lambda line: console.append(line.text))
    with services.gunicorn(project, tmp_path / "log") as port:
        address = f"http://127.0.0.1:{port}"
        page.goto(address)
        page.goto("about:blank")
        with page.expect_console_message(lambda line: words[-1] in line.text):
            page.evaluate("(url) => fetch(url).catch(() => 0)", f"{address}/me")
    assert [each for each in words if each not in LISTED] == []
    assert {each: any(each in line for line in console) for each in words} == dict.fromkeys(
        words, True
    )


def test_each_message_of_the_page_is_answered_or_in_a_test_or_in_the_core(
    answers: dict[str, list[Any]],
) -> None:
    """No request waits for another here, so nobody gets that there are too many at once."""
    core = (support.FOLDER / "secure_flask").rglob("*.py")
    source = "".join(file.read_text("utf-8") for file in (Path(__file__), *core))
    known = {row_of(text) for _, text in answers.values()}
    assert len(LISTED) > 25
    assert [each for each in LISTED if each not in known and f'"{each}"' not in source] == []
