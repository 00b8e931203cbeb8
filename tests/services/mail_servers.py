"""A real mail server for tests: it listens on this machine, as `mail.test` too."""

import base64
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from queue import Queue
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import cast

import pytest
from cryptography import x509

from services.certificates import self_signed

NAME = "mail.test"
USER, PASSWORD = "user@example.org", "a p@ss/word:1"
TIMEOUT = 10  # seconds until a test fails that waits for a mail


class MailServer(ThreadingTCPServer):
    """Takes every mail, but for what a test sets.

    `answers` replaces the reply to a command, as in `{"RCPT": "550 Unknown"}`; None says nothing.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.port: int = self.server_address[1]
        self.url = f"smtp://localhost:{self.port}"
        self.answers: dict[str, str | None] = {}
        # What it says to one recipient.
        self.refused: dict[str, str] = {}
        self.smtps = self.starttls = cast(ssl.SSLContext | None, None)
        self.wants_password = False
        self.connections = self.encrypted = 0
        self.received: Queue[EmailMessage] = Queue()
        self.envelopes: list[tuple[str, list[str]]] = []

    def all(self) -> list[EmailMessage]:
        """What arrived since the last look."""
        return [self.received.get() for _ in range(self.received.qsize())]

    def next(self) -> EmailMessage:
        return self.received.get(timeout=TIMEOUT)


class _Connection(StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self.server.connections += 1
        # A client that leaves is none of the test's faults.
        with suppress(OSError, ValueError):
            if self.server.smtps:
                self._encrypt(self.server.smtps)
            self._reply("CONNECT", "220 mail.test")
            while line := self.rfile.readline():
                self._obey(line.decode().strip())

    def _obey(self, line: str) -> None:
        command = line[:4].upper()
        if command == "EHLO":
            self._reply(command, "\r\n".join(["250-mail.test", *self._offers(), "250 8BITMIME"]))
        elif command == "STAR" and self.server.starttls:
            self._reply(command, "220 Go on")
            self._encrypt(self.server.starttls)
        elif command == "AUTH":
            right = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
            self._reply(command, "235 OK" if line.split()[-1] == right else "535 Wrong")
        elif command == "MAIL":
            self.envelope = (line[4:].partition(":")[2].split()[0].strip("<>"), list[str]())
            self._reply(command, "250 OK")
        elif command == "RCPT":
            recipient = line.partition(":")[2].strip("<>")
            self.envelope[1].append(recipient)
            self._reply(command, self.server.refused.get(recipient, "250 OK"))
        elif command == "DATA":
            self._take()
        else:
            self._reply(command, "221 Bye" if command == "QUIT" else "250 OK")

    def _offers(self) -> list[str]:
        tls = ["250-STARTTLS"] if self.server.starttls else []
        return [*tls, "250-AUTH PLAIN"] if self.server.wants_password else tls

    def _take(self) -> None:
        self._reply("DATA", "354 Go on")
        content = b"".join(iter(self.rfile.readline, b".\r\n"))
        if self.server.answers.get("END", "250").startswith("250"):  # type: ignore[union-attr]
            self.server.envelopes.append(self.envelope)
            self.server.received.put(message_from_bytes(content, policy=policy.SMTP))
        self._reply("END", "250 OK")

    def _reply(self, command: str, usual: str) -> None:
        reply = self.server.answers.get(command, usual)
        if reply is None:
            # Until the client leaves.
            self.rfile.read()
        else:
            self.wfile.write(f"{reply}\r\n".encode())

    def _encrypt(self, context: ssl.SSLContext) -> None:
        self.server.encrypted += 1
        self.request = context.wrap_socket(self.request, server_side=True)
        self.setup()


@contextmanager
def running() -> Iterator[MailServer]:
    with MailServer() as server:
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def certificate(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str = NAME) -> ssl.SSLContext:
    """A new certificate for `name`, which processes trust that have made no connection yet."""
    file = folder / "certificate.pem"
    file.write_bytes(b"".join(self_signed(x509.DNSName(name))))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def resolve_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let NAME be this machine: a server of another machine needs TLS, localhost does not."""
    real = socket.getaddrinfo

    def getaddrinfo(host: object, *arguments: object, **options: object) -> object:
        return real("127.0.0.1" if host == NAME else host, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
