"""The end of a listener, as clients see it that are just connecting."""

import contextlib
import ctypes
import select
import socket
import struct
import sys
from collections.abc import Iterator

import pytest

from app.server import listeners


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


def connect(listener: socket.socket) -> socket.socket:
    """Begin to connect; on this computer that is done at once, where it is possible."""
    client = socket.socket()
    client.setblocking(False)
    client.connect_ex(listener.getsockname())
    return client


def is_connected(client: socket.socket) -> bool:
    return bool(select.select([], [client], [], 0)[1])


def may_filter() -> bool:
    """Whether this system lets this user attach a filter, here one that lets all pass."""
    program = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0xFFFFFFFF))
    pointer = struct.pack("HP", 1, ctypes.addressof(program))
    with socket.socket() as probe, contextlib.suppress(OSError):
        probe.setsockopt(socket.SOL_SOCKET, listeners.SO_ATTACH_FILTER, pointer)
        return True
    return False


@pytest.mark.skipif(
    sys.platform != "linux" or not may_filter(), reason="this system lets this user filter nothing"
)
def test_a_client_that_comes_too_late_does_not_get_a_connection(listener: socket.socket) -> None:
    with connect(listener) as early:
        assert is_connected(early)
        listeners.drop_new_connections(listener)
        with connect(listener) as late:
            assert not is_connected(late)
        # What is open goes on.
        server, _ = listener.accept()
        with server:
            early.send(b"hello")
            assert server.recv(5) == b"hello"


def test_who_waits_is_accepted_before_the_listener_closes(listener: socket.socket) -> None:
    with contextlib.ExitStack() as stack:
        waiting = [stack.enter_context(connect(listener)) for _ in range(3)]
        served: list[object] = []

        def accept(listener: socket.socket) -> None:
            server, address = listener.accept()
            served.append(address)
            stack.enter_context(server)

        listeners.close(listener, accept, at_most=10)
        assert served == [client.getsockname() for client in waiting]
    assert listener.fileno() == -1


def test_a_flood_of_clients_does_not_keep_a_listener_open(listener: socket.socket) -> None:
    with connect(listener):
        # Each leaves as many waiting as there were.
        listeners.close(listener, lambda listener: None, at_most=10)
    assert listener.fileno() == -1
