"""What gunicorn refuses to start with, and what it changes when it starts."""

import socket
from typing import Any
from unittest.mock import Mock

import pytest
from gunicorn import util
from gunicorn.http import wsgi
from gunicorn.workers.gthread import ThreadWorker

from app.db import database
from app.server import responses, starting, stopping
from tests.test_wsgi import GOOD

ADDRESSES = [
    ("127.0.0.1", "8000", "127.0.0.1:8000"),
    ("::1", "9000", "[::1]:9000"),
    ("[::1]", "9000", "[::1]:9000"),
]


@pytest.fixture(autouse=True)
def _good_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(("host", "port", "bound"), ADDRESSES)
def test_it_listens_where_it_is_told(host: str, port: str, bound: str) -> None:
    assert starting.address(host, port) == bound


@pytest.mark.parametrize(
    ("host", "port", "name"),
    [("::1", "abc", "PORT"), ("::1", "-1", "PORT"), ("::1", "65536", "PORT"), ("a b", "1", "HOST")],
)
def test_an_address_that_cannot_be_meant_is_refused_in_a_sentence(
    host: str, port: str, name: str
) -> None:
    with pytest.raises(SystemExit, match=f"^{name} must be "):
        starting.address(host, port)


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("workers", 2, "^2 workers need more settings"),
        ("workers", 0, "^0 workers serve nobody"),
        ("worker_class", ThreadWorker, "^Leave out --worker-class: "),
        # Fewer or more than there are connections to the database.
        ("threads", 0, "^Leave out --threads: "),
        ("threads", database.THREADS + 1, "^Leave out --threads: "),
    ],
)
def test_gunicorn_says_what_is_wrong_before_it_starts_a_worker(
    arbiter: Any, setting: str, value: object, sentence: str
) -> None:
    arbiter.cfg.settings[setting].value = value
    with pytest.raises(SystemExit, match=sentence):
        starting.on_starting(arbiter)


def test_a_missing_setting_is_reported_in_a_sentence(
    arbiter: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "")
    with pytest.raises(SystemExit, match="SECRET_KEY: is missing"):
        starting.on_starting(arbiter)


@pytest.mark.parametrize("mode", ["development", "production"])
def test_gunicorn_responds_as_the_mode_asks(
    arbiter: Any, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setenv("APP_ENV", mode)
    starting.on_starting(arbiter)
    assert wsgi.Response is responses.Response
    server, client = socket.socketpair()
    with server, client:
        util.write_error(server, 400, "", "")
        assert (b"Strict-Transport-Security: " in client.recv(4096)) == (mode == "production")


def test_gunicorn_stops_after_the_delay_that_is_set(
    arbiter: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    delay = Mock()
    monkeypatch.setattr(stopping, "delay", delay)
    monkeypatch.setenv("SHUTDOWN_DELAY", "7")
    starting.on_starting(arbiter)
    delay.assert_called_once_with(arbiter, 7)
