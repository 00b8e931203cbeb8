"""The users as administrators see them, and as nobody else does."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.auth import users
from tests.accounts.leaving import full_account
from tests.conftest import PASSWORD, USERNAME, give_roles, log_in

USERS = "/admin/users"
OTHER = "bob"


@pytest.fixture
def app(app: Flask) -> Flask:
    """An app with two users."""
    with app.app_context():
        users.create(OTHER, PASSWORD)
    return app


def as_admin(app: Flask, client: FlaskClient) -> dict[str, str]:
    """The headers of a user who became an administrator after the login."""
    credentials = log_in(client)
    full_account.fill(app)
    give_roles(app, "admin")
    return credentials


def test_an_administrator_sees_users_with_roles_and_second_factors(
    app: Flask, client: FlaskClient
) -> None:
    answer = client.get(USERS, headers=as_admin(app, client))
    shown: list[dict[str, Any]] = answer.get_json()["users"]
    ada = {"username": USERNAME, "disabled": False, "second_factor": True, "roles": ["admin"]}
    bob = {"username": OTHER, "disabled": False, "second_factor": False, "roles": []}
    assert shown == [ada, bob]


def test_addresses_stay_with_their_owners(app: Flask, client: FlaskClient) -> None:
    text = client.get(USERS, headers=as_admin(app, client)).text
    assert USERNAME in text
    assert full_account.EMAIL not in text


@pytest.mark.asvs("8.2.1")
def test_others_see_nobody(app: Flask, client: FlaskClient) -> None:
    assert client.get(USERS).status_code == 401
    credentials = log_in(client)
    for roles in ((), ("editor",)):
        give_roles(app, *roles)
        refused = client.get(USERS, headers=credentials)
        assert (refused.status_code, OTHER in refused.text) == (403, False)
