"""`make demo` in a fresh clone serves a page, and the login that it prints last works."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import clients
import support
from conftest import NewProject

DEMO = support.TEMPLATE / "demo.py"
LAST_LINES = re.compile(r"address +(\S+)\n +user name +(\S+)\n +password +(\S+)\s*\Z")


@pytest.mark.all
@pytest.mark.slow
def test_a_fresh_clone_serves_a_page_and_the_login_printed_last_works(tmp_path: Path) -> None:
    port = support.free_port()
    clone = support.copy_template(tmp_path / "clone")
    log = tmp_path / "log"
    with support.started("make", "demo", f"PORT={port}", cwd=clone, log=log) as process:
        login = wait_for(LAST_LINES, log, process)
        address, name, password = login.groups()
        before = login.string[: login.start()]
        assert f"Running on {address}" in before
        assert before.count("sys_startup") == 1
        assert address == f"http://localhost:{port}"
        page = clients.ask(port, "/")
        assert "<h1" in page.text
        assert "script-src 'nonce-" in page.headers["Content-Security-Policy"]
        assert clients.log_in(port, name, password).body["token"]


@pytest.fixture
def copy(ready_project: NewProject, tmp_path: Path) -> Path:
    """A folder with demo.py, and the project that it has made."""
    shutil.copy(DEMO, tmp_path)
    example = f"{support.FOLDER.name}/.env.example"
    support.copy(support.TEMPLATE / example, tmp_path / example)
    project = tmp_path / "build" / "my-service"
    project.parent.mkdir()
    ready_project().rename(project)
    return tmp_path


def test_the_settings_of_another_project_do_not_count(copy: Path) -> None:
    others = {"database_url": f"sqlite:///{copy}/other.db", "FLASK_APP": "other"}
    port, log = support.free_port(), copy / "log"
    upgrade = "demo.run(demo.PYTHON, '-m', 'flask', 'db', 'upgrade')"
    serve = f"import demo; {upgrade}; demo.serve({port}, 'the login')"
    with support.started(sys.executable, "-c", serve, cwd=copy, log=log, **others) as process:
        wait_for(re.compile("the login"), log, process)
    assert not (copy / "other.db").exists()


@pytest.mark.parametrize("told_by", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "kill"])
def test_no_server_is_left_when_the_demo_ends(told_by: signal.Signals, copy: Path) -> None:
    port, log = support.free_port(), copy / "log"
    # A process that a shell starts in the background ignores Ctrl-C, and so does what it starts.
    heed = "signal.signal(signal.SIGINT, signal.default_int_handler)"
    serve = f"import demo, signal; {heed}; demo.serve({port}, 'the login')"
    with support.started(sys.executable, "-c", serve, cwd=copy, log=log) as process:
        wait_for(re.compile("the login"), log, process)
        process.send_signal(told_by)
        process.wait(timeout=60)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))


def test_a_port_that_is_taken_is_refused_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"Port {port} is taken by another program." in refusal(str(port))


@pytest.mark.parametrize("port", ["http", "0", "65536", "80 90"])
def test_what_is_no_port_is_refused_at_once(port: str) -> None:
    assert f"{port!r} is no port" in refusal(port)


def refusal(port: str) -> str:
    """Return the one line with which the demo ends, which offers another port."""
    finished = support.attempt(sys.executable, DEMO, port, cwd=support.TEMPLATE)
    assert finished.returncode == 1
    [line] = finished.stdout.splitlines()
    assert "make demo PORT=" in line
    return line


def wait_for(words: re.Pattern[str], log: Path, process: subprocess.Popen[bytes]) -> re.Match[str]:
    """Wait until a started command has printed this."""
    deadline = time.monotonic() + support.MOST_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if found := words.search(log.read_text("utf-8")):
            return found
        time.sleep(0.1)
    pytest.fail(log.read_text("utf-8"))
