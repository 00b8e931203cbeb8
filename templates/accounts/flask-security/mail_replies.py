"""Connections to a mail server whose replies have an end.

smtplib keeps each line of a reply, and its timeout begins again at each byte. So a server, or anybody
on the way to it before TLS, could fill the memory, or keep the thread that sends all mails.
Source: OWASP ASVS 13.1.3, 15.2.2.
"""

import smtplib
import socket
import time
from typing import Any

MAX_REPLIES = 64 * 1024  # bytes of all replies on one connection
DEADLINE = 60  # seconds for all replies on one connection


class _Replies:
    """What a server sends, in lines: all that smtplib asks of a file."""

    def __init__(self, connection: "Connection") -> None:
        self.connection = connection

    def readline(self, size: int) -> bytes:
        line = b""
        while len(line) < size and not line.endswith(b"\n"):
            byte = self.connection.next_byte()
            if not byte:
                break
            line += byte
        return line

    def close(self) -> None:
        """Nothing to do: smtplib closes the socket."""


class Connection(smtplib.SMTP):
    """A connection without TLS, or one to which STARTTLS adds it."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.left, self.deadline = MAX_REPLIES, time.monotonic() + DEADLINE
        super().__init__(*arguments, **options)

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None:
            self.file = _Replies(self)
        return super().getreply()

    def next_byte(self) -> bytes:
        """:raises OSError: the replies are too long or too late."""
        connection, seconds = self.sock, self.deadline - time.monotonic()
        self.left -= 1
        if self.left < 0 or seconds <= 0 or not isinstance(connection, socket.socket):
            raise OSError("the replies have no end")
        connection.settimeout(min(self.timeout, seconds))
        try:
            return connection.recv(1)
        finally:
            connection.settimeout(self.timeout)


class TLSConnection(Connection, smtplib.SMTP_SSL):
    """A connection by TLS from the start."""
