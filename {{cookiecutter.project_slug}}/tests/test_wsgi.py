"""How the app starts and stops under a server, as the operator sees it."""

import gc
import json
import runpy
import socket
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import click
import pytest
from sqlalchemy.pool import QueuePool

from app import policy
from app.db import db
from app.security import csp
from tests.conftest import SECRETS, Lines, MakeApp

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


def test_the_garbage_collector_need_not_walk_the_app(monkeypatch: pytest.MonkeyPatch) -> None:
    gc.unfreeze()
    app = start(monkeypatch, **GOOD)["app"]
    assert not any(each is app for each in gc.get_objects())


def test_a_server_tells_what_it_enforces(monkeypatch: pytest.MonkeyPatch, lines: Lines) -> None:
    start(monkeypatch, **GOOD)
    assert [line["event"] for line in lines()] == ["sys_startup"]


def test_a_command_that_serves_nobody_does_not(
    monkeypatch: pytest.MonkeyPatch, lines: Lines
) -> None:
    with click.Context(click.Command("user"), info_name="user"):
        start(monkeypatch, **GOOD)
    assert lines() == []


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


def starting(conf: dict[str, Any], **changes: object) -> SimpleNamespace:
    """What gunicorn hands to `on_starting`: as gunicorn.conf.py sets it, but for these."""
    settings = {name: conf[name] for name in ("worker_class", "threads")}
    return SimpleNamespace(cfg=SimpleNamespace(**{"workers": 1, **settings, **changes}))


def test_gunicorn_itself_believes_no_proxy(gunicorn_conf: dict[str, Any]) -> None:
    assert gunicorn_conf["forwarded_allow_ips"] == ""


@pytest.mark.parametrize(
    ("host", "port", "bound"),
    [
        ("", "", "127.0.0.1:8000"),
        ("192.0.2.1", "9000", "192.0.2.1:9000"),
        ("::1", "9000", "[::1]:9000"),
        ("[::1]", "9000", "[::1]:9000"),
    ],
)
def test_gunicorn_serves_this_computer_alone_unless_told(
    gunicorn_conf: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    port: str,
    bound: str,
) -> None:
    monkeypatch.setenv("HOST", host)
    monkeypatch.setenv("PORT", port)
    assert runpy.run_path(str(ROOT / "gunicorn.conf.py"))["bind"] == bound


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "abc"), ("PORT", "-1"), ("PORT", "65536"), ("HOST", "a b")]
)
def test_an_address_that_cannot_be_meant_is_refused_in_a_sentence(
    gunicorn_conf: dict[str, Any], monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit, match=f"^{name} must be "):
        runpy.run_path(str(ROOT / "gunicorn.conf.py"))


def test_each_thread_of_gunicorn_finds_a_connection_to_the_database(
    gunicorn_conf: dict[str, Any], make_app: MakeApp, tmp_path: Path
) -> None:
    with make_app(database_url=f"sqlite:///{tmp_path / 'app.db'}").app_context():
        assert isinstance(db.engine.pool, QueuePool)
        assert db.engine.pool.size() >= gunicorn_conf["threads"]


