"""`flask run --reload`, as `make run` starts it: a slip is shown until it is fixed, and ends nothing."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import clients
import services
import support
from conftest import NewProject

Edit = Callable[[str], str]


def adding(line: str) -> Edit:
    return lambda text: f"{text}\n{line}\n"


def shortening(name: str) -> Edit:
    return lambda text: text.replace(f"{name}=", f"{name}=short #")


# The file, what is done to it, and what is then said of it.
SLIPS: dict[str, tuple[str, Edit, str]] = {
    "the policy": (
        "app/policy.py",
        adding("CORS_ORIGINS = ['*']"),
        "policy.py: CORS_ORIGINS holds '*'",
    ),
    "a setting": (".env", adding("LOG_LEVEL=LOUD"), "LOG_LEVEL: "),
    "a secret": (".env", shortening("SECRET_KEY"), "SECRET_KEY: is short or a placeholder"),
    "the syntax": ("app/api.py", adding("def ="), "SyntaxError: invalid syntax (api.py, line "),
    "an import": (
        "secure_flask/database/database.py",
        adding("import nothing"),
        "ModuleNotFoundError: No module named 'nothing'",
    ),
    "an exception": ("app/policy.py", adding("1 / 0"), "ZeroDivisionError: division by zero"),
    "an import of the policy": (
        "app/policy.py",
        adding("from app import nothing"),
        "ImportError: cannot import name 'nothing'",
    ),
}


@pytest.fixture
def project(new_project: NewProject) -> Path:
    project = new_project()
    support.write_settings(project)
    return project


def slip(project: Path, which: str) -> Callable[[], None]:
    """Make a slip; gives what fixes it."""
    name, edit, _ = SLIPS[which]
    file = project / name
    before = file.read_text("utf-8")
    file.write_text(edit(before), "utf-8")

    def fix() -> None:
        file.write_text(before, "utf-8")

    return fix


def wait_for(port: int, status: int, words: str = "") -> clients.Answer:
    """Ask for the page until it is answered so."""
    deadline = time.monotonic() + clients.PATIENCE
    while time.monotonic() < deadline:
        # A client may lose its connection while the server restarts.
        with contextlib.suppress(OSError, http.client.HTTPException):
            answer = clients.ask(port, "/")
            if answer.status == status and words in answer.text:
                return answer
        time.sleep(0.1)
    pytest.fail(f"never answered {status} with {words!r}")


def shown(port: int, which: str) -> clients.Answer:
    return wait_for(port, 503, SLIPS[which][2])


@pytest.mark.parametrize("which", ["the policy", "a secret", "the syntax"])
def test_a_server_that_starts_with_a_slip_shows_it_and_serves_once_it_is_fixed(
    project: Path, tmp_path: Path, which: str
) -> None:
    fix = slip(project, which)
    with services.flask_run(project, tmp_path / "log", "--reload") as port:
        shown(port, which)
        fix()
        wait_for(port, 200)
    # Of the syntax it is told in more lines there.
    assert SLIPS[which][2].partition(" (")[0] in (tmp_path / "log").read_text("utf-8")


@pytest.mark.slow
def test_so_does_one_that_is_reloaded_after_every_slip(project: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with services.flask_run(project, log, "--reload") as port:
        wait_for(port, 200)
        for which in SLIPS:
            fix = slip(project, which)
            shown(port, which)
            fix()
            wait_for(port, 200)
        page = project / "app" / "templates" / "index.html"
        page.write_text(f"Ship ahoy! {page.read_text('utf-8')}", "utf-8")
        support.wait_until(lambda: clients.ask(port, "/").text.startswith("Ship ahoy!"))
    # Each start that serves is announced, once.
    assert log.read_text("utf-8").count("sys_startup") == 1 + len(SLIPS)


@contextlib.contextmanager
def make_run(project: Path, log: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Run `make run` with the packages of these tests; gives the port that it serves on."""
    support.need(shutil.which("make"), "make")
    (project / ".venv").symlink_to(sys.prefix)
    port = support.free_port()
    # Never set up again, however old it is.
    command = ("make", "--old-file=.venv", "PYTHON=false", "run", f"PORT={port}")
    with support.started(*command, cwd=project, log=log) as process:
        yield port, process


@pytest.mark.parametrize("which", ["the policy", "an import of the policy"])
def test_make_run_in_a_new_project_serves_once_a_slip_is_fixed(
    new_project: NewProject, tmp_path: Path, which: str
) -> None:
    project = new_project()
    fix = slip(project, which)
    with make_run(project, tmp_path / "log") as (port, _):
        shown(port, which)
        fix()
        wait_for(port, 200)


def test_make_run_ends_with_a_sentence_where_the_settings_cannot_be_read(
    project: Path, tmp_path: Path
) -> None:
    (project / ".env").write_text("SECRET_KEY=x", "utf-16")
    with make_run(project, tmp_path / "log") as (_, process):
        assert process.wait(clients.PATIENCE) != 0
    said = (tmp_path / "log").read_text("utf-8")
    assert "\n.env is not UTF-8: write it again in UTF-8.\n" in said
    assert "Traceback" not in said


def test_what_is_shown_is_inert_and_holds_no_secret(project: Path, tmp_path: Path) -> None:
    secrets = (project / ".env").read_text("utf-8").splitlines()
    slip(project, "a secret")
    with services.flask_run(project, tmp_path / "log", "--reload") as port:
        answer = shown(port, "a secret")
        elsewhere = clients.ask(port, "/", headers={"Host": "rebound.example"})
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; ")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert not [line for line in secrets[1:] if line.partition("=")[2] in answer.text]
    assert (elsewhere.status, "SECRET_KEY" in elsewhere.text) == (503, False)


def test_a_file_of_settings_that_cannot_be_read_is_shown_too(project: Path, tmp_path: Path) -> None:
    file = project / ".env"
    good = file.read_bytes()
    with services.flask_run(project, tmp_path / "log", "--reload") as port:
        wait_for(port, 200)
        file.write_text("SECRET_KEY=x", "utf-16")
        wait_for(port, 503, ".env is not UTF-8")
        file.write_bytes(good)
        wait_for(port, 200)


ENDS = {
    "in production": (["run", "--reload"], {"APP_ENV": "production"}),
    "without the reloader": (["run"], {}),
    "as any other command": (["routes"], {}),
}


@pytest.mark.parametrize(("command", "environment"), ENDS.values(), ids=ENDS)
def test_anything_else_ends_with_the_message(
    project: Path, command: list[str], environment: dict[str, str]
) -> None:
    slip(project, "a secret")
    finished = subprocess.run(
        [sys.executable, "-m", "flask", *command],
        cwd=project,
        env=os.environ | support.COMPILED | environment,
        stderr=subprocess.PIPE,
        text=True,
        timeout=clients.PATIENCE,
    )
    assert finished.returncode == 1
    assert finished.stderr.startswith("This app does not start with these settings:\n")
    assert SLIPS["a secret"][2] in finished.stderr
