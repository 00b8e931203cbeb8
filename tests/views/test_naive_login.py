"""Ten naive lines in place of app/login.py: what protects a login is the core's."""

from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Blueprint, Flask, redirect, request
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue
from secure_flask import checked_next, consumes, consumes_form, log_in, log_out, public
from secure_flask.auth import passwords
from werkzeug.test import TestResponse

from app import login
from core import routes
from views.conftest import (
    LOGIN,
    PRODUCTION,
    MakeApp,
    every_token_type,
    is_logged_in,
    stored_hash,
    stored_user,
)

OWN = {"Origin": "https://localhost"}
WRONG = {**LOGIN, "password": "a wrong long password"}


def naive() -> Blueprint:
    """All of a login that somebody writes without a thought of safety."""
    blueprint = Blueprint("login", __name__)

    @blueprint.post("/login")
    @public
    @consumes("application/json")
    @consumes_form
    def log_somebody_in() -> ResponseReturnValue:
        sent = request.form or request.get_json()
        issued = log_in(sent["username"], sent["password"])
        return redirect(checked_next() or "/") if request.form else issued

    @blueprint.post("/logout")
    @consumes_form
    def log_somebody_out() -> str:
        log_out()
        return "Bye"

    # base.html leads to these.
    for endpoint in ("page", "login", "logout"):
        blueprint.add_url_rule(f"/naive/{endpoint}", endpoint, public(lambda: ""))
    return blueprint


@pytest.fixture
def app(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> Flask:
    monkeypatch.setattr(login, "blueprint", naive())
    return make_app(**PRODUCTION, login_rate_limit="5 per year")


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hashes that passwords were compared with."""
    hashes: list[str] = []

    class Counting(PasswordHasher):
        def verify(self, hash: Any, password: Any) -> Any:
            hashes.append(hash)
            return super().verify(hash, password)

    monkeypatch.setattr(passwords, "hasher", Counting(1, 8, 1))
    return hashes


def send_form(client: FlaskClient, path: str = routes.LOGIN, **fields: str) -> TestResponse:
    return client.post(path, data=fields, headers=OWN)


@every_token_type
def test_the_cookie_is_the_sites_over_https_alone_and_no_cache_keeps_a_credential(
    client: FlaskClient, token_type: str
) -> None:
    form, answer = send_form(client, **LOGIN), client.post(routes.LOGIN, json=LOGIN, headers=OWN)
    assert form.cache_control.no_store
    assert answer.cache_control.no_store
    assert ("Set-Cookie" in answer.headers) == (token_type == "session")
    [cookie] = form.headers.getlist("Set-Cookie")
    name, *flags = cookie.split("; ")
    assert name.startswith("__Host-Http-session=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= {*flags}
    assert "Domain" not in cookie
    assert is_logged_in(client)


def test_logout_ends_the_login_and_clears_the_browser(client: FlaskClient) -> None:
    send_form(client, **LOGIN)
    answer = send_form(client, routes.LOGOUT, button="1")
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    client.environ_base["HTTP_COOKIE"] = answer.request.headers["Cookie"]
    assert not is_logged_in(client)


def test_an_unknown_a_disabled_and_a_known_name_cost_one_hash_and_get_one_answer(
    app: Flask, client: FlaskClient, verified: list[str]
) -> None:
    known = send_form(client, **WRONG)
    unknown = send_form(client, **{**WRONG, "username": "nobody"})
    with stored_user(app) as user:
        user.disabled = True
    disabled = send_form(client, **LOGIN)
    assert [answer.status_code for answer in (known, unknown, disabled)] == [401] * 3
    assert len(verified) == 3
    assert stored_hash(app).startswith("$argon2id$")
    assert {each.rpartition("$")[0].rpartition("$")[0] for each in verified} == {
        "$argon2id$v=19$m=8,t=1,p=1"
    }


@pytest.mark.parametrize("kind", ["data", "json"])
def test_after_five_failures_even_the_right_password_waits(client: FlaskClient, kind: str) -> None:
    assert [send_form(client, **WRONG).status_code for _ in range(5)] == [401] * 5
    sent: dict[str, Any] = {kind: LOGIN}
    answer = client.post(routes.LOGIN, headers=OWN, **sent)
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("target", "led_to"),
    [
        ("/account", "/account"),
        ("https://evil.example", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
    ],
)
def test_no_next_leads_to_another_site(client: FlaskClient, target: str, led_to: str) -> None:
    answer = client.post(routes.LOGIN, data=LOGIN, query_string={"next": target}, headers=OWN)
    assert answer.location == led_to


def test_another_site_logs_nobody_in_or_out(client: FlaskClient) -> None:
    evil = {"Origin": "https://evil.example"}
    assert client.post(routes.LOGIN, data=LOGIN, headers=evil).status_code == 403
    send_form(client, **LOGIN)
    assert client.post(routes.LOGOUT, headers=evil).status_code == 403
    assert is_logged_in(client)
