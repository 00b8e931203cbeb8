"""A new password that is sent twice, as clients of Flask-Security send it."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.accounts.conftest import Mails
from tests.accounts.links.test_registration import NEW, THIEF, can_log_in, mailed_link, register
from tests.accounts.people import ADDRESS, RESET, STRONG, described, link_in
from tests.conftest import USERNAME

pytestmark = pytest.mark.usefixtures("unhurried", "known_rules")


def assert_refused(answer: TestResponse) -> None:
    """The answer names the second password, and shows neither."""
    assert answer.status_code == 400
    assert answer.get_json()["fields"].keys() == {"password_confirm"}
    assert STRONG not in answer.text
    assert THIEF not in answer.text


def reset_link(client: FlaskClient, mails: Mails) -> str:
    client.post(RESET, json={"email": ADDRESS})
    [message] = mails(ADDRESS)
    return link_in(message)


def test_the_same_twice_is_taken(client: FlaskClient, address: str, mails: Mails) -> None:
    link = mailed_link(client, mails, password_confirm=STRONG)
    body = {"new_password": STRONG, "password_confirm": STRONG}
    assert client.post(link, json=body).status_code == 200
    assert can_log_in(client, NEW, STRONG)
    body = {"password": STRONG, "password_confirm": STRONG}
    assert client.post(reset_link(client, mails), json=body).status_code == 200
    assert can_log_in(client, USERNAME, STRONG)


def test_a_registration_with_two_different_ones_is_refused(
    client: FlaskClient, mails: Mails
) -> None:
    for second in (THIEF, f"{STRONG} "):
        assert_refused(register(client, password_confirm=second))
    assert mails() == []


def test_a_confirmation_with_two_different_ones_leaves_the_link(
    client: FlaskClient, mails: Mails
) -> None:
    link = mailed_link(client, mails)
    for first in ("password", "new_password"):
        assert_refused(client.post(link, json={first: STRONG, "password_confirm": THIEF}))
    assert client.post(link, json={"password": STRONG}).status_code == 200


def test_a_reset_with_two_different_ones_leaves_the_link(
    client: FlaskClient, address: str, mails: Mails
) -> None:
    link = reset_link(client, mails)
    assert_refused(client.post(link, json={"password": STRONG, "password_confirm": THIEF}))
    assert not can_log_in(client, USERNAME, STRONG)
    assert client.post(link, json={"password": STRONG}).status_code == 200


def test_the_description_says_that_a_refusal_names_it(app: Flask) -> None:
    for endpoint in ("registration.register", "confirmation.confirm", "recovery.set_password"):
        content = described(app, endpoint)["400"]["content"]["application/json"]
        assert content["schema"]["$ref"].rpartition("/")[2] == "InvalidBody"
