"""`make run`: a slip in a file is shown in the browser until it is fixed, and ends nothing."""

from __future__ import annotations

import contextlib
import http.client
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import support
from conftest import NewProject
from services import clients

# What is added to a file, and what is then said of it.
SLIPS = {
    "the policy": ("app/policy.py", "CORS_ORIGINS = ['*']", "policy.py: CORS_ORIGINS holds "),
    "a setting": (".env", "LOG_LEVEL=LOUD", "LOG_LEVEL: "),
    "a view": ("app/api.py", "import nothing", "No module named "),
}


@pytest.fixture
def project(ready_project: NewProject) -> Path:
    return ready_project()


def append(file: Path, line: str) -> str:
    """Add a line to a file; gives what it held before."""
    before = file.read_text("utf-8")
    file.write_text(f"{before}\n{line}\n", "utf-8")
    return before


@contextlib.contextmanager
def make_run(project: Path, log: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Run `make run` with the packages of these tests; gives the port that it serves on."""
    support.need(shutil.which("make"), "make")
    port = support.free_port()
    # Never set up again, however old it is.
    command = ("make", "--old-file=.venv/ready", "PYTHON=false", "run", f"PORT={port}")
    with support.started(*command, cwd=project, log=log) as process:
        yield port, process


def wait_for(port: int, status: int, words: str = "") -> None:
    """Ask for the page until it is answered so."""
    deadline = time.monotonic() + clients.PATIENCE
    while time.monotonic() < deadline:
        # A client may lose its connection while the server restarts.
        with contextlib.suppress(OSError, http.client.HTTPException):
            answer = clients.ask(port, "/")
            if answer.status == status and words in answer.text:
                return
        time.sleep(0.1)
    pytest.fail(f"never answered {status} with {words!r}")


@pytest.mark.all
def test_a_slip_is_shown_in_the_browser_until_it_is_fixed(project: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with make_run(project, log) as (port, _):
        wait_for(port, 200)
        assert log.read_text("utf-8").count("sys_startup") == 1
        for name, line, words in SLIPS.values():
            before = append(project / name, line)
            wait_for(port, 500, words)
            (project / name).write_text(before, "utf-8")
            wait_for(port, 200)
        page = project / "app" / "templates" / "index.html"
        page.write_text(f"Ship ahoy! {page.read_text('utf-8')}", "utf-8")
        wait_for(port, 200, "Ship ahoy!")


def test_a_slip_at_the_first_start_ends_it_with_a_sentence(project: Path, tmp_path: Path) -> None:
    name, line, words = SLIPS["the policy"]
    append(project / name, line)
    assert words in said_at_the_end(project, tmp_path / "log")


def test_settings_that_cannot_be_read_end_it_with_a_sentence(project: Path, tmp_path: Path) -> None:
    (project / ".env").write_text("SECRET_KEY=x", "utf-16")
    said = said_at_the_end(project, tmp_path / "log")
    assert "\n.env cannot be read: make it a file in UTF-8" in said


def said_at_the_end(project: Path, log: Path) -> str:
    """Return what `make run` says that ends at once."""
    with make_run(project, log) as (_, process):
        assert process.wait(clients.PATIENCE) != 0
    said = log.read_text("utf-8")
    assert "Traceback" not in said
    return said


def make(project: Path, target: str, **environment: str) -> subprocess.CompletedProcess[str]:
    support.need(shutil.which("make"), "make")
    command = ("make", "--old-file=.venv/ready", "PYTHON=false", target)
    return support.attempt(*command, cwd=project, **environment)


@pytest.mark.all
def test_the_app_of_another_project_does_not_count(project: Path) -> None:
    checked = make(project, "deploy-check", FLASK_APP="other")
    assert checked.returncode == 0, checked.stdout


@pytest.mark.slow
def test_check_shows_what_each_tool_finds_and_fix_repairs_what_ruff_can(project: Path) -> None:
    untidy = project / "app" / "untidy.py"
    untidy.write_text("import os\nnumber: int = 'one'\nlist = [ 1 ]\n", "utf-8")
    checked = make(project, "check")
    assert checked.returncode == 2
    assert "F401" in checked.stdout
    assert "1 file would be reformatted" in checked.stdout
    assert "app/untidy.py:2: error: Incompatible types in assignment (expression" in checked.stdout
    assert "make fix repairs what ruff can." in checked.stdout
    assert make(project, "fix").returncode == 0
    assert untidy.read_text("utf-8") == 'number: int = "one"\nlist = [1]\n'
