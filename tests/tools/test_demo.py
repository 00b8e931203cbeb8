"""`make demo` in a fresh clone serves a page, and the logins that it prints last work."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import support
from conftest import NewProject
from services import clients

DEMO = support.TEMPLATE / "tools" / "demo.py"
LAST_LINES = re.compile(r"address +(\S+)\n +mails .*\n +user +(.+)\n +admin +(.+)\n\s*\Z")
STEP = re.compile(r"^  \w.* \d+ s$", re.MULTILINE)


@pytest.mark.all
@pytest.mark.slow
def test_a_fresh_clone_serves_a_page_and_the_logins_printed_last_work(tmp_path: Path) -> None:
    port = support.free_port()
    clone = support.copy_template(tmp_path / "clone")
    log = tmp_path / "log"
    command = ("make", "demo", f"PORT={port}", "ANSWERS=accounts=self-service csp=relaxed")
    with support.started(*command, cwd=clone, log=log) as process:
        login = wait_for(LAST_LINES, log, process)
        address, *people = login.groups()
        # What a newcomer waits for is said first, and make shows its three commands, no more.
        before, said, _ = login.string.partition("takes about a minute")
        assert said
        assert len(before.splitlines()) <= 5
        assert len(STEP.findall(login.string)) == 6
        output = (clone / "build/demo.log").read_text("utf-8")
        assert f"Running on {address}" in output
        assert output.count("sys_startup") == 1
        assert address == f"http://localhost:{port}"
        page = clients.ask(port, "/")
        assert "<h1" in page.text
        assert "'unsafe-inline'" in page.headers["Content-Security-Policy"]
        mailbox = clients.ask(port, "/dev/mailbox").text
        assert {*re.findall(r'href="(http://localhost:\d+)', mailbox)} == {address}
        logins = [person.split() for person in people]
        assert [clients.log_in(port, name, last).status for name, *_, last in logins] == [200, 200]


@pytest.fixture
def copy(ready_project: NewProject, tmp_path: Path) -> Path:
    """A folder with demo.py, and the project that it has made."""
    support.copy(DEMO, tmp_path / "tools" / DEMO.name)
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
    serve = f"from tools import demo; {upgrade}; demo.serve({port}, 'the login')"
    with support.started(sys.executable, "-c", serve, cwd=copy, log=log, **others) as process:
        wait_for(re.compile("the login"), log, process)
    assert not (copy / "other.db").exists()


@pytest.mark.parametrize("told_by", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "kill"])
def test_no_server_is_left_when_the_demo_ends(told_by: signal.Signals, copy: Path) -> None:
    port, log = support.free_port(), copy / "log"
    # A process that a shell starts in the background ignores Ctrl-C, and so does what it starts.
    heed = "signal.signal(signal.SIGINT, signal.default_int_handler)"
    serve = f"import signal; from tools import demo; {heed}; demo.serve({port}, 'the login')"
    with support.started(sys.executable, "-c", serve, cwd=copy, log=log) as process:
        wait_for(re.compile("the login"), log, process)
        process.send_signal(told_by)
        process.wait(timeout=60)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))


def test_a_second_demo_leaves_the_project_of_the_first(copy: Path) -> None:
    port, log = support.free_port(), copy / "log"
    serve = f"from tools import demo; demo.serve({port}, 'the login')"
    with support.started(sys.executable, "-c", serve, cwd=copy, log=log) as process:
        wait_for(re.compile("the login"), log, process)
        second = support.attempt(
            sys.executable, "-m", "tools.demo", str(support.free_port()), cwd=copy
        )
    assert f"runs at http://localhost:{port}. Stop it first." in second.stdout
    assert (copy / "build/my-service/wsgi.py").exists()


def test_a_port_that_is_taken_is_refused_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"Port {port} is taken by another program." in refusal(str(port))


@pytest.mark.parametrize("port", ["http", "0", "65536", "80 90"])
def test_what_is_no_port_is_refused_at_once(port: str) -> None:
    assert f"{port!r} is no port" in refusal(port)


@pytest.mark.parametrize(
    ("answer", "known"),
    [
        ("account=builtin", "accounts"),
        ("csp=stict", "paranoid"),
        ("csp", "strict"),
        ("_x=1", "csp"),
    ],
)
def test_what_answers_no_question_is_refused_at_once(answer: str, known: str) -> None:
    port = str(support.free_port())
    finished = support.attempt(sys.executable, DEMO, port, answer, cwd=support.TEMPLATE)
    assert finished.returncode == 1
    assert "is no answer to a question. Choose one of" in finished.stdout
    assert known in finished.stdout


def test_a_step_that_fails_shows_the_end_of_its_output_and_names_the_file(copy: Path) -> None:
    code = "from tools import demo; demo.run(demo.PYTHON, '-c', 'print(6 * 7); exit(3)')"
    finished = support.attempt(sys.executable, "-c", code, cwd=copy)
    assert finished.returncode == 1
    assert "\n42\n" in finished.stdout
    assert f"is in {copy / 'build/demo.log'}." in finished.stdout


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
