"""Hands mails to the server in MAIL_URL, by TLS with a verified certificate.

Mails hold links that open accounts, and MAIL_URL a password. Without verification anybody on the
network could read both, or remove STARTTLS from the answer of the server.

Mails of development are stored instead of sent. They are files in `instance/mails`, so /dev/mailbox
also shows the mails of a command or a worker. An app under test keeps its mails in memory, so that
no test sees the mails of another one.
Source: RFC 8314; RFC 3207, section 6; OWASP ASVS 12.3.1, 12.3.2, 13.1.3.
"""

import smtplib
import ssl
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from functools import cache
from pathlib import Path
from secrets import token_hex
from urllib.parse import SplitResult, unquote, urlsplit

import click
from flask import current_app
from secure_flask.state import StateKey, app_state

TIMEOUT = 10  # seconds for each part of an answer of the server
# A connection to this machine passes no network, so it needs no TLS. A server that offers it may
# demand it, with a certificate that has none of these names.
LOOPBACK = ("localhost", "127.0.0.1", "::1")
MAX_SHOWN = 100  # mails of development

TESTED_MAILS = StateKey[deque[EmailMessage]]("mails of an app under test")


def send_mail(message: EmailMessage) -> None:
    """Hand a message over to the server. Development without a server shows it at /dev/mailbox.

    `send_mail(message)` needs `From` and one `To`. It waits at most 10 seconds for each answer.

    :raises OSError: the server cannot be reached or refuses; smtplib's errors are OSErrors.
    """
    if not current_app.config["MAIL_URL"]:
        keep_mail(message)
        if click.get_current_context(silent=True):
            click.echo(f"Mail to {message['To']}: {message['Subject']}\n\n{text_of_mail(message)}")
        return
    sender, recipient = (message[name].addresses[0].addr_spec for name in ("From", "To"))
    with connect_to_mail_server() as connection:
        connection.send_message(message, sender, [recipient])


@contextmanager
def connect_to_mail_server() -> Iterator[smtplib.SMTP]:
    """A connection that is encrypted and logged in.

    :raises OSError: the server cannot be reached or refuses.
    """
    server = urlsplit(current_app.config["MAIL_URL"])
    connection = _open_connection(server)
    try:
        connection.ehlo_or_helo_if_needed()
        local = server.hostname in LOOPBACK
        # Production fails without STARTTLS, since an attacker can remove it from the offer.
        needed = current_app.config["PRODUCTION"] and not local
        if server.scheme == "smtp" and (needed or connection.has_extn("starttls")):
            connection.starttls(context=_local_context() if local else tls_context())
        if server.username:
            connection.login(unquote(server.username), unquote(server.password or ""))
        yield connection
    finally:
        # The server has the mail by now, so an error of QUIT does not matter.
        with suppress(OSError):
            connection.quit()
        connection.close()


def is_final_refusal(error: Exception) -> bool:
    """Whether another try would fail too: the server refuses the message or the recipient.

    A refused password or sender is an error of MAIL_URL or MAIL_FROM, which can be corrected.
    """
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= 500


def failure_reason(error: Exception) -> str:
    """What went wrong, without the text of the server, which may repeat the address."""
    code = getattr(error, "smtp_code", "")
    return f"{type(error).__name__} {code}".strip()


def keep_mail(message: EmailMessage) -> None:
    """Store a mail, and delete the oldest ones beyond MAX_SHOWN."""
    if current_app.testing:
        app_state(current_app).setdefault(TESTED_MAILS, deque(maxlen=MAX_SHOWN)).append(message)
        return
    folder = _folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / f"{time.time_ns()}-{token_hex(4)}.eml").write_bytes(message.as_bytes())
    for old in sorted(folder.glob("*.eml"))[:-MAX_SHOWN]:
        old.unlink(missing_ok=True)


def kept_mails() -> list[EmailMessage]:
    """The last mails, the oldest first."""
    if current_app.testing:
        return list(app_state(current_app).get(TESTED_MAILS) or [])
    return [*_stored_mails()]


def text_of_mail(message: EmailMessage) -> str:
    """The text of a mail, and the names of its attachments: `text_of_mail(message)`."""
    body = message.get_body(("plain", "html"))
    text = body.get_content() if body else ""
    names = [part.get_filename() or part.get_content_type() for part in message.iter_attachments()]
    return "\n".join([text, *(f"[{name}]" for name in names)])


def _open_connection(server: SplitResult) -> smtplib.SMTP:
    host = server.hostname or ""
    if server.scheme == "smtps":
        return smtplib.SMTP_SSL(host, server.port or 465, timeout=TIMEOUT, context=tls_context())
    return smtplib.SMTP(host, server.port or 587, timeout=TIMEOUT)


def _local_context() -> ssl.SSLContext:
    """A context for a server of this machine, whose certificate is not verified."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@cache
def tls_context() -> ssl.SSLContext:
    return ssl.create_default_context()


def _stored_mails() -> Iterator[EmailMessage]:
    parser = BytesParser(EmailMessage, policy=policy.default)
    for file in sorted(_folder().glob("*.eml")):
        # Another process may delete an old file meanwhile.
        with suppress(FileNotFoundError):
            yield parser.parsebytes(file.read_bytes())


def _folder() -> Path:
    return Path(current_app.instance_path) / "mails"
