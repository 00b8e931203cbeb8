"""Sending a mail: from a request, from a command, and to nobody."""

from email.message import EmailMessage
from queue import Queue
from typing import Any

import click
import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.accounts.mail import mail, mail_messages, mailbox
from app.accounts.mail.mail import MailError
from app.accounts.mail.outbox import MAIL_FAILED
from app.auth.access import public
from app.security import audit
from tests.accounts.mail.mail_servers import TIMEOUT, Received, running
from tests.conftest import PRODUCTION, Lines, MakeApp

ADA = "ada@example.org"
LINK = "http://localhost/reset/a-token"


def with_view(app: Flask, recipient: str | None = ADA) -> FlaskClient:
    """A client of an app whose view `/send` sends a mail."""

    def send() -> str:
        mail.send(recipient, "reset", link=LINK, username="ada", lifetime="2 hours")
        return ""

    app.add_url_rule("/send", view_func=public(send))
    return app.test_client()


def send(app: Flask, recipient: str = ADA) -> None:
    """Send a mail outside of requests, as a command does."""
    with app.app_context():
        mail.send(recipient, "reset", link=LINK, username="ada", lifetime="2 hours")


def test_a_mail_of_a_request_reaches_the_mail_server(make_app: MakeApp) -> None:
    received = Received()
    with running(received) as port:
        assert (
            with_view(make_app(mail_url=f"smtp://localhost:{port}")).get("/send").status_code == 200
        )
        message, envelope = received.next()
    assert envelope.rcpt_tos == [ADA]
    for kind in ("plain", "html"):
        part = message.get_body((kind,))
        assert part is not None
        assert LINK in part.get_content()


def test_without_a_mail_server_development_keeps_it(make_app: MakeApp) -> None:
    app = make_app()
    assert with_view(app).get("/send").status_code == 200
    [message] = mailbox.messages(app)
    assert message["To"] == ADA


def test_a_server_that_is_away_is_no_error_to_a_client_but_logged(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: Queue[object] = Queue()
    monkeypatch.setattr(audit, "record", lambda event, **fields: logged.put((event, fields)))
    assert with_view(make_app(mail_url="smtp://localhost:1")).get("/send").status_code == 200
    assert logged.get(timeout=TIMEOUT) == (MAIL_FAILED, {"reason": "ConnectionRefusedError"})


def test_an_invalid_recipient_is_no_error_to_a_client_but_logged(
    make_app: MakeApp, lines: Lines
) -> None:
    client = with_view(make_app(**PRODUCTION), "ada")
    assert client.get("/send", base_url="https://localhost").status_code == 200
    [line] = lines()
    assert (line["event"], line["reason"]) == ("mail_failed", "InvalidRecipient")


@pytest.mark.asvs("6.3.8")
def test_for_nobody_the_same_is_composed_and_nothing_sent(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    composed: list[tuple[object, ...]] = []

    def compose(recipient: str, *given: Any) -> EmailMessage:
        composed.append(given)
        return mail_messages.compose(recipient, *given)

    monkeypatch.setattr(mail, "compose", compose)
    app = make_app()
    for recipient in (ADA, None):
        with app.test_request_context():
            mail.send(recipient, "reset", link=LINK, username="ada")
    assert composed[0] == composed[1]
    nobodys = make_app()
    assert with_view(nobodys, None).get("/send").status_code == 200
    assert mailbox.messages(nobodys) == []


def test_a_command_sends_at_once(make_app: MakeApp) -> None:
    received = Received()
    with running(received) as port:
        send(make_app(mail_url=f"smtp://localhost:{port}"))
        assert not received.empty()


def test_a_command_says_in_a_sentence_why_a_mail_was_not_sent(make_app: MakeApp) -> None:
    with pytest.raises(MailError, match=r"not sent \(ConnectionRefusedError\): check"):
        send(make_app(mail_url="smtp://localhost:1"))
    with pytest.raises(MailError, match=r"not sent \(InvalidRecipient\): check"):
        send(make_app(), "ada")
    assert issubclass(MailError, click.ClickException)
