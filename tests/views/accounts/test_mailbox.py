"""The mailbox of development: what a developer sees there, and that nobody else has it."""

from email.message import EmailMessage

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import db
from secure_flask.accounts import outbox, send_mail, smtp

from core.accounts.people import IN_PRODUCTION
from tests.page_elements import Elements
from views.accounts.people import ADDRESS, RESET, give_address, send
from views.conftest import MakeApp

BOX = "/dev/mailbox"


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    app = make_app()
    give_address(app)
    return app


def test_a_link_is_there_at_once_and_can_be_clicked(client: FlaskClient) -> None:
    assert client.get(BOX).status_code == 200
    send(client, RESET, {"email": ADDRESS})
    page = client.get(BOX).text
    assert ADDRESS in page
    [link] = [each["href"] for each in Elements(page).of("a") if RESET in each["href"]]
    assert client.get(link).status_code == 200


def test_the_newest_mail_is_first_and_the_oldest_go(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "MAX_SHOWN", 2)
    links = []
    for _ in range(3):
        with app.app_context():
            outbox.add_link("reset", ADDRESS)
            db.session.commit()
        anchors = Elements(client.get(BOX).text).of("a")
        links.append([each["href"] for each in anchors if f"{RESET}/" in each["href"]])
    assert [len(shown) for shown in links] == [1, 2, 2]
    assert links[2] == [links[2][0], links[1][0]]


def test_a_mail_of_html_alone_is_shown_as_it_is_written_with_the_names_of_its_files(
    app: Flask, client: FlaskClient
) -> None:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "shop@example.org", ADDRESS, "Hello"
    made.set_content("<script>alert(1)</script>", subtype="html")
    made.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="report.pdf")
    with app.test_request_context():
        send_mail(made)
    page = client.get(BOX).text
    assert ("&lt;script&gt;" in page, "[report.pdf]" in page) == (True, True)


@pytest.mark.parametrize("changes", [IN_PRODUCTION, {"mail_url": "smtp://localhost:1"}])
def test_production_has_no_mailbox_nor_has_development_with_a_mail_server(
    make_app: MakeApp, changes: dict[str, object]
) -> None:
    assert make_app(**changes).test_client().get(BOX).status_code == 404
