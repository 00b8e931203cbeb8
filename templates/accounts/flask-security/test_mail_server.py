"""How a mail reaches the server, and what stands in the way of somebody on the network."""

import smtplib
import ssl
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from unittest.mock import Mock
from urllib.parse import quote

import pytest

from app.accounts.mail import mail_server
from app.accounts.mail.mail_server import MailServer
from tests.accounts.mail import mail_servers
from tests.accounts.mail.mail_servers import NAME, PASSWORD, USER, Received, running

REFUSED = [
    "http://mail.test",
    "smtp:mail.test",
    "mail.test",
    "smtp://",
    "smtp://mail.test:0",
    "smtp://mail.test:99999",
    "smtp://mail.test:port",
    "smtp://mail.test/",
    "smtp://mail.test?tls=no",
    "smtp://mail.test#a",
    "smtp://user@mail.test",
    "smtp://:password@mail.test",
    "smtp://us er:password@mail test",
    "smtp://mail.te\nst",
    "smtp://user%0d%0aRSET:password@mail.test",
    "smtp://us%C3%A9r:password@mail.test",
    "smtp://[::1",
]


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Of NAME, which is this machine."""
    mail_servers.resolve_here(monkeypatch)
    return mail_servers.certificate(tmp_path, monkeypatch)


@pytest.fixture
def message() -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = "My Service <no-reply@example.org>", "ada@example.org"
    message.set_content("Hello")
    return message


def test_an_address_is_read_with_its_port_and_password() -> None:
    user, password = quote(USER, safe=""), quote(PASSWORD, safe="")
    assert mail_server.read(f"smtps://{user}:{password}@{NAME}") == (
        *("smtps", NAME, 465),
        *(USER, PASSWORD),
    )
    assert mail_server.read("smtp://localhost") == ("smtp", "localhost", 587, "", "")
    assert mail_server.read("smtp://[::1]:25") == ("smtp", "::1", 25, "", "")


def test_an_address_that_cannot_be_meant_is_refused(subtests: pytest.Subtests) -> None:
    for url in REFUSED:
        with subtests.test(url), pytest.raises(ValueError, match=r"write|must"):
            mail_server.read(url)


def test_a_mail_goes_to_its_recipient_alone(message: EmailMessage) -> None:
    received = Received()
    with running(received) as port:
        mail_server.deliver(server("smtp", port, host="localhost"), message, production=True)
    _, envelope = received.next()
    assert envelope.mail_from == "no-reply@example.org"
    assert envelope.rcpt_tos == ["ada@example.org"]


def test_production_sends_only_by_tls(certificate: ssl.SSLContext, message: EmailMessage) -> None:
    received = Received()
    with running(received) as port, pytest.raises(OSError, match="STARTTLS"):
        mail_server.deliver(server("smtp", port), message, production=True)
    assert received.empty()
    with running(received, tls_context=certificate, require_starttls=True) as port:
        mail_server.deliver(server("smtp", port), message, production=True)
    with running(received, smtps=certificate) as port:
        mail_server.deliver(server("smtps", port), message, production=True)
    assert received.next()
    assert received.next()


def test_development_uses_tls_where_it_is_offered(
    certificate: ssl.SSLContext, message: EmailMessage
) -> None:
    received = Received()
    with running(received) as port:
        mail_server.deliver(server("smtp", port), message, production=False)
    with running(received, tls_context=certificate, require_starttls=True) as port:
        mail_server.deliver(server("smtp", port), message, production=False)
    assert received.next()
    assert received.next()


@pytest.mark.parametrize(("name", "trusted"), [("other.test", True), (NAME, False)])
def test_a_server_without_the_right_certificate_gets_nothing(
    name: str,
    trusted: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    message: EmailMessage,
) -> None:
    mail_servers.resolve_here(monkeypatch)
    context = mail_servers.certificate(tmp_path, monkeypatch, name=name)
    if not trusted:
        monkeypatch.delenv("SSL_CERT_FILE")
    received = Received()
    with running(received, tls_context=context) as port:
        for production in (True, False):
            with pytest.raises(ssl.SSLCertVerificationError):
                mail_server.deliver(server("smtp", port), message, production=production)
    with running(received, smtps=context) as port, pytest.raises(ssl.SSLCertVerificationError):
        mail_server.deliver(server("smtps", port), message, production=False)
    assert received.empty()


def test_the_work_for_tls_is_done_once_in_a_process(
    certificate: ssl.SSLContext, message: EmailMessage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise requests that send a mail would slow others down, and so tell what they found."""
    make = Mock(wraps=ssl.create_default_context)
    monkeypatch.setattr(ssl, "create_default_context", make)
    received = Received()
    with running(received, smtps=certificate) as port:
        for _ in range(2):
            mail_server.deliver(server("smtps", port), message, production=True)
    assert make.call_count == 1


def test_the_password_is_sent_by_tls(certificate: ssl.SSLContext, message: EmailMessage) -> None:
    received = Received()
    logged_in: dict[str, Any] = {
        "authenticator": mail_servers.authenticator,
        "auth_required": True,
    }
    with running(received, tls_context=certificate, **logged_in) as port:
        right, wrong = (server("smtp", port, USER, each) for each in (PASSWORD, "wrong"))
        mail_server.deliver(right, message, production=True)
        with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
            mail_server.deliver(wrong, message, production=True)
    assert received.next()
    assert received.empty()
    assert mail_server.reason(refused.value) == "SMTPAuthenticationError 535"


def test_an_international_address_is_sent_as_it_is(message: EmailMessage) -> None:
    received = Received()
    del message["To"]
    message["To"] = "jörg@bücher.example"
    with running(received) as port:
        mail_server.deliver(server("smtp", port, host="localhost"), message, production=True)
    assert received.next()[1].rcpt_tos == ["jörg@bücher.example"]


def server(
    scheme: str, port: int, user: str = "", password: str = "", *, host: str = NAME
) -> MailServer:
    return MailServer(scheme, host, port, user, password)
