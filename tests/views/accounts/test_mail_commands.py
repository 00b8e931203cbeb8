"""`flask mail`, `flask user mail-link`: an operator sends what waits, and mails a link."""

from collections.abc import Iterator

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import db
from secure_flask.accounts import outbox
from secure_flask.accounts.mail_limits import PER_ADDRESS

import mail_servers
from core import routes
from mail_servers import MailServer
from views.accounts.people import ADDRESS, STRONG, give_address, link_in, send
from views.conftest import LOGIN, USERNAME, MakeApp, stored_user


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_servers.running() as server:
        yield server


@pytest.fixture
def app(make_app: MakeApp, server: MailServer) -> Flask:
    app = make_app(mail_url=server.url)
    give_address(app)
    return app


def run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=[*arguments])


def ask(app: Flask, times: int = 1) -> None:
    with app.app_context():
        for _ in range(times):
            outbox.add_link("reset", ADDRESS)
        outbox.add_link("confirm", "nobody@example.org")
        db.session.commit()


def test_what_waits_is_counted_by_kind_and_sent(app: Flask, server: MailServer) -> None:
    ask(app, 2)
    assert run(app, "mail", "status").stdout.split() == [
        *("confirm", "1"),
        *("reset", "2"),
        *("waiting", "3"),
    ]
    assert "Sent 2, waiting 0" in run(app, "mail", "send").stdout
    assert len(server.all()) == 2
    assert run(app, "mail", "status").stdout.split() == ["waiting", "0"]


@pytest.mark.asvs("6.4.1")
def test_a_user_sets_the_password_by_the_mailed_link_once(
    app: Flask, client: FlaskClient, server: MailServer
) -> None:
    result = run(app, "user", "mail-link", USERNAME)
    assert result.exit_code == 0
    mail = server.next()
    link = link_in(mail)
    assert (mail["To"], link in result.output) == (ADDRESS, False)
    assert send(client, link, {"password": STRONG}).status_code == 200
    assert send(client, routes.LOGIN, {**LOGIN, "password": STRONG}).status_code == 200
    assert send(client, link, {"password": STRONG}).status_code == 404


def test_no_stranger_keeps_an_operator_from_mailing_a_link(app: Flask, server: MailServer) -> None:
    ask(app, PER_ADDRESS)
    run(app, "mail", "send")
    assert run(app, "user", "mail-link", USERNAME).exit_code == 0
    assert len(server.all()) == PER_ADDRESS + 1


def test_a_link_that_is_not_mailed_is_an_error_in_one_sentence(
    app: Flask, server: MailServer
) -> None:
    server.answers["RCPT"] = f"550 No {ADDRESS} here"
    refused = run(app, "user", "mail-link", USERNAME)
    with stored_user(app) as user:
        user.disabled = True
    disabled = run(app, "user", "mail-link", USERNAME)
    give_address(app, None)
    unknown = run(app, "user", "mail-link", USERNAME)
    for result, words in (
        (refused, "SMTPRecipientsRefused"),
        (disabled, "disabled"),
        (unknown, "no e-mail address"),
    ):
        assert (result.exit_code, result.output.count("\n")) == (1, 1)
        assert words in result.output
        assert ADDRESS not in result.output
    assert server.envelopes == []


def test_a_command_of_development_prints_its_mail(make_app: MakeApp) -> None:
    app = make_app()
    give_address(app)
    printed = run(app, "user", "mail-link", USERNAME).output
    assert f"Mail to {ADDRESS}: " in printed
    assert "http://localhost:8000/reset/" in printed
