"""gunicorn's own parts, with what app/server/ changes in them."""

import os
import socket
import sys
from collections.abc import Callable, Iterator
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest

from app import shutdown

if sys.platform == "win32":
    # gunicorn is not for Windows.
    collect_ignore_glob = ["test_*.py"]

# What a client gets for what it sends.
Exchange = Callable[[bytes], str]


@pytest.fixture(autouse=True)
def _own_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put back afterwards what a test changes in this process."""
    from gunicorn import util
    from gunicorn.http import wsgi

    from app.server import responses

    monkeypatch.setattr(shutdown, "_state", bytearray(1))
    monkeypatch.setattr(responses, "error_headers", {**responses.error_headers})
    monkeypatch.setattr(wsgi, "Response", wsgi.Response)
    monkeypatch.setattr(util, "write_error", util.write_error)


@pytest.fixture
def cfg() -> Any:
    """The settings of gunicorn, with this project's classes."""
    from gunicorn.config import Config

    from app.server.logger import Logger
    from app.server.stopping import Worker

    settings = Config()
    settings.set("worker_class", Worker)
    settings.set("logger_class", Logger)
    return settings


@pytest.fixture
def arbiter(cfg: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """gunicorn's first process, before it listens."""
    from gunicorn.arbiter import Arbiter

    monkeypatch.setenv("SERVER_SOFTWARE", "")
    made = Arbiter(SimpleNamespace(cfg=cfg))
    made.log.error_log.handlers.clear()
    return made


@pytest.fixture
def worker(cfg: Any) -> Iterator[Any]:
    """A worker of gunicorn that does not run yet; its app answers `hello`."""
    from app.server import responses

    responses.install(production=False)
    made = cfg.worker_class(1, os.getpid(), [], None, 30, cfg, cfg.logger_class(cfg))
    made.wsgi = hello
    yield made
    made.tmp.close()
    made.log.error_log.handlers.clear()


def hello(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Length", "5")])
    return [b"hello"]


@pytest.fixture
def exchange(worker: Any) -> Exchange:
    """`exchange(b"GET …")`: what the worker sends to a client that then waits for no more."""
    from gunicorn.workers.gthread import TConn

    def send(request: bytes) -> str:
        server, client = socket.socketpair()
        with server, client:
            client.sendall(request)
            client.shutdown(socket.SHUT_WR)
            worker.handle(TConn(worker.cfg, server, ("::1", 1), ("127.0.0.1", 8000)))
            return client.recv(65536).decode()

    return send


@pytest.fixture
def run_in_thread() -> Callable[..., Thread]:
    """Run what may wait for ever, and would end with the tests."""

    def run(target: Callable[..., object], *arguments: object) -> Thread:
        thread = Thread(target=target, args=arguments, daemon=True)
        thread.start()
        return thread

    return run
