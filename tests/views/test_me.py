"""`GET /me`, as the logged-in user reads it."""

from flask import Flask
from flask.testing import FlaskClient

from core import routes
from core.conftest import USERNAME, give_roles


def test_users_read_their_name_and_their_roles(
    app: Flask, client: FlaskClient, credentials: dict[str, str]
) -> None:
    shown = client.get(routes.ME, headers=credentials).get_json()
    assert (shown["username"], shown["roles"]) == (USERNAME, [])
    give_roles(app, "editor", "admin")
    assert client.get(routes.ME, headers=credentials).get_json()["roles"] == ["admin", "editor"]
