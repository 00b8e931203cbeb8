"""Login: by JSON for programs, by a form for people."""

from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import db, testing
from werkzeug.test import TestResponse

from app.models import User
from tests.conftest import BROWSER, NAME, PASSWORD, MakeApp, add_user, log_in

WRONG = "not this password either"


def post(client: FlaskClient, name: str = NAME, password: str = PASSWORD) -> TestResponse:
    """Log in by JSON, whatever comes of it."""
    path = testing.path_of(client.application, "login.login")
    return client.post(path, json={"username": name, "password": password})


def send_form(client: FlaskClient, password: str = PASSWORD, to: str = "") -> TestResponse:
    """Log in as a browser does, on the page that leads to the address `to`."""
    path = testing.path_of(client.application, "login.login", **({"next": to} if to else {}))
    own = {**BROWSER, "Origin": testing.origin_of(client.application)}
    return client.post(path, data={"username": NAME, "password": password}, headers=own)


def test_the_right_password_logs_in(app: Flask) -> None:
    me = log_in(app).get(testing.path_of(app, "account.me"))
    assert me.get_json()["username"] == NAME


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(client: FlaskClient) -> None:
    wrong, unknown = post(client, password=WRONG), post(client, name="nobody")
    assert (wrong.status_code, wrong.data) == (unknown.status_code, unknown.data)
    assert wrong.status_code == 401
    assert "Set-Cookie" not in wrong.headers


def test_no_cache_keeps_the_credential(client: FlaskClient) -> None:
    assert post(client).cache_control.no_store


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"username": NAME},
        {"username": NAME, "password": 1},
        {"username": {}, "password": ""},
    ],
)
def test_a_body_of_another_shape_is_refused(app: Flask, client: FlaskClient, body: object) -> None:
    response = client.post(testing.path_of(app, "login.login"), json=body)
    assert response.status_code == app.config["INVALID_STATUS"]


def test_after_some_failures_even_the_right_password_has_to_wait(make_app: MakeApp) -> None:
    # Within a year, since each minute begins a new count.
    client = make_app(login_rate_limit="3 per year").test_client()
    assert [post(client, password=WRONG).status_code for _ in range(3)] == [401] * 3
    response = post(client)
    assert response.status_code == 429
    assert int(response.headers["Retry-After"]) > 0


def test_a_disabled_user_is_out_at_once_and_cannot_come_back(app: Flask) -> None:
    ada = log_in(app)
    with app.app_context():
        user = User.find(NAME)
        assert user
        user.disabled = True
        db.session.commit()
    assert ada.get(testing.path_of(app, "account.me")).status_code == 401
    assert post(app.test_client()).status_code == 401


def test_a_user_who_is_deleted_is_out_at_once(app: Flask) -> None:
    add_user(app, "bob")
    bob = log_in(app, "bob")
    with app.app_context():
        db.session.delete(User.find("bob"))
        db.session.commit()
    assert bob.get(testing.path_of(app, "account.me")).status_code == 401


def test_the_password_is_stored_as_a_hash(app: Flask) -> None:
    with app.app_context():
        user = User.find(NAME)
        assert user
        assert user.password_hash.startswith("$argon2id$")


def test_the_login_page_logs_in_and_leads_to_the_page_that_was_asked_for(
    app: Flask, client: FlaskClient
) -> None:
    account = testing.path_of(app, "account.show")
    assert client.get(account, headers=BROWSER).status_code in (303, 401)
    response = send_form(client, to=account)
    assert (response.status_code, response.location) == (303, account)
    assert client.get(account, headers=BROWSER).status_code == 200


def test_a_wrong_password_comes_back_to_the_page_without_the_password(client: FlaskClient) -> None:
    response = send_form(client, password=WRONG)
    assert (response.status_code, response.mimetype) == (401, "text/html")
    assert WRONG not in response.text


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_the_login_page_leads_to_no_other_site(client: FlaskClient, target: str) -> None:
    response = send_form(client, to=target)
    assert response.status_code == 303
    assert urlsplit(response.location or "").netloc in ("", "localhost")
    assert "evil" not in (response.location or "")
    assert (response.location or "").startswith("/")


def test_no_script_and_no_plain_connection_gets_the_cookie_of_a_login(
    production: FlaskClient,
) -> None:
    cookies = send_form(production).headers.getlist("Set-Cookie")
    assert cookies
    assert [each for each in cookies if not each.startswith("__Host-Http-")] == []
    parts = [{*each.split("; ")} for each in cookies]
    assert [each for each in parts if not each >= {"Secure", "HttpOnly", "Path=/"}] == []
    assert [each for each in parts if not each & {"SameSite=Lax", "SameSite=Strict"}] == []


def test_each_login_has_a_new_credential(app: Flask) -> None:
    clients = [app.test_client() for _ in range(2)]
    bodies = [post(client).get_json().get("token") for client in clients]
    cookies = [send_form(client).headers["Set-Cookie"] for client in clients]
    assert cookies[0] != cookies[1]
    # A login by cookie gives a program no token.
    assert bodies == [None, None] or bodies[0] != bodies[1]
