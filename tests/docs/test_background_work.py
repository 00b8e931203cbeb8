"""Work after the answer under gunicorn, as docs/recipes/background-work.md says."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import following
import services
import support
from conftest import NewProject
from services import Gunicorn, clients

# The work takes until a second after this file is there, which a test makes.
GATE = "gate"
COUNTING = "essay.words = len(essay.text.split())"
WAITING = f"""from pathlib import Path
        from time import sleep
        while not Path("{GATE}").exists():
            sleep(0.01)
        sleep(1)
        {COUNTING}"""

pytestmark = [pytest.mark.all, pytest.mark.slow]


@pytest.fixture
def project(new_project: NewProject) -> Path:
    project = new_project()
    following.write_files(project, support.PAGES / "recipes" / "background-work.md")
    essays = project / "app" / "essays.py"
    source = essays.read_text("utf-8")
    assert COUNTING in source
    essays.write_text(source.replace(COUNTING, WAITING), "utf-8")
    support.write_settings(project)
    for command in (["upgrade"], ["migrate", "-m", "essays"], ["upgrade"]):
        support.python("-m", "flask", "db", *command, cwd=project)
    return project


@pytest.fixture
def server(project: Path, tmp_path: Path) -> Iterator[Gunicorn]:
    with services.serving(project, tmp_path / "log") as server:
        yield server


def hand_in(port: int) -> tuple[dict[str, str], Any]:
    """Post an essay; gives the headers of the login, and the answer."""
    login = clients.shown(clients.log_in(port))
    answer = clients.ask(port, "/api/essays", {"text": "To be or not"}, login)
    assert (answer.status, answer.body["words"]) == (202, None)
    return login, answer.body


def left(project: Path) -> str:
    """Return what the command says that it counted."""
    return support.python("-m", "flask", "count-words", cwd=project)


def test_the_answer_does_not_wait_for_the_work(project: Path, server: Gunicorn) -> None:
    login, essay = hand_in(server.port)
    (project / GATE).touch()
    path = f"/api/essays/{essay['id']}"
    support.wait_until(
        lambda: clients.ask(server.port, path, headers=login).body == {**essay, "words": 4}
    )


def test_a_stop_waits_for_the_work(project: Path, server: Gunicorn, tmp_path: Path) -> None:
    hand_in(server.port)
    workers = server.workers
    os.kill(server.process, signal.SIGTERM)
    support.wait_until(lambda: "Worker exiting" in (tmp_path / "log").read_text("utf-8"))
    (project / GATE).touch()
    support.wait_until(lambda: not any(map(is_running, workers)))
    assert "Counted 0 essays" in left(project)


def test_what_a_crash_left_the_command_makes_up_for(project: Path, server: Gunicorn) -> None:
    hand_in(server.port)
    for worker in server.workers:
        os.kill(worker, signal.SIGKILL)
    (project / GATE).touch()
    assert "Counted 1 essays" in left(project)


def is_running(process: int) -> bool:
    return Path(f"/proc/{process}").exists()
