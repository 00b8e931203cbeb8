"""`log_in_user` beside accounts: their second step, their mails, and a password added later."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import db, log_in_user, public, recent_login
from secure_flask.auth.logins import Login
from sqlalchemy import select

from app.models import User
from core import routes
from core.accounts.devices import code_of
from core.standing_clock import clock
from views.accounts.devices import send_code
from views.accounts.people import STRONG, TF_VALIDATE, send
from views.conftest import (
    OWN,
    OWN_PAGE,
    PASSWORD,
    USERNAME,
    MakeApp,
    assert_leads_to,
    every_token_type,
    is_logged_in,
    post,
)

ISSUER = "https://id.example.org"
BACK, SECRET = "/probe/back", "/probe/secret"


@pytest.fixture
def said() -> dict[str, Any]:
    return {}


@pytest.fixture
def app(make_app: MakeApp, token_type: str, said: dict[str, Any]) -> Flask:
    app = make_app(TOKEN_TYPE=token_type)

    @app.route(BACK, methods=["GET", "POST"])
    @public
    def back() -> Any:
        return log_in_user(User.find(USERNAME), **{"provider": ISSUER, **said})

    @app.get(SECRET)
    @recent_login
    def secret() -> str:
        return ""

    return app


@every_token_type
def test_a_page_that_comes_back_is_led_to_the_second_step_and_the_log_names_who_vouched(
    stranger: FlaskClient, secret: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert_leads_to(stranger.get(BACK), TF_VALIDATE)
    assert not is_logged_in(stranger)
    caplog.clear()
    assert post(stranger, TF_VALIDATE, OWN, code=code_of(secret)).status_code == 303
    assert is_logged_in(stranger, OWN_PAGE)
    assert f"'factors': '{ISSUER}, authenticator'" in caplog.text


@pytest.mark.parametrize("token_type", ["opaque"])
def test_a_program_gets_the_token_of_the_second_step(stranger: FlaskClient, secret: str) -> None:
    body = stranger.post(BACK, json={}).get_json()
    assert body["tf_required"]
    issued = send_code(stranger, {"tf_token": body["tf_token"]}, code_of(secret)).get_json()
    assert "token" in issued


@pytest.mark.parametrize(("age", "status"), [(None, 401), (3600, 401), (60, 200)])
def test_a_code_makes_no_login_recent(
    app: Flask, stranger: FlaskClient, secret: str, said: dict[str, Any], age: int, status: int
) -> None:
    said["at"] = None if age is None else clock.now() - age
    stranger.get(BACK)
    post(stranger, TF_VALIDATE, OWN, code=code_of(secret))
    assert is_logged_in(stranger, OWN_PAGE)
    assert stranger.get(SECRET, headers=OWN_PAGE).status_code == status


def test_a_password_beside_a_factor_leaves_the_login_as_it_was(
    app: Flask, stranger: FlaskClient, secret: str, said: dict[str, Any]
) -> None:
    """The provider said nothing about its age, which a new password does not change."""
    said["second_factor"] = ["mfa"]
    said["at"] = then = int(clock.now()) - 60
    stranger.get(BACK)
    change = {"current_password": PASSWORD, "new_password": STRONG}
    assert send(stranger, routes.PASSWORD, {**change}, OWN_PAGE).status_code == 200
    with app.app_context():
        assert list(db.session.scalars(select(Login.authenticated))) == [then]
