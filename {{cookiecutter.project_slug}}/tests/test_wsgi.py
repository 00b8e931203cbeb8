"""How the app starts and stops under a server, as the operator sees it."""

import json
import runpy
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from werkzeug.serving import WSGIRequestHandler

from app import policy
from app.security import csp
from tests.conftest import SECRETS, Lines

ROOT = Path(__file__).parent.parent
GOOD = {
    **{name.upper(): secret for name, secret in SECRETS.items()},
    "TRUSTED_HOSTS": "www.example.org",
    "DATABASE_URL": "sqlite:///:memory:",
}


def start(monkeypatch: pytest.MonkeyPatch, **environment: str) -> dict[str, Any]:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return runpy.run_path(str(ROOT / "wsgi.py"))


def test_a_good_environment_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    app = start(monkeypatch, **GOOD)["app"]
    assert app.test_client().get("/healthz").status_code == 200


def test_a_server_tells_what_it_enforces(monkeypatch: pytest.MonkeyPatch, lines: Lines) -> None:
    start(monkeypatch, **GOOD)
    assert [line["event"] for line in lines()] == ["sys_startup"]


@pytest.mark.parametrize(("command", "servers"), [("run", 1), ("user", 0)])
def test_a_command_that_serves_nobody_does_not(
    monkeypatch: pytest.MonkeyPatch, lines: Lines, command: str, servers: int
) -> None:
    with click.Context(click.Command(command), info_name=command):
        start(monkeypatch, **GOOD)
    assert len(lines()) == servers


def test_its_development_server_names_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WSGIRequestHandler, "version_string", None)
    start(monkeypatch, **GOOD)
    assert WSGIRequestHandler.version_string(None) == "development"  # type: ignore[arg-type]


def test_a_bad_one_is_told_so_in_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit) as stopped:
        start(monkeypatch, **{**GOOD, "SECRET_KEY": "too-short", "TRUSTED_HOSTS": ""})
    assert str(stopped.value).startswith("This app does not start with these settings:\n")
    assert "too-short" not in str(stopped.value)


def test_so_is_a_slip_in_the_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "CORS_ORIGINS", ["*"])
    with pytest.raises(SystemExit, match=r"^policy\.py: CORS_ORIGINS holds '\*'"):
        start(monkeypatch, **GOOD)


@pytest.fixture
def gunicorn_conf(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What gunicorn reads from gunicorn.conf.py."""
    wsgi = pytest.importorskip("gunicorn.http.wsgi", reason="gunicorn is not for Windows")
    util = pytest.importorskip("gunicorn.util")
    # Put back afterwards what the file replaces.
    monkeypatch.setattr(wsgi, "Response", wsgi.Response)
    monkeypatch.setattr(util, "write_error", util.write_error)
    conf = runpy.run_path(str(ROOT / "gunicorn.conf.py"))
    assert (wsgi.Response, util.write_error) == (conf["Response"], conf["write_error"])
    return conf


def test_gunicorn_itself_believes_no_proxy(gunicorn_conf: dict[str, Any]) -> None:
    assert gunicorn_conf["forwarded_allow_ips"] == ""


def test_gunicorn_serves_this_computer_alone_unless_told(gunicorn_conf: dict[str, Any]) -> None:
    assert gunicorn_conf["bind"].startswith("127.0.0.1:")


def test_gunicorn_does_not_name_itself(gunicorn_conf: dict[str, Any]) -> None:
    request = SimpleNamespace(method="GET", version=(1, 1), should_close=lambda: True)
    response = gunicorn_conf["Response"](request, None, None)
    response.start_response("204 No Content", [])
    sent = "".join(response.default_headers()).lower()
    assert sent.startswith("http/1.1 204 no content\r\n")
    assert "date: " in sent
    assert "server" not in sent
    assert "gunicorn" not in sent


def test_its_own_lines_are_json(gunicorn_conf: dict[str, Any], lines: Lines) -> None:
    config = pytest.importorskip("gunicorn.config").Config()
    logger = gunicorn_conf["logger_class"](config)
    logger.warning("odd: %s", "x\ny")
    logger.error_log.handlers.clear()
    [line] = lines()
    assert (line["logger"], line["event"]) == ("gunicorn.error", "odd: x\ny")


def test_what_gunicorn_refuses_itself_is_json_without_an_echo(
    gunicorn_conf: dict[str, Any],
) -> None:
    server, client = socket.socketpair()
    with server, client:
        gunicorn_conf["write_error"](server, 501, "Bad Request", "what was sent")
        head, _, body = client.recv(4096).decode().partition("\r\n\r\n")
    status, *headers = head.split("\r\n")
    assert status == "HTTP/1.1 501 Not Implemented"
    assert {"Content-Type: application/json", f"Content-Length: {len(body)}"} <= set(headers)
    protections = {**policy.HEADERS, **policy.OTHER_HEADERS, "Content-Security-Policy": csp.INERT}
    assert {f"{name}: {value}" for name, value in protections.items()} <= set(headers)
    assert json.loads(body) == {"error": "Not Implemented"}


@pytest.mark.parametrize(
    ("changes", "workers", "words"),
    [({"SECRET_KEY": ""}, 1, "SECRET_KEY: is missing"), ({}, 2, "2 workers need more settings")],
    ids=["a missing setting", "too many workers"],
)
def test_gunicorn_tells_what_is_wrong_before_it_starts_a_worker(
    gunicorn_conf: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, str],
    workers: int,
    words: str,
) -> None:
    for name, value in {**GOOD, **changes}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit, match=words):
        gunicorn_conf["on_starting"](SimpleNamespace(cfg=SimpleNamespace(workers=workers)))
