"""`GET /me`, as the logged-in user reads it."""

from flask import Flask
from flask.testing import FlaskClient

from core import routes
from views.conftest import USERNAME, every_token_type, give_roles, log_in, stored_hash


@every_token_type
def test_users_read_their_name_and_their_roles_and_nothing_secret(
    app: Flask, client: FlaskClient
) -> None:
    credentials = log_in(client)
    answer = client.get(routes.ME, headers=credentials)
    shown = answer.get_json()
    assert (shown["username"], shown["email"], shown["roles"]) == (USERNAME, None, [])
    assert stored_hash(app) not in answer.text
    assert answer.cache_control.no_store
    give_roles(app, "editor", "admin")
    assert client.get(routes.ME, headers=credentials).get_json()["roles"] == ["admin", "editor"]


@every_token_type
def test_a_stranger_learns_how_to_show_a_login(client: FlaskClient) -> None:
    answer = client.get(routes.ME)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.get_json().keys() == {"error"}
