"""A server says once what it enforces."""

from __future__ import annotations

import sys
from pathlib import Path

import clients
import support
from conftest import NewProject


def test_a_server_that_reloads_on_changes_says_it_once(
    new_project: NewProject, tmp_path: Path
) -> None:
    project, port, log = new_project(), support.free_port(), tmp_path / "log"
    support.write_settings(project)
    command = [sys.executable, "-m", "flask", "run", "--reload", "--port", str(port)]
    with support.started(*command, cwd=project, log=log) as process:
        support.wait_for(port, process, log)
        assert clients.ask(port, "/healthz").status == 200
        assert log.read_text("utf-8").count("sys_startup") == 1
