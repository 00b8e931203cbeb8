"""A real mail server for tests: it listens on this machine, as `mail.test` too."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.accounts.mail import mail_server

NAME = "mail.test"
USER, PASSWORD = "user@example.org", "a p@ss/word:1"
TIMEOUT = 10  # seconds until a test fails that waits for a mail


class Received:
    """What a server received: each message with its envelope."""

    def __init__(self) -> None:
        self._queue: Queue[tuple[EmailMessage, Envelope]] = Queue()

    def next(self) -> tuple[EmailMessage, Envelope]:
        return self._queue.get(timeout=TIMEOUT)

    def empty(self) -> bool:
        return self._queue.empty()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.original_content or b""
        self._queue.put((message_from_bytes(content, policy=policy.SMTP), envelope))
        return "250 OK"


class _Server(Controller):
    """Listens on a free port."""

    def _trigger_server(self) -> None:
        # Its own first connection takes the certificate for that of a client.
        self.port = self.server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        socket.create_connection((self.hostname, self.port)).close()


@contextmanager
def running(
    received: Received, *, smtps: ssl.SSLContext | None = None, **options: Any
) -> Iterator[int]:
    """A server on a port of 127.0.0.1."""
    options = {"hostname": "127.0.0.1", "port": 0, "enable_SMTPUTF8": True, **options}
    server = _Server(received, ssl_context=smtps, **options)
    server.start()
    try:
        yield server.port
    finally:
        server.stop()


def authenticator(server: Any, session: Any, envelope: Any, method: str, data: Any) -> AuthResult:
    valid = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=valid, handled=False)


def certificate(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str = NAME) -> ssl.SSLContext:
    """A new certificate for `name`, which this process trusts from now on."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    # A process keeps what it trusts.
    mail_server.tls_context.cache_clear()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def resolve_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let NAME be this machine: a server of another machine needs TLS, localhost does not."""
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        return real("127.0.0.1" if host == NAME else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
