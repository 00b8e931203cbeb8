"""The session type: a cookie that no script can read."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import current_user
from secure_flask.auth.logins import LIFETIMES
from secure_flask.policy import Policy
from werkzeug.test import Cookie, TestResponse

from core import routes
from core.conftest import LOGIN, OWN_PAGE, is_logged_in, log_in

DEVELOPMENT, PRODUCTION = "dev-session", "__Host-Http-session"
FLAGS = {"HttpOnly", "SameSite=Lax", "Path=/"}
LIFETIME, KEPT_LIFETIME = LIFETIMES["session"], Policy.model_fields["KEPT_LIFETIME"].default


def login_cookie(answer: TestResponse) -> tuple[str, set[str]]:
    """Name and flags of the cookie of a login, as an answer sets it."""
    headers = answer.headers.getlist("Set-Cookie")
    [header] = [each for each in headers if each.startswith((DEVELOPMENT, PRODUCTION))]
    pair, *flags = header.split("; ")
    return pair.partition("=")[0], {flag for flag in flags if not flag.startswith("Expires=")}


def session_id(client: FlaskClient) -> str:
    cookie = client.get_cookie(DEVELOPMENT)
    assert isinstance(cookie, Cookie)
    return cookie.value


@pytest.mark.asvs("3.3.1", "3.3.2", "3.3.3", "3.3.4")
def test_the_cookie_of_production_is_bound_to_host_and_https_till_logout_expires_it(
    production: FlaskClient,
) -> None:
    answer = production.post(routes.LOGIN, json=LOGIN)
    assert login_cookie(answer) == (PRODUCTION, {*FLAGS, "Secure", f"Max-Age={LIFETIME}"})
    answer = production.post(routes.LOGOUT, headers=log_in(production))
    assert login_cookie(answer) == (PRODUCTION, {*FLAGS, "Secure", "Max-Age=0"})


def test_the_cookie_of_development_works_over_http(client: FlaskClient) -> None:
    once = client.post(routes.LOGIN, data=LOGIN, headers=OWN_PAGE)
    assert login_cookie(once) == (DEVELOPMENT, {*FLAGS, f"Max-Age={LIFETIME}"})
    kept = client.post(routes.LOGIN, data={**LOGIN, "keep": "y"}, headers=OWN_PAGE)
    assert login_cookie(kept) == (DEVELOPMENT, {*FLAGS, f"Max-Age={KEPT_LIFETIME}"})


@pytest.mark.asvs("3.3.4", "7.2.3")
def test_no_answer_but_the_cookie_of_a_login_holds_the_session_id(client: FlaskClient) -> None:
    issued = client.post(routes.LOGIN, json=LOGIN)
    assert issued.json == {"token_type": "session", "expires_in": LIFETIME}
    # These are 256 bits.
    assert len(session_id(client)) == 43
    said = {routes.LOGIN: issued.text}
    for path in (routes.ME, "/", "/missing"):
        said[path] = (answer := client.get(path)).text + str(answer.headers)
    assert [path for path in said if session_id(client) in said[path]] == []


@pytest.mark.asvs("7.2.4")
def test_a_new_login_ends_the_old_one(app: Flask, client: FlaskClient) -> None:
    client.set_cookie(DEVELOPMENT, "planted")
    log_in(client)
    old = session_id(client)
    assert old != "planted"
    wrong = {**LOGIN, "password": "a wrong long password"}
    assert client.post(routes.LOGIN, json=wrong, headers=OWN_PAGE).status_code == 401
    assert is_logged_in(client, {})
    log_in(client)
    assert session_id(client) != old
    thief = app.test_client()
    thief.set_cookie(DEVELOPMENT, old)
    assert not is_logged_in(thief, {})


def test_a_cookie_that_is_sent_twice_counts_as_none(
    app: Flask, client: FlaskClient, subtests: pytest.Subtests
) -> None:
    """Some browsers and servers let a sibling domain add one."""
    log_in(client)
    own = f"{DEVELOPMENT}={session_id(client)}"
    client = app.test_client(use_cookies=False)
    assert is_logged_in(client, {"Cookie": own})
    others = (f"{DEVELOPMENT}=planted", f"{DEVELOPMENT}=", own)
    twice = [*(f"{own}; {other}" for other in others), *(f"{other}; {own}" for other in others)]
    assert [sent for sent in twice if is_logged_in(client, {"Cookie": sent})] == []
    # An event of Flask-SocketIO meets no check.
    for sent, found in ((own, True), (twice[-1], False)):
        with (
            subtests.test(sent=sent, found=found),
            app.test_request_context(headers={"Cookie": sent}),
        ):
            assert bool(current_user) == found


@pytest.mark.asvs("14.2.1")
def test_a_session_id_elsewhere_than_in_its_cookie_is_401(
    app: Flask, client: FlaskClient, subtests: pytest.Subtests
) -> None:
    log_in(client)
    secret = session_id(client)
    assert not is_logged_in(app.test_client(), {"Authorization": f"Bearer {secret}"})
    for name in ("token", "access_token", "session", PRODUCTION, "DEV-SESSION", "dev-flask"):
        with subtests.test(name=name):
            elsewhere = app.test_client()
            assert not is_logged_in(elsewhere, {name: secret})
            assert elsewhere.get(routes.ME, query_string={name: secret}).status_code == 401
            assert elsewhere.post(routes.LOGOUT, json={name: secret}).status_code == 401
            elsewhere.set_cookie(name, secret)
            assert not is_logged_in(elsewhere, {})
