"""How the app starts and stops under a server, as the operator sees it."""

import gc
import json
import runpy
import socket
from pathlib import Path
from threading import Event, Thread
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
    # What accounts by Flask-Security demand.
    "PUBLIC_URL": "https://www.example.org",
    "MAIL_URL": "smtps://mail.example.org",
    "MAIL_FROM": "no-reply@example.org",
}
ADDRESSES = [
    ("", "", "127.0.0.1:8000"),
    ("192.0.2.1", "9000", "192.0.2.1:9000"),
    ("::1", "9000", "[::1]:9000"),
    ("[::1]", "9000", "[::1]:9000"),
]


def start(monkeypatch: pytest.MonkeyPatch, **changes: str) -> dict[str, Any]:
    """What wsgi.py holds in an environment that is good but for these."""
    for name, value in {**GOOD, **changes}.items():
        monkeypatch.setenv(name, value)
    return runpy.run_path(str(ROOT / "wsgi.py"))


def run_conf() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "gunicorn.conf.py"))


@pytest.fixture
def conf(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What gunicorn reads from gunicorn.conf.py, in a good environment."""
    wsgi = pytest.importorskip("gunicorn.http.wsgi", reason="gunicorn is not for Windows")
    util = pytest.importorskip("gunicorn.util")
    # Put back afterwards what the file replaces.
    monkeypatch.setattr(wsgi, "Response", wsgi.Response)
    monkeypatch.setattr(util, "write_error", util.write_error)
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    conf = run_conf()
    assert (wsgi.Response, util.write_error) == (conf["Response"], conf["write_error"])
    return conf


def begin(conf: dict[str, Any], **changes: object) -> None:
    """Begin to serve as gunicorn.conf.py sets it, but for these."""
    settings = {name: conf[name] for name in ("worker_class", "threads")}
    cfg = SimpleNamespace(**{"workers": 1, **settings, **changes})
    conf["on_starting"](SimpleNamespace(cfg=cfg))


def replace_base(
    monkeypatch: pytest.MonkeyPatch, conf: dict[str, Any], **methods: Any
) -> type[Any]:
    """The worker, with other methods in gunicorn's own class below it."""
    worker_class: type[Any] = conf["worker_class"]
    for name, method in {"__init__": lambda worker: None, **methods}.items():
        monkeypatch.setattr(worker_class.__base__, name, method)
    return worker_class


def refusal(conf: dict[str, Any], status: int) -> str:
    """What gunicorn sends to a client whose request it refuses itself."""
    server, client = socket.socketpair()
    with server, client:
        conf["write_error"](server, status, "Bad Request", "what was sent")
        return client.recv(4096).decode()


def test_a_good_environment_serves_and_says_what_is_in_force(
    monkeypatch: pytest.MonkeyPatch, lines: Lines
) -> None:
    gc.unfreeze()
    app = start(monkeypatch)["app"]
    assert [line["event"] for line in lines()] == ["sys_startup"]
    assert app.test_client().get("/healthz").status_code == 200
    # The garbage collector need not walk the app.
    assert not any(each is app for each in gc.get_objects())


def test_a_command_that_serves_nobody_says_nothing(
    monkeypatch: pytest.MonkeyPatch, lines: Lines
) -> None:
    with click.Context(click.Command("user"), info_name="user"):
        start(monkeypatch)
    assert lines() == []


def test_a_bad_setting_or_policy_is_reported_in_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit) as stopped:
        start(monkeypatch, SECRET_KEY="too-short", TRUSTED_HOSTS="")
    assert str(stopped.value).startswith("This app does not start with these settings:\n")
    assert "too-short" not in str(stopped.value)
    monkeypatch.setattr(policy, "CORS_ORIGINS", ["*"])
    with pytest.raises(SystemExit, match=r"^policy\.py: CORS_ORIGINS holds '\*'"):
        start(monkeypatch)


def test_gunicorn_itself_believes_no_proxy(conf: dict[str, Any]) -> None:
    assert conf["forwarded_allow_ips"] == ""


