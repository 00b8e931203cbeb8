"""How a mail reaches the server, and what stands in the way of somebody on the network."""

import smtplib
import ssl
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from unittest.mock import Mock
from urllib.parse import quote

import pytest
from flask import Flask
from secure_flask.accounts import development_mails, send_mail, smtp, text_of_mail

from core.accounts.people import ADDRESS, IN_PRODUCTION
from core.conftest import MakeApp
from services import mail_servers
from services.mail_servers import NAME, PASSWORD, USER, MailServer

Deliver = Callable[..., None]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    mail_servers.resolve_here(monkeypatch)
    # A process keeps what it trusts.
    smtp.tls_context.cache_clear()
    with mail_servers.running() as server:
        yield server


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Of NAME, which this process trusts."""
    return mail_servers.certificate(tmp_path, monkeypatch)


@pytest.fixture
def deliver(make_app: MakeApp, server: MailServer) -> Deliver:
    """`deliver("smtps")`: hand a mail to the server at NAME, in production if not said otherwise."""

    def deliver(scheme: str = "smtp", user: str = "", host: str = NAME, **settings: str) -> None:
        url = f"{scheme}://{user}{host}:{server.port}"
        with make_app(**{**IN_PRODUCTION, "mail_url": url, **settings}).app_context():
            smtp.send_mail(message())

    return deliver


def message() -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"] = "My Service <no-reply@example.org>", ADDRESS
    made.set_content("Hello")
    return made


def test_a_mail_goes_to_its_recipient_alone(deliver: Deliver, server: MailServer) -> None:
    deliver(host="localhost")
    assert server.envelopes == [("no-reply@example.org", [ADDRESS])]
    assert server.next()["From"] == "My Service <no-reply@example.org>"


@pytest.mark.asvs("12.3.1")
def test_production_sends_only_by_tls_and_development_where_it_is_offered(
    deliver: Deliver,
    server: MailServer,
    certificate: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # It takes long to load the certificates, and other requests would wait for it.
    load = Mock(wraps=ssl.create_default_context)
    monkeypatch.setattr(ssl, "create_default_context", load)
    with pytest.raises(OSError, match="STARTTLS"):
        deliver()
    assert server.envelopes == []
    deliver(app_env="development")
    server.starttls = certificate
    deliver()
    deliver(app_env="development")
    server.starttls, server.smtps = None, certificate
    deliver("smtps")
    assert (len(server.all()), server.encrypted, load.call_count) == (4, 3, 1)


def test_a_server_of_this_machine_gets_the_password_by_tls_where_it_offers_it(
    deliver: Deliver, server: MailServer, certificate: ssl.SSLContext
) -> None:
    """Postfix refuses a login before STARTTLS, and its certificate has another name."""
    server.starttls, server.wants_password = certificate, True
    for environment in ("production", "development"):
        user = f"{quote(USER, safe='')}:{quote(PASSWORD, safe='')}@"
        deliver(host="localhost", user=user, app_env=environment)
    assert [server.encrypted, len(server.all())] == [2, 2]


@pytest.mark.asvs("12.3.2")
@pytest.mark.parametrize(("name", "trusted"), [("other.test", True), (NAME, False)])
def test_a_server_without_the_right_certificate_gets_nothing(
    deliver: Deliver,
    server: MailServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    trusted: bool,
) -> None:
    server.starttls = mail_servers.certificate(tmp_path, monkeypatch, name)
    if not trusted:
        monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(ssl.SSLCertVerificationError):
        deliver()
    with pytest.raises(ssl.SSLCertVerificationError):
        deliver(app_env="development")
    server.smtps = server.starttls
    with pytest.raises(ssl.SSLCertVerificationError):
        deliver("smtps")
    assert server.envelopes == []


def test_the_password_is_sent_by_tls(
    deliver: Deliver, server: MailServer, certificate: ssl.SSLContext
) -> None:
    server.starttls, server.wants_password = certificate, True
    deliver(user=f"{quote(USER, safe='')}:{quote(PASSWORD, safe='')}@")
    with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
        deliver(user="user:wrong@")
    assert len(server.all()) == 1
    assert smtp.failure_reason(refused.value) == "SMTPAuthenticationError 535"


@pytest.mark.slow
@pytest.mark.parametrize("reply", ["421 Too busy", "555 What?", None])
def test_a_mail_that_was_taken_is_sent_whatever_follows(
    deliver: Deliver, server: MailServer, monkeypatch: pytest.MonkeyPatch, reply: str | None
) -> None:
    # Enough for the commands before on a busy machine; only a silent server is waited for.
    monkeypatch.setattr(smtp, "TIMEOUT", 10 if reply else 2)
    server.answers["QUIT"] = reply
    deliver(host="localhost")
    assert len(server.all()) == 1


@pytest.mark.parametrize("command", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "END"])
def test_a_silent_server_keeps_nobody(
    deliver: Deliver, server: MailServer, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(smtp, "TIMEOUT", 0.1)
    server.answers[command] = None
    with pytest.raises(OSError, match=r"timed out|closed"):
        deliver(host="localhost")


@pytest.mark.parametrize(
    ("command", "reply", "is_final"),
    [
        ("RCPT", "550 Unknown", True),
        ("END", "554 Spam", True),
        ("RCPT", "451 Later", False),
        ("END", "452 Full", False),
        # Errors of the settings, which an operator corrects.
        ("MAIL", "553 Not your address", False),
        ("CONNECT", "554 Not from there", False),
    ],
)
def test_only_a_refused_mail_or_recipient_is_final(
    deliver: Deliver, server: MailServer, command: str, reply: str, is_final: bool
) -> None:
    server.answers[command] = reply
    with pytest.raises(OSError, match=ADDRESS if command == "RCPT" else reply[:3]) as refused:
        deliver(host="localhost")
    assert smtp.is_final_refusal(refused.value) is is_final
    assert ADDRESS not in smtp.failure_reason(refused.value)


@pytest.fixture
def app(make_app: MakeApp, tmp_path: Path) -> Iterator[Flask]:
    """An app of development in whose context the test runs."""
    app = make_app(TESTING=False)
    app.instance_path = str(tmp_path)
    with app.app_context():
        yield app


def report(name: str = "Your report") -> EmailMessage:
    """A mail of the owner's: as text, as HTML and with two files."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "shop@example.org", ADDRESS, name
    made.set_content("See http://localhost/report\n")
    made.add_alternative("<p>See the report</p>", subtype="html")
    made.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="report.pdf")
    made.add_attachment(b"\xff", maintype="application", subtype="octet-stream")
    return made


def test_a_command_prints_it_and_another_process_shows_it(make_app: MakeApp, app: Flask) -> None:
    other = make_app(TESTING=False)
    other.instance_path = app.instance_path

    @other.cli.command("report")
    def send_report() -> None:
        send_mail(report())

    files = "[report.pdf]\n[application/octet-stream]"
    assert text_of_mail(report()) == f"See http://localhost/report\n\n{files}"
    printed = other.test_cli_runner().invoke(args=["report"])
    assert (printed.exit_code, text_of_mail(report()) in printed.output) == (0, True)
    assert [mail["Subject"] for mail in development_mails()] == ["Your report"]


def test_the_folder_of_mails_is_private_and_its_oldest_go(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "MAX_SHOWN", 2)
    for name in ("first", "second", "third"):
        send_mail(report(name))
    assert [mail["Subject"] for mail in development_mails()] == ["second", "third"]
    folder = Path(app.instance_path, "mails")
    assert (len([*folder.iterdir()]), folder.stat().st_mode & 0o777) == (2, 0o700)
    # One that another process deletes meanwhile is left out.
    monkeypatch.setattr(Path, "read_bytes", Mock(side_effect=FileNotFoundError))
    assert development_mails() == []
