"""The mailbox of development: what a developer sees there, and that nobody else has it."""

import click
import pytest
from flask import Flask
from flask.testing import FlaskClient
from markupsafe import escape

from app.accounts.mail import mail, mailbox
from app.auth.access import public
from tests import routes
from tests.conftest import PRODUCTION, MakeApp

ADA = "ada@example.org"
LINK = "http://localhost/reset/a-token"
BOX = routes.path_of("mailbox.show_all")


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """One whose view `/send` sends a mail."""

    def send() -> str:
        mail.send(ADA, "reset", link=LINK, username="<b>ada", lifetime="2 hours")
        return ""

    app = make_app()
    app.add_url_rule("/send", view_func=public(send))
    return app


def first(client: FlaskClient) -> str:
    client.get("/send")
    return client.get(routes.path_of("mailbox.show", number="1")).text


def test_mails_are_listed_newest_first_and_the_oldest_go(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(mailbox.MAX_MAILS + 1):
        client.get("/send")
    listed = client.get(BOX).text
    places = [listed.find(routes.path_of("mailbox.show", number=str(n)) + '"') for n in (1, 2, 101)]
    assert places[0] == -1 < places[2] < places[1]
    assert len(mailbox.messages(app)) == mailbox.MAX_MAILS
    assert client.get(routes.path_of("mailbox.show", number="1")).status_code == 404


def test_an_empty_mailbox_and_an_unknown_mail_are_no_error(client: FlaskClient) -> None:
    assert client.get(BOX).status_code == 200
    assert client.get(routes.path_of("mailbox.show", number="7")).status_code == 404


def test_a_link_in_the_text_can_be_clicked(client: FlaskClient) -> None:
    assert f'<a href="{LINK}"' in first(client)


def test_the_html_is_in_a_sandbox_without_any_permission(app: Flask, client: FlaskClient) -> None:
    page = first(client)
    [frame] = [tag for tag in page.split("<") if tag.startswith("iframe")]
    assert " sandbox " in frame
    part = mailbox.messages(app)[0].get_body(("html",))
    assert part is not None
    assert str(escape(part.get_content().split("<h1>")[1])) in frame


def test_the_address_is_logged_with_the_first_mail_alone(
    client: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    client.get("/healthz")
    assert "mailbox" not in capsys.readouterr().err
    for _ in range(2):
        client.get("/send")
    assert capsys.readouterr().err.count(f"http://localhost{BOX}") == 1


def test_a_command_prints_its_mail(app: Flask) -> None:
    @app.cli.command("invite")
    def invite() -> None:
        mail.send(ADA, "set_password", link=LINK, username="ada", lifetime="2 hours")

    assert isinstance(invite, click.Command)
    printed = app.test_cli_runner().invoke(args=["invite"]).output
    assert f"Mail to {ADA}: " in printed
    assert LINK in printed


def test_production_has_no_mailbox_nor_has_development_with_a_mail_server(
    make_app: MakeApp,
) -> None:
    for changes in (PRODUCTION, {"mail_url": "smtp://localhost:1"}):
        app = make_app(**changes)
        assert not [rule for rule in app.url_map.iter_rules() if rule.rule.startswith(BOX)]
