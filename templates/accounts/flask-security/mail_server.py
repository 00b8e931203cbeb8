"""Sends mail to the server in MAIL_URL, by TLS with a verified certificate.

Mails hold links that open accounts, and MAIL_URL a password. Without verification anybody on
the network could read both, or remove STARTTLS from the server's answer.
Source: RFC 8314; RFC 3207, section 6; OWASP ASVS 12.3.1, 12.3.2.
"""

import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from functools import cache
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from app.accounts.mail.mail_replies import Connection, TLSConnection

FORM = "smtps://user:password@mail.example.org, or smtp:// for STARTTLS"
# Of message submission. Source: RFC 8314, section 3.3; RFC 6409.
PORTS = {"smtps": 465, "smtp": 587}
TIMEOUT = 10  # seconds for each part of an answer of the server

_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|[0-9a-f:.]*:[0-9a-f:.]*")
# What is sent to this machine itself passes no network, and no certificate names it.
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class MailServer(NamedTuple):
    scheme: str
    host: str
    port: int
    user: str
    password: str


def read(url: str) -> MailServer:
    """Parse `smtp://` or `smtps://`; user and password are percent-encoded.

    :raises ValueError: says what to write, and repeats no part of the value.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
    except ValueError:
        raise ValueError(f"cannot be read: write {FORM}") from None
    host = parts.hostname or ""
    # urlsplit drops control characters.
    if parts.scheme not in PORTS or not url.isprintable() or not _HOST.fullmatch(host):
        raise ValueError(f"must be {FORM}")
    if parts.path or parts.query or parts.fragment or port == 0:
        raise ValueError(f"must end after the host or the port: write {FORM}")
    if bool(user) != bool(password):
        raise ValueError(f"names a user or a password alone: write {FORM}")
    # smtplib encodes both in ASCII.
    if not (user + password).isascii() or not (user + password).isprintable():
        raise ValueError("must have an ASCII user and password, with %40 for @ and %2F for /")
    return MailServer(parts.scheme, host, port or PORTS[parts.scheme], user, password)


@contextmanager
def connect(server: MailServer, *, production: bool) -> Iterator[smtplib.SMTP]:
    """A connection that is encrypted and logged in.

    :raises OSError: the server cannot be reached or refuses; smtplib's errors are OSErrors.
    """
    with _open(server) as connection:
        connection.ehlo_or_helo_if_needed()
        remote = server.scheme == "smtp" and server.host not in _LOOPBACK
        # Production fails without STARTTLS, since an attacker can remove it from the offer.
        if remote and (production or connection.has_extn("starttls")):
            connection.starttls(context=tls_context())
        if server.user:
            connection.login(server.user, server.password)
        yield connection


@cache
def tls_context() -> ssl.SSLContext:
    """How certificates are verified: made once in a process.

    It takes milliseconds, in which other requests would notice that one has sent a mail.
    """
    return ssl.create_default_context()


def deliver(server: MailServer, message: EmailMessage, *, production: bool) -> None:
    """Hand one message over to the server, which keeps and retries it.

    :raises OSError: the server cannot be reached or refuses.
    """
    sender, recipient = (message[name].addresses[0].addr_spec for name in ("From", "To"))
    with connect(server, production=production) as connection:
        connection.send_message(message, sender, [recipient])


def reason(error: Exception) -> str:
    """What went wrong, without the server's text, which may repeat the address."""
    code = getattr(error, "smtp_code", None)
    name = type(error).__name__
    return f"{name} {code}" if code else name


def _open(server: MailServer) -> smtplib.SMTP:
    if server.scheme == "smtps":
        return TLSConnection(server.host, server.port, timeout=TIMEOUT, context=tls_context())
    return Connection(server.host, server.port, timeout=TIMEOUT)
