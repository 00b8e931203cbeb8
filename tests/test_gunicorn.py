"""gunicorn with the project's gunicorn.conf.py: what it refuses and what it logs."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import clients
import services
import support
from conftest import NewProject

PRODUCTION = {"APP_ENV": "production", "TRUSTED_HOSTS": "localhost", "PROXY_HOPS": "1"}
# Each quotes what a client may have sent by mistake, such as a password.
INVALID = [
    b"GET / HTTP/1.1\r\nHost: localhost\r\nquoted words\r\n\r\n",
    b"GET /quoted HTTP/9.1\r\nHost: localhost\r\n\r\n",
    b"quoted\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: quoted\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: quoted\r\n\r\n",
    b"GET /" + b"quoted" * 1000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
]


@pytest.fixture(scope="module")
def project(new_project: NewProject) -> Path:
    project = new_project(token_type="jwt")
    support.write_settings(project)
    return project


def refusal(project: Path, **environment: str) -> str:
    """Return what gunicorn says that ends at once."""
    finished = subprocess.run(
        [sys.executable, "-m", "gunicorn"],
        cwd=project,
        env=os.environ | support.COMPILED | {"PORT": str(support.free_port())} | environment,
        capture_output=True,
        text=True,
        timeout=clients.PATIENCE,
    )
    assert finished.returncode != 0
    assert "Traceback" not in finished.stderr
    # Its first line says that it starts. No worker was started.
    first, said = finished.stderr.split("\n", 1)
    assert json.loads(first)["event"].startswith("Starting gunicorn")
    return said


def test_what_is_missing_is_named_by_one_message(project: Path) -> None:
    said = refusal(project, APP_ENV="production")
    assert said.startswith("This app does not start with these settings:\n  TRUSTED_HOSTS: ")


def test_a_token_type_without_its_keys_does_not_start(project: Path) -> None:
    file = project / ".env"
    right = file.read_text("utf-8")
    kept = [line for line in right.splitlines() if not line.startswith("TOKEN_KEYS")]
    file.write_text("\n".join([*kept, ""]), "utf-8")
    try:
        assert refusal(project).startswith("TOKEN_KEYS is missing")
    finally:
        file.write_text(right, "utf-8")


def test_processes_that_share_nothing_do_not_start(project: Path) -> None:
    said = refusal(project, **PRODUCTION, WEB_CONCURRENCY="2")
    assert said.startswith("2 workers need more settings:\n  REDIS_URL: ")
    assert "DATABASE_URL: SQLite supports only one worker" in said


def test_its_lines_are_json_and_quote_no_request(project: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    database = f"sqlite:///{tmp_path / 'app.db'}"
    with services.serving(project, log, DATABASE_URL=database, **PRODUCTION) as server:
        assert all(status(server.port, sent) >= 400 for sent in INVALID)
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines() if line[0] == "{"]
    assert [line["event"].partition(":")[0] for line in lines].count("Listening at") == 1
    refused = [line for line in lines if line["event"].startswith("Invalid request")]
    assert len(refused) == len(INVALID)
    assert "quoted" not in log.read_text("utf-8")


def status(port: int, sent: bytes) -> int:
    with socket.create_connection(("127.0.0.1", port), clients.PATIENCE) as client:
        client.sendall(sent)
        return int(client.recv(4096).split()[1])
