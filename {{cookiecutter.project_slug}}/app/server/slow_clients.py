"""Stops reading from clients that do not complete their request or close their connection.

gunicorn itself has no timeout for the first, and each such client occupies a thread. Sixteen
phones that lost their network would block a process permanently. For the second its main
loop waits two seconds each, and serves nobody in the meantime.
Source: OWASP ASVS 13.1.3; RFC 9112, section 9.6.
"""

import time
from contextlib import suppress
from socket import SHUT_RD, SHUT_WR, socket
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

# Seconds for a client to send a whole request. Raise it for large uploads by slow clients.
REQUEST_TIMEOUT = 20
# In seconds, for a client to read the last response before its connection is closed.
LINGER_TIMEOUT = 1


class DeadlineWorker(ThreadWorker):
    """Gives each request a deadline."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.deadlines: dict[Any, float] = {}

    def handle(self, connection: Any) -> Any:
        self.deadlines[connection] = time.monotonic() + REQUEST_TIMEOUT
        try:
            goes_on = super().handle(connection)
            if not goes_on:
                linger(connection.sock)
            return goes_on
        finally:
            del self.deadlines[connection]

    def notify(self) -> None:
        """Enforce the deadlines; gunicorn calls this at least once a second."""
        super().notify()
        now = time.monotonic()
        for connection, deadline in self.deadlines.copy().items():
            if deadline < now:
                # Only reading is shut down, so that a response can still be sent.
                # The method of the plain socket, since the TLS socket's would end encryption.
                with suppress(OSError):
                    socket.shutdown(connection.sock, SHUT_RD)


def linger(client: socket) -> None:
    """Wait in a thread until the client has closed its side, so that the main loop need not.

    To close at once would take the response from a client that still sends.
    """
    deadline = time.monotonic() + LINGER_TIMEOUT
    # The plain socket's methods: those of TLS would wait for more.
    with suppress(OSError):
        socket.shutdown(client, SHUT_WR)
        while (left := deadline - time.monotonic()) > 0:
            client.settimeout(left)
            if not socket.recv(client, 4096):
                break
    with suppress(OSError):
        socket.shutdown(client, SHUT_RD)
