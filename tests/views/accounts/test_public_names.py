"""`help()` of each public name of accounts says how to use it."""

import pytest
import secure_flask
from flask.testing import FlaskClient
from secure_flask import accounts
from secure_flask.accounts.authenticator import AuthenticatorSetup

from core import routes
from core.help_texts import members_named, problems_of, public_values
from views.accounts.devices import Passkey
from views.accounts.people import Headers
from views.conftest import LOGIN, OWN_PAGE


@pytest.mark.parametrize("name", public_values(accounts))
def test_help_gives_parameters_units_errors_and_an_example(name: str) -> None:
    assert problems_of(name, getattr(accounts, name)) == []


def test_help_of_the_package_explains_the_names_that_are_objects() -> None:
    assert public_values(accounts, shown=False).keys() <= members_named(accounts)


def test_help_names_each_member_of_the_personal_data(
    client: FlaskClient, credentials: Headers
) -> None:
    data = client.get("/me/data", headers=credentials).get_json()
    assert data.keys() <= members_named(accounts.personal_data)


def test_help_names_each_member_of_a_passkey(
    client: FlaskClient, credentials: Headers, passkey: Passkey
) -> None:
    [listed] = client.get("/passkeys", headers=credentials).get_json()["passkeys"]
    assert listed.keys() <= members_named(accounts.list_passkeys)


def test_help_names_each_member_of_a_half_login(client: FlaskClient, secret: str) -> None:
    half = client.post(routes.LOGIN, json=LOGIN, headers=OWN_PAGE).get_json()
    assert half.keys() <= members_named(secure_flask.log_in)


def test_help_names_each_member_of_a_setup() -> None:
    assert {*AuthenticatorSetup._fields} <= members_named(accounts.begin_authenticator)
