"""Keys for programs beside accounts: who hears of one, what ends them, what none of them does."""

import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import accounts, current_user, keys_allowed

from core import routes
from views.accounts.devices import add_passkey
from views.accounts.people import (
    ADDRESS,
    RESET,
    STRONG,
    Headers,
    delivered,
    give_address,
    mailed_link,
    send,
)
from views.conftest import USERNAME, MakeApp, every_token_type, give_roles, log_in

KEYS, NAME = "/keys", "Nightly backup"


def make_key(client: FlaskClient, credentials: Headers, **body: object) -> str:
    made = client.post(KEYS, json={"name": NAME, **body}, headers=credentials)
    return str(made.get_json()["key"])


def is_open(app: Flask, key: str) -> bool:
    headers = {"Authorization": f"Bearer {key}"}
    return app.test_client().get(routes.ME, headers=headers).status_code == 200


@every_token_type
def test_a_new_key_is_told_by_mail_which_does_not_hold_it(
    app: Flask, client: FlaskClient, address: str, credentials: Headers
) -> None:
    key = make_key(client, credentials)
    [notice] = delivered(app)
    assert (notice["To"], NAME in notice.get_content()) == (ADDRESS, True)
    assert key not in notice.as_string()


def test_a_key_that_an_operator_made_is_told_too(app: Flask, address: str) -> None:
    done = app.test_cli_runner().invoke(args=["key", "create", USERNAME, NAME])
    assert done.exit_code == 0
    [notice] = delivered(app)
    assert NAME in notice.get_content()


def test_a_key_that_is_refused_is_told_to_nobody(
    app: Flask, client: FlaskClient, address: str, credentials: Headers
) -> None:
    make_key(client, credentials)
    delivered(app)
    again = client.post(KEYS, json={"name": NAME}, headers=credentials)
    assert again.status_code == 409
    assert len(delivered(app)) == 1


@every_token_type
def test_a_reset_of_the_password_ends_all_keys(
    app: Flask, client: FlaskClient, address: str, credentials: Headers
) -> None:
    key = make_key(client, credentials)
    assert is_open(app, key)
    assert send(client, RESET, {"email": ADDRESS}).status_code == 200
    assert send(client, mailed_link(app), {"password": STRONG}).status_code == 200
    assert not is_open(app, key)


def test_a_new_factor_leaves_the_keys(
    app: Flask, client: FlaskClient, address: str, credentials: Headers
) -> None:
    key = make_key(client, credentials)
    add_passkey(client, credentials)
    assert is_open(app, key)


def test_a_key_whose_login_had_no_factor_dies_with_a_role_that_demands_one(
    make_app: MakeApp,
) -> None:
    app = make_app(SECOND_FACTOR_ROLES=["admin"])
    give_address(app)
    client = app.test_client()
    key = make_key(client, log_in(client))
    assert is_open(app, key)
    give_roles(app, "admin")
    assert not is_open(app, key)


def test_the_data_list_keys_without_a_secret(
    app: Flask, client: FlaskClient, credentials: Headers
) -> None:
    key = make_key(client, credentials)
    data = client.get("/me/data", headers=credentials).get_json()
    [listed] = data["keys"]
    assert listed["name"] == NAME
    assert "keys" not in data["tables"]
    assert key not in json.dumps(data)
    assert "secret" not in json.dumps(data["keys"])


def test_keys_go_with_the_account(app: Flask, client: FlaskClient, credentials: Headers) -> None:
    key = make_key(client, credentials)
    assert client.delete("/me", headers=credentials).status_code == 204
    assert not is_open(app, key)


CHANGES: dict[str, Any] = {
    "change_name": lambda: accounts.change_name("eve"),
    "request_email_change": lambda: accounts.request_email_change("eve@example.org"),
    "begin_authenticator": accounts.begin_authenticator,
    "begin_passkey_registration": accounts.begin_passkey_registration,
    "remove_authenticator": accounts.remove_authenticator,
    "delete_passkey": lambda: accounts.delete_passkey("Phone"),
    "replace_recovery_codes": accounts.replace_recovery_codes,
    "personal_data": lambda: accounts.personal_data(current_user),
    "delete_account": lambda: accounts.delete_account(current_user),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_view_that_takes_keys_changes_no_account_by_one(make_app: MakeApp, name: str) -> None:
    """A view of an owner that is marked by mistake."""
    app = make_app()
    give_address(app)
    client = app.test_client()
    key = make_key(client, log_in(client))

    @keys_allowed
    def naive() -> Any:
        return CHANGES[name]() or {}

    app.view_functions["account.me"] = naive
    headers = {"Authorization": f"Bearer {key}"}
    answer = app.test_client().get(routes.ME, headers=headers)
    assert (answer.status_code, answer.get_json()["error"]) == (403, "Keys are not allowed here")
