"""One request and its response, by the standard library, which follows no redirect.

Source: RFC 9110; RFC 9112.
"""

import ssl
from collections.abc import Mapping
from contextlib import closing
from email.message import Message
from http.client import HTTPConnection
from typing import NamedTuple

MAX_BODY = 64 * 1024  # bytes that are read of a response


class Answer(NamedTuple):
    """A response; of a header that was sent twice, `headers.get_all(name)` has both values."""

    status: int
    headers: Message
    body: bytes


def exchange(
    connection: HTTPConnection, method: str, path: str, headers: Mapping[str, str], body: bytes
) -> Answer:
    """Send a request, read the response and close the connection."""
    with closing(connection):
        connection.connect()
        try:
            connection.request(method, path, body or None, {"User-Agent": "flask-check", **headers})
        except (ConnectionError, ssl.SSLEOFError):
            # The server may have answered before it had read a body that is too large.
            if not body:
                raise
        with connection.getresponse() as response:
            return Answer(response.status, response.headers, response.read(MAX_BODY))
