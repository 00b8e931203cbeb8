"""gunicorn with the project's gunicorn.conf.py: what it logs, and what it reads again."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import sqlite3
import urllib.request
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest

import services
import support
from conftest import NewProject
from services import clients

# Each quotes what a client may have sent by mistake, such as a password.
INVALID = [
    b"GET / HTTP/1.1\r\nHost: localhost\r\nquoted words\r\n\r\n",
    b"GET /quoted HTTP/9.1\r\nHost: localhost\r\n\r\n",
    b"quoted\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: quoted\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: quoted\r\n\r\n",
    b"GET /" + b"quoted" * 1000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
]


def test_its_lines_are_json_and_quote_no_request(new_project: NewProject, tmp_path: Path) -> None:
    log = tmp_path / "log"
    database = f"sqlite:///{tmp_path / 'app.db'}"
    with services.serving(
        new_project(), log, DATABASE_URL=database, **services.BEHIND_A_PROXY
    ) as server:
        assert all(status(server.port, sent) >= 400 for sent in INVALID)
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines() if line[0] == "{"]
    assert [line["event"].partition(":")[0] for line in lines].count("Listening at") == 1
    refused = [line for line in lines if line["event"].startswith("Invalid request")]
    assert len(refused) == len(INVALID)
    assert "quoted" not in log.read_text("utf-8")


def status(port: int, sent: bytes) -> int:
    with socket.create_connection(("127.0.0.1", port), clients.PATIENCE) as client:
        client.sendall(sent)
        with client.makefile("rb") as answer:
            return int(answer.readline().split()[1])


def test_a_hup_lets_its_workers_read_the_policy_and_the_settings_again(
    ready_project: NewProject, tmp_path: Path
) -> None:
    project = ready_project()
    with services.serving(project, tmp_path / "log", app="wsgi:app") as server:

        def headers() -> dict[str, str]:
            with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/") as answer:
                return dict(answer.headers)

        assert headers()["Referrer-Policy"] != "same-origin"
        for file, line in [
            ("app/policy.py", 'HEADER_CHANGES["Referrer-Policy"] = "same-origin"'),
            (".env", "CSP_REPORT_ONLY=true"),
        ]:
            with (project / file).open("a", encoding="utf-8") as opened:
                opened.write(f"{line}\n")
        os.kill(server.process, signal.SIGHUP)
        # Old workers may answer until they have ended.
        support.wait_until(
            lambda: (
                (sent := headers())["Referrer-Policy"] == "same-origin"
                and "Content-Security-Policy-Report-Only" in sent
            )
        )


def test_data_that_fail_halfway_end_as_a_broken_connection(
    new_project: NewProject, tmp_path: Path
) -> None:
    file, project = tmp_path / "app.db", new_project(accounts="self-service")
    with services.serving(project, tmp_path / "log", DATABASE_URL=f"sqlite:///{file}") as server:
        login = clients.shown(clients.log_in(server.port))
        add_tasks(file, [UUID(int=number).hex for number in range(1000)])
        add_tasks(file, ["no id"])
        with pytest.raises(http.client.IncompleteRead) as broken:
            clients.ask(server.port, "/me/data", headers=login)
        assert broken.value.partial.startswith(b'{"account": ')
        execute(file, "DELETE FROM tasks WHERE id = 'no id'")
        data = clients.ask(server.port, "/me/data", headers=login)
    assert len(data.body["tables"]["tasks"]) == 1000


def add_tasks(file: Path, ids: list[str]) -> None:
    """Add tasks of the one user, which come behind those that are there."""
    task = "INSERT INTO tasks SELECT ?, id, 'Task', '', 0 FROM users"
    execute(file, task, [(each,) for each in ids])


def execute(file: Path, statement: str, rows: list[tuple[str]] | None = None) -> None:
    with closing(sqlite3.connect(file)) as database, database:
        database.executemany(statement, [()] if rows is None else rows)