def test_gunicorn_serves_this_computer_alone_unless_an_address_is_set(
    conf: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for host, port, bound in ADDRESSES:
        monkeypatch.setenv("HOST", host)
        monkeypatch.setenv("PORT", port)
        assert run_conf()["bind"] == bound


def test_an_address_that_cannot_be_meant_is_refused_in_a_sentence(
    conf: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("PORT", "abc"), ("PORT", "-1"), ("PORT", "65536"), ("HOST", "a b")):
        with monkeypatch.context() as environment:
            environment.setenv(name, value)
            with pytest.raises(SystemExit, match=f"^{name} must be "):
                run_conf()


def test_each_thread_of_gunicorn_finds_a_connection_to_the_database(
    conf: dict[str, Any], make_app: MakeApp, tmp_path: Path
) -> None:
    with make_app(database_url=f"sqlite:///{tmp_path / 'app.db'}").app_context():
        assert isinstance(db.engine.pool, QueuePool)
        assert db.engine.pool.size() >= conf["threads"]


def test_gunicorn_gives_up_on_a_client_that_does_not_end_its_request(
    conf: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = Event()

    def read(worker: Any, connection: Any) -> bool:
        reading.set()
        connection.sock.recv(1)
        connection.sock.send(b"a late answer")  # as that to a request which arrived whole
        return False

    worker_class = replace_base(monkeypatch, conf, notify=lambda worker: None, handle=read)
    monkeypatch.setitem(worker_class.handle.__globals__, "REQUEST_TIMEOUT", -1)
    worker = worker_class()
    server, client = socket.socketpair()
    with server, client:
        request = Thread(target=worker.handle, args=[Mock(sock=server)], daemon=True)
        request.start()
        assert reading.wait(10)
        worker.notify()
        request.join(10)
        assert not request.is_alive()
        assert client.recv(20) == b"a late answer"


def test_a_worker_still_does_what_gunicorns_own_does(
    conf: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    notify = Mock()
    worker_class = replace_base(
        monkeypatch, conf, notify=notify, handle=lambda worker, connection: "kept"
    )
    worker = worker_class()
    assert (worker.handle(Mock()), worker.deadlines) == ("kept", {})
    worker.notify()
    notify.assert_called_once_with()


@pytest.mark.asvs("13.4.6")
def test_gunicorn_does_not_name_itself(conf: dict[str, Any]) -> None:
    request = SimpleNamespace(method="GET", version=(1, 1), should_close=lambda: True)
    response = conf["Response"](request, None, None)
    response.start_response("204 No Content", [])
    sent = "".join(response.default_headers()).lower()
    assert sent.startswith("http/1.1 204 no content\r\n")
    assert "date: " in sent
    assert "server" not in sent
    assert "gunicorn" not in sent


@pytest.mark.asvs("16.2.4", "16.2.5")
def test_gunicorns_own_lines_are_json_and_quote_nothing_of_a_request(
    conf: dict[str, Any], lines: Lines
) -> None:
    errors = pytest.importorskip("gunicorn.http.errors")
    config = pytest.importorskip("gunicorn.config").Config()
    log = conf["logger_class"](config)
    log.warning("odd: %s", "x\ny")
    try:
        raise errors.InvalidRequestMethod("a password after a wrong length")
    except errors.InvalidRequestMethod as error:
        worker = SimpleNamespace(cfg=config, log=log)
        conf["worker_class"].handle_error(worker, None, Mock(), ("::1", 1), error)
    log.error_log.handlers.clear()
    odd, unreadable = lines()
    assert (odd["logger"], odd["event"]) == ("gunicorn.error", "odd: x\ny")
    assert unreadable["event"] == "Invalid request from ip=::1: InvalidRequestMethod"


def test_a_request_that_gunicorn_refuses_gets_json_without_an_echo(conf: dict[str, Any]) -> None:
    head, _, body = refusal(conf, 501).partition("\r\n\r\n")
    status, *headers = head.split("\r\n")
    assert status == "HTTP/1.1 501 Not Implemented"
    assert json.loads(body) == {"error": "Not Implemented"}
    assert {"Content-Type: application/json", f"Content-Length: {len(body)}"} <= set(headers)
    inert = {"Content-Security-Policy": csp.INERT, "X-Frame-Options": "DENY"}
    protections = {**policy.HEADERS, **policy.OTHER_HEADERS, **inert}
    assert {f"{name}: {value}" for name, value in protections.items()} <= set(headers)


@pytest.mark.parametrize("mode", ["development", "production"])
def test_a_refusal_of_gunicorns_names_https_in_production_alone(
    conf: dict[str, Any], monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setenv("APP_ENV", mode)
    begin(conf)
    sent = "Strict-Transport-Security: " in refusal(conf, 400)
    assert sent == (mode == "production")


def test_gunicorn_says_what_is_wrong_before_it_starts_a_worker(
    conf: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(conf)
    own_worker = conf["worker_class"].__base__
    for changes, sentence in (
        ({"workers": 2}, "^2 workers need more settings"),
        ({"workers": 0}, "^0 workers serve nobody"),
        ({"worker_class": own_worker}, "^Leave out --worker-class: "),
        # Fewer or more than there are connections to the database.
        ({"threads": 0}, "^Leave out --threads: "),
        ({"threads": conf["threads"] + 1}, "^Leave out --threads: "),
    ):
        with pytest.raises(SystemExit, match=sentence):
            begin(conf, **changes)
    monkeypatch.setenv("SECRET_KEY", "")
    with pytest.raises(SystemExit, match="SECRET_KEY: is missing"):
        begin(conf)
