"""Clients that never come to the end of their request, and what is left for the others."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest

import clients
import services
from conftest import NewProject

THREADS = 16

SLOW = {
    "silent": b"",
    "headers": b"GET / HTTP/1.1\r\nHost: localhost\r\n",
    "a body": b"POST /login HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
}


@pytest.fixture(scope="module")
def port(new_project: NewProject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Serve by one process that waits for a request one second instead of twenty."""
    project = new_project()
    module = project / "app" / "server" / "slow_clients.py"
    hurried = module.read_text("utf-8").replace("REQUEST_TIMEOUT = 20", "REQUEST_TIMEOUT = 1")
    module.write_text(hurried, "utf-8")
    assert "REQUEST_TIMEOUT = 1\n" in hurried
    with services.gunicorn(project, tmp_path_factory.mktemp("logs") / "log") as port:
        yield port


@pytest.mark.parametrize("sent", SLOW.values(), ids=SLOW)
def test_others_are_served_while_slow_clients_hold_every_thread(port: int, sent: bytes) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(THREADS):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            slow.sendall(sent)
        assert clients.ask(port, "/healthz").status == 200


def test_others_are_served_while_clients_keep_open_what_the_server_closes(port: int) -> None:
    closing = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with contextlib.ExitStack() as stack:
        # gunicorn itself would wait for one after the other, two seconds each.
        for _ in range(clients.PATIENCE):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            slow.sendall(closing)
        assert clients.ask(port, "/healthz").status == 200


def test_who_drips_on_is_given_up_too(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), clients.PATIENCE) as slow:
        slow.sendall(SLOW["headers"])
        slow.settimeout(0.05)
        with contextlib.suppress(ConnectionError):
            while drip(slow):
                pass


def drip(slow: socket.socket) -> bool:
    """Send one more byte of a header; False once the server has hung up."""
    slow.sendall(b"a")
    try:
        return bool(slow.recv(1))
    except TimeoutError:
        return True


def test_who_sends_no_end_of_a_body_is_told_so(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), clients.PATIENCE) as slow:
        slow.sendall(SLOW["a body"])
        assert slow.recv(4096).startswith(b"HTTP/1.1 400 ")


def test_who_is_slow_and_done_in_time_is_served(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), clients.PATIENCE) as slow:
        for byte in b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n":
            slow.sendall(bytes([byte]))
        assert slow.recv(4096).startswith(b"HTTP/1.1 200 ")
