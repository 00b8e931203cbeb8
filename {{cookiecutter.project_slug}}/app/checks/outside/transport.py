"""One request and its response, by the standard library, which follows no redirect.

Source: RFC 9110; RFC 9112.
"""

import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from email.message import Message
from http.client import HTTPConnection, HTTPException
from threading import Event, Timer
from typing import NamedTuple

MAX_BODY = 64 * 1024  # bytes that are read of a response
# Seconds for a whole exchange: one byte each second, or endless `100 Continue`, meet no timeout.
DEADLINE = 30


class Answer(NamedTuple):
    """A response; of a header that was sent twice, `headers.get_all(name)` has both values."""

    status: int
    headers: Message
    body: bytes


def exchange(
    connection: HTTPConnection, method: str, path: str, headers: Mapping[str, str], body: bytes
) -> Answer:
    """Send a request, read the response and close the connection.

    :raises TimeoutError: it was not complete within DEADLINE.
    """
    with closing(connection):
        connection.connect()
        with _deadline(connection.sock):
            try:
                fields = {"User-Agent": "flask-check", **headers}
                connection.request(method, path, body or None, fields)
            except (ConnectionError, ssl.SSLEOFError):
                # The server may have answered before it had read a body that is too large.
                if not body:
                    raise
            with connection.getresponse() as response:
                return Answer(response.status, response.headers, response.read(MAX_BODY))


@contextmanager
def _deadline(connection: socket.socket) -> Iterator[None]:
    """End the connection after DEADLINE, whatever arrives."""
    late = Event()

    def end() -> None:
        late.set()
        # The plain socket's method: that of TLS would end the encryption.
        with suppress(OSError):
            socket.socket.shutdown(connection, socket.SHUT_RDWR)

    timer = Timer(DEADLINE, end)
    timer.start()
    try:
        yield
    except (OSError, HTTPException):
        if not late.is_set():
            raise
    finally:
        timer.cancel()
    if late.is_set():
        raise TimeoutError
