"""Why the site did not answer a request, in words for people who do not know the exceptions."""

import socket
import ssl
from http.client import HTTPException

from app.checks.registry import NotChecked

TIMEOUT = 5  # seconds, for each step of a request


class NoAnswer(NotChecked):
    """The request has no response.

    `certificate` if the site's certificate is invalid, `closed` if the site does not want to
    answer.
    """

    def __init__(self, request: str, error: Exception) -> None:
        self.certificate = isinstance(error, ssl.SSLCertVerificationError)
        self.closed = isinstance(error, ConnectionError)
        self.reason = explain(error)
        super().__init__(f"{request}: {self.reason}")


def explain(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message.rstrip(".")
    if isinstance(error, ssl.SSLError):
        return f"TLS fails ({getattr(error, 'reason', None) or error})"
    # In this order, since some of these are subclasses of those below them.
    for kind, reason in (
        (socket.gaierror, "the name is not found in the DNS"),
        (ConnectionRefusedError, "the connection is refused"),
        (ConnectionError, "the connection is closed without an answer"),
        (TimeoutError, "there is no whole answer in time"),
        (HTTPException, "what answers does not speak HTTP"),
    ):
        if isinstance(error, kind):
            return reason
    return str(error)
