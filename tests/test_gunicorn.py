"""gunicorn with the project's gunicorn.conf.py: what it logs, and what it reads again."""

from __future__ import annotations

import json
import os
import signal
import socket
import urllib.request
from pathlib import Path

import clients
import services
import support
from conftest import NewProject

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
