"""With an authenticator app, the password alone logs nobody in."""

import time

import pyotp
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import testing

from tests.accounts.people import NAME, PASSWORD, add_person, call, log_in


def set_up_app(app: Flask) -> tuple[str, str]:
    """Set the app up; its secret, and the code that was used for that."""
    add_person(app)
    client = app.test_client()
    testing.log_in_by_json(client, NAME, PASSWORD)
    begun = call(client, "set_up_authenticator", setup="authenticator").get_json()
    code = pyotp.TOTP(begun["secret"]).now()
    path = testing.path_of(app, "self_service.finish_authenticator", state=begun["state"])
    assert client.post(path, json={"code": code}).status_code == 200
    return begun["secret"], code


def test_the_password_alone_gives_no_login(app: Flask, client: FlaskClient) -> None:
    set_up_app(app)
    half = log_in(client).get_json()
    assert half["tf_required"] is True
    assert "token" not in half
    assert client.get(testing.path_of(app, "account.me")).status_code == 401


def test_a_wrong_code_gives_none_and_the_right_one_does(app: Flask, client: FlaskClient) -> None:
    secret, used = set_up_app(app)
    half = log_in(client).get_json()["tf_token"]
    assert call(client, "validate", code=used, tf_token=half).status_code == 401
    # The next one, which a clock that is ahead shows already.
    fresh = pyotp.TOTP(secret).at(int(time.time()) + 30)
    assert call(client, "validate", code=fresh, tf_token=half).status_code == 200
