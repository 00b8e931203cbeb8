"""Notices to users: who gets one, and that none shows a secret."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.accounts import notices
from app.auth import users
from tests import routes
from tests.accounts.conftest import Mails
from tests.accounts.people import ADDRESS, STRONG, Headers, give_address
from tests.conftest import PASSWORD, USERNAME, stored_user

pytestmark = pytest.mark.usefixtures("unhurried")


def send(app: Flask, template: str = "password_changed") -> None:
    with app.app_context():
        user = users.find(USERNAME)
        assert user is not None
        notices.send(user, template)


@pytest.mark.asvs("6.3.5", "6.3.7")
def test_a_notice_goes_to_the_address_of_the_user(app: Flask, address: str, mails: Mails) -> None:
    send(app)
    [notice] = mails()
    assert notice["To"] == ADDRESS


def test_a_user_without_an_address_gets_none_and_changes_work_all_the_same(
    app: Flask, client: FlaskClient, credentials: Headers, mails: Mails
) -> None:
    send(app)
    body = {"current_password": PASSWORD, "new_password": STRONG}
    assert client.post(routes.PASSWORD, json=body, headers=credentials).status_code == 200
    assert mails() == []


def test_a_notice_shows_no_secret(
    client: FlaskClient, credentials: Headers, address: str, mails: Mails
) -> None:
    body = {"current_password": PASSWORD, "new_password": STRONG}
    client.post(routes.PASSWORD, json=body, headers=credentials)
    [notice] = mails()
    body_of = notice.get_body(("plain",))
    assert body_of is not None
    # Nor a link: a copy of this mail would lead people elsewhere.
    said = body_of.get_content()
    assert not any(secret in said for secret in (PASSWORD, STRONG))


def test_an_address_of_another_alphabet_breaks_no_change(
    app: Flask, client: FlaskClient, credentials: Headers, mails: Mails
) -> None:
    give_address(app, "ада@пример.example")
    body = {"current_password": PASSWORD, "new_password": STRONG}
    assert client.post(routes.PASSWORD, json=body, headers=credentials).status_code == 200
    with stored_user(app) as user:
        assert user.email == "ада@пример.example"