def test_gunicorn_gives_up_on_a_client_that_does_not_end_its_request(
    gunicorn_conf: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def handle(worker: Any, connection: Any) -> bool:
        connection.sock.recv(1)
        connection.sock.send(b"a late answer")  # as that to a request which arrived whole
        return False

    worker_class = gunicorn_conf["worker_class"]
    for name, replaced in {
        "__init__": lambda worker: None,
        "notify": lambda worker: None,
        "handle": handle,
    }.items():
        monkeypatch.setattr(worker_class.__base__, name, replaced)
    monkeypatch.setitem(worker_class.handle.__globals__, "REQUEST_TIMEOUT", 0)
    worker = worker_class()
    server, client = socket.socketpair()
    with server, client:
        request = Thread(target=worker.handle, args=[Mock(sock=server)], daemon=True)
        request.start()
        while request.is_alive():
            worker.notify()
        assert client.recv(20) == b"a late answer"


def test_its_worker_still_does_gunicorns_part(
    gunicorn_conf: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker_class, beats = gunicorn_conf["worker_class"], []
    for name, replaced in {
        "__init__": lambda worker: None,
        "notify": lambda worker: beats.append(worker),
        "handle": lambda worker, connection: "kept",
    }.items():
        monkeypatch.setattr(worker_class.__base__, name, replaced)
    worker = worker_class()
    assert (worker.handle(Mock()), worker.deadlines) == ("kept", {})
    worker.notify()
    assert len(beats) == 1


@pytest.mark.asvs("13.4.6")
def test_gunicorn_does_not_name_itself(gunicorn_conf: dict[str, Any]) -> None:
    request = SimpleNamespace(method="GET", version=(1, 1), should_close=lambda: True)
    response = gunicorn_conf["Response"](request, None, None)
    response.start_response("204 No Content", [])
    sent = "".join(response.default_headers()).lower()
    assert sent.startswith("http/1.1 204 no content\r\n")
    assert "date: " in sent
    assert "server" not in sent
    assert "gunicorn" not in sent


@pytest.mark.asvs("16.2.4")
def test_its_own_lines_are_json(gunicorn_conf: dict[str, Any], lines: Lines) -> None:
    config = pytest.importorskip("gunicorn.config").Config()
    logger = gunicorn_conf["logger_class"](config)
    logger.warning("odd: %s", "x\ny")
    logger.error_log.handlers.clear()
    [line] = lines()
    assert (line["logger"], line["event"]) == ("gunicorn.error", "odd: x\ny")


@pytest.mark.asvs("16.2.5")
def test_they_quote_nothing_of_a_request_that_cannot_be_read(
    gunicorn_conf: dict[str, Any], monkeypatch: pytest.MonkeyPatch, lines: Lines
) -> None:
    errors = pytest.importorskip("gunicorn.http.errors")
    config = pytest.importorskip("gunicorn.config").Config()
    worker = SimpleNamespace(cfg=config, log=gunicorn_conf["logger_class"](config))
    handle_error = gunicorn_conf["worker_class"].handle_error
    try:
        raise errors.InvalidRequestMethod("a password after a wrong length")
    except errors.InvalidRequestMethod as error:
        handle_error(worker, None, Mock(), ("::1", 1), error)
    worker.log.error_log.handlers.clear()
    [line] = lines()
    assert line["event"] == "Invalid request from ip=::1: InvalidRequestMethod"


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
    inert = {"Content-Security-Policy": csp.INERT, "X-Frame-Options": "DENY"}
    protections = {**policy.HEADERS, **policy.OTHER_HEADERS, **inert}
    assert {f"{name}: {value}" for name, value in protections.items()} <= set(headers)
    assert json.loads(body) == {"error": "Not Implemented"}


@pytest.mark.parametrize(("mode", "told"), [("production", True), ("development", False)])
def test_of_https_it_tells_in_production_alone(
    gunicorn_conf: dict[str, Any], monkeypatch: pytest.MonkeyPatch, mode: str, told: bool
) -> None:
    for name, value in {**GOOD, "APP_ENV": mode}.items():
        monkeypatch.setenv(name, value)
    gunicorn_conf["on_starting"](starting(gunicorn_conf))
    server, client = socket.socketpair()
    with server, client:
        gunicorn_conf["write_error"](server, 400, "Bad Request", "")
        assert (b"Strict-Transport-Security: " in client.recv(4096)) == told


@pytest.mark.parametrize(
    ("changes", "workers", "words"),
    [
        ({"SECRET_KEY": ""}, 1, "SECRET_KEY: is missing"),
        ({}, 2, "2 workers need more settings"),
        ({}, 0, "0 workers serve nobody"),
    ],
    ids=["a missing setting", "too many workers", "none"],
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
        gunicorn_conf["on_starting"](starting(gunicorn_conf, workers=workers))


def test_gunicorn_starts_with_no_other_kind_of_worker(
    gunicorn_conf: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    plain = gunicorn_conf["worker_class"].__base__
    with pytest.raises(SystemExit, match=r"^Leave out --worker-class: "):
        gunicorn_conf["on_starting"](starting(gunicorn_conf, worker_class=plain))


@pytest.mark.parametrize("more", [0, 1])
def test_nor_with_more_threads_than_there_are_connections(
    gunicorn_conf: dict[str, Any], monkeypatch: pytest.MonkeyPatch, more: int
) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    threads = more * (gunicorn_conf["threads"] + 1)
    with pytest.raises(SystemExit, match=r"^Leave out --threads: "):
        gunicorn_conf["on_starting"](starting(gunicorn_conf, threads=threads))
