"""Clients that do not end: how long a thread waits for them."""

import socket
from collections.abc import Callable
from threading import Event, Thread
from typing import Any
from unittest.mock import Mock

import pytest
from gunicorn.workers.gthread import TConn, ThreadWorker

from app.server import slow_clients

Run = Callable[..., Thread]


def test_a_client_that_does_not_end_its_request_is_given_up(
    worker: Any, monkeypatch: pytest.MonkeyPatch, run_in_thread: Run
) -> None:
    reading = Event()

    def read(worker: Any, connection: Any) -> bool:
        reading.set()
        connection.sock.recv(1)
        connection.sock.send(b"a late answer")  # as that to a request which arrived whole
        return False

    monkeypatch.setattr(ThreadWorker, "handle", read)
    monkeypatch.setattr(slow_clients, "REQUEST_TIMEOUT", -1)
    server, client = socket.socketpair()
    with server, client:
        request = run_in_thread(worker.handle, Mock(sock=server))
        assert reading.wait(10)
        worker.notify()
        request.join(10)
        assert not request.is_alive()
        assert client.recv(20) == b"a late answer"


def test_a_client_in_time_is_served_and_forgotten(worker: Any) -> None:
    server, client = socket.socketpair()
    with server, client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        kept = worker.handle(TConn(worker.cfg, server, ("::1", 1), ("127.0.0.1", 8000)))
        worker.notify()
        assert client.recv(4096).endswith(b"hello")
    assert (kept, worker.deadlines) == (True, {})


def test_gunicorn_still_learns_that_a_worker_lives(
    worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive = Mock()
    monkeypatch.setattr(worker.tmp, "notify", alive)
    worker.notify()
    alive.assert_called_once_with()


def test_a_client_that_keeps_its_side_open_delays_nobody_for_long(
    monkeypatch: pytest.MonkeyPatch, run_in_thread: Run
) -> None:
    monkeypatch.setattr(slow_clients, "LINGER_TIMEOUT", 0)
    server, client = socket.socketpair()
    with server, client:
        closing = run_in_thread(slow_clients.linger, server)
        closing.join(10)
        assert not closing.is_alive()
        assert client.recv(1) == b""
