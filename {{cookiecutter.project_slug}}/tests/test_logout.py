"""Logout: it ends the login on the server, not only in the browser."""

from flask import Flask
from flask.testing import FlaskClient
from secure_flask import testing
from werkzeug.test import TestResponse

from tests.conftest import BROWSER, PROGRAM, log_in


def log_out(client: FlaskClient) -> TestResponse:
    return client.post(testing.path_of(client.application, "login.logout"))


def me(client: FlaskClient) -> TestResponse:
    return client.get(testing.path_of(client.application, "account.me"), headers=PROGRAM)


def test_after_the_logout_the_credential_is_worthless(ada: FlaskClient) -> None:
    assert me(ada).status_code == 200
    assert log_out(ada).status_code == 204
    assert me(ada).status_code == 401


def test_a_copy_of_the_cookie_is_worthless_too(ada_on_pages: FlaskClient) -> None:
    copied = me(ada_on_pages).request.environ["HTTP_COOKIE"]
    thief = ada_on_pages.application.test_client(use_cookies=False)
    thief.environ_base["HTTP_COOKIE"] = copied
    assert me(thief).status_code == 200
    log_out(ada_on_pages)
    assert me(thief).status_code == 401


def test_the_browser_drops_the_cookie_and_what_it_stored(ada_on_pages: FlaskClient) -> None:
    headers = log_out(ada_on_pages).headers
    assert "Max-Age=0" in headers["Set-Cookie"]
    assert '"cache"' in headers["Clear-Site-Data"]
    assert "HTTP_COOKIE" not in me(ada_on_pages).request.environ


def test_other_logins_of_the_user_go_on(app: Flask, ada: FlaskClient) -> None:
    other = log_in(app)
    log_out(ada)
    assert me(other).status_code == 200


def test_the_button_of_a_page_logs_out_and_leads_elsewhere(ada_on_pages: FlaskClient) -> None:
    path = testing.path_of(ada_on_pages.application, "login.logout")
    response = ada_on_pages.post(path, data={"button": "1"}, headers=BROWSER)
    assert response.status_code == 303
    assert me(ada_on_pages).status_code == 401


def test_a_visitor_has_nothing_to_log_out_of(client: FlaskClient) -> None:
    assert log_out(client).status_code == 401
