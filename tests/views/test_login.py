"""`/login`, `/logout` and `/reauthenticate` by JSON, as a program sees them, whatever a login gives."""

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import create_user
from secure_flask.auth import passwords, users
from werkzeug.test import TestResponse

from app.login import MAX_USERNAME
from core import routes
from views.conftest import (
    LOGIN,
    OWN_PAGE,
    PASSWORD,
    USERNAME,
    MakeApp,
    Wait,
    add_user,
    every_token_type,
    headers_of,
    is_logged_in,
    log_in,
    paths,
    stored_user,
)

pytestmark = every_token_type


WRONG = {**LOGIN, "password": "a wrong long password"}
STRANGER = {**LOGIN, "username": "nobody"}

TOO_LONG = (PASSWORD * passwords.MAX_LENGTH)[: passwords.MAX_LENGTH + 1]

NO_PLAIN_TEXTS: dict[str, Any] = {
    "no username": {"password": PASSWORD},
    "no password": {"username": USERNAME},
    "password blank": {**LOGIN, "password": " \u00a0\u2003"},
    "username a number": {**LOGIN, "username": 1},
    "username with NUL": {**LOGIN, "username": f"{USERNAME}\0"},
    "username too long": {**LOGIN, "username": "a" * (MAX_USERNAME + 1)},
    "password a number": {**LOGIN, "password": 123456789012},
    "password with a control character": {**LOGIN, "password": f"{PASSWORD}\x7f"},
    "password too long": {**LOGIN, "password": TOO_LONG},
    "another member": {**LOGIN, "admin": True},
    "password as a name": {**LOGIN, PASSWORD: PASSWORD},
    "a list": [USERNAME, PASSWORD],
    "a text": PASSWORD,
}


def try_login(client: FlaskClient, body: object = LOGIN) -> TestResponse:
    # Of a page of this site, since a client that is logged in by the cookie has to say where from.
    return client.post(routes.LOGIN, json=body, headers=OWN_PAGE)


def shown_to(client: FlaskClient, credentials: dict[str, str]) -> list[dict[str, Any]]:
    """The user's own logins."""
    return list(client.get(routes.SESSIONS, headers=credentials).get_json()["sessions"])


def assert_refused(answer: TestResponse, status: int) -> None:
    assert answer.status_code == status
    assert "Set-Cookie" not in answer.headers
    assert "token" not in answer.text


def test_a_good_login_gives_a_token(client: FlaskClient, token_type: str) -> None:
    answer = try_login(client)
    issued = answer.get_json()
    assert answer.status_code == 200
    # A cookie is for the browser alone.
    assert ("token" in issued) == (token_type != "session")
    assert issued["token_type"] == ("session" if token_type == "session" else "Bearer")
    assert issued["expires_in"] > 0
    assert ("refresh_token" in issued) == (token_type in ("jwt", "paseto"))
    assert ("Set-Cookie" in answer.headers) == (token_type == "session")
    assert answer.cache_control.no_store


def test_a_cookie_of_a_login_is_for_this_site_over_https_alone(
    production: FlaskClient, token_type: str
) -> None:
    for sent in ("json", "data"):
        origin = {"Origin": "https://localhost"}
        answer = production.post(routes.LOGIN, headers=origin, **{sent: LOGIN})
        cookies = answer.headers.getlist("Set-Cookie")
        assert len(cookies) == (sent == "data" or token_type == "session")
        for cookie in cookies:
            name, *flags = cookie.split("; ")
            assert name.startswith("__Host-session=")
            assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= {*flags}
            assert "Domain" not in cookie


def test_keep_lengthens_a_cookie_alone(client: FlaskClient, token_type: str) -> None:
    usual, kept = (
        try_login(client, {**LOGIN, "keep": keep}).get_json()["expires_in"]
        for keep in (False, True)
    )
    assert (kept > usual) == (token_type == "session")
    assert_refused(try_login(client, {**LOGIN, "keep": "yes"}), 400)


def test_each_refusal_has_its_status_and_words(client: FlaskClient) -> None:
    json_type = {"content_type": "application/json"}
    cases: list[tuple[int, str, dict[str, Any]]] = [
        (400, "Missing required fields", {"json": {"username": USERNAME}}),
        (400, "Missing required fields", {"json": {**LOGIN, "password": None}}),
        (400, "Missing required fields", {"json": {**LOGIN, "username": " "}}),
        (400, "Invalid request", {"json": {**LOGIN, "admin": True}}),
        (400, "Invalid request", {"json": {**LOGIN, "username": 1}}),
        (400, "Invalid request", {"data": "{", **json_type}),
        (400, "Invalid request", {"data": '{"username": "\\ud800", "password": "x"}', **json_type}),
        (401, "Invalid credentials", {"json": WRONG}),
        (401, "Invalid credentials", {"json": STRANGER}),
        (413, "", {"data": b" " * 70_000, **json_type}),
        (415, "", {"data": json.dumps(LOGIN), "content_type": "text/json"}),
        (415, "", {"data": json.dumps(LOGIN)}),
    ]
    for status, words, sent in cases:
        answer = client.post(routes.LOGIN, headers=OWN_PAGE, **sent)
        assert_refused(answer, status)
        assert answer.get_json().keys() == {"error"}
        assert words in answer.get_json()["error"]


def test_the_sixth_failure_has_to_wait(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "LOGIN_RATE_LIMIT", "5 per minute")
    assert [try_login(client, WRONG).status_code for _ in range(5)] == [401] * 5
    for body in (WRONG, LOGIN):
        answer = try_login(client, body)
        assert_refused(answer, 429)
        assert int(answer.headers["Retry-After"]) > 0


def test_head_and_options_log_nobody_in(client: FlaskClient) -> None:
    for method in ("HEAD", "OPTIONS"):
        answer = client.open(routes.LOGIN, method=method, query_string=LOGIN)
        assert (answer.status_code, answer.data, "Set-Cookie" in answer.headers) == (
            200,
            b"",
            False,
        )
    assert {"GET", "HEAD", "OPTIONS", "POST"} == {*answer.allow}
    assert client.put(routes.LOGIN, json=LOGIN).status_code == 405


def test_no_token_is_given_twice(client: FlaskClient) -> None:
    answers = [try_login(client) for _ in range(3)]
    given = {each.get_json().get("token") or each.headers["Set-Cookie"] for each in answers}
    assert len(given) == 3


def test_a_name_and_a_password_may_be_any_plain_text(
    app: Flask, client: FlaskClient, subtests: pytest.Subtests
) -> None:
    longest = ("n" * users.MAX_NAME, "p" * passwords.MAX_LENGTH)
    for name, password in [("zoë", "пароль 🔑"), ("a b", "\"\\'<>{}; -- "), longest]:
        with subtests.test(name), app.app_context():
            create_user(name, password)
            assert try_login(client, {"username": name, "password": password}).status_code == 200


def test_anything_but_two_plain_texts_is_400(
    client: FlaskClient, subtests: pytest.Subtests
) -> None:
    for case, body in NO_PLAIN_TEXTS.items():
        with subtests.test(case):
            assert_refused(try_login(client, body), 400)


def test_no_answer_tells_whether_a_user_exists(
    app: Flask, client: FlaskClient, subtests: pytest.Subtests
) -> None:
    wrong = try_login(client, WRONG)
    names = ["nobody", USERNAME.title(), f"{USERNAME} ", f"{USERNAME}' OR '1'='1", "disabled"]
    add_user(app, "disabled")
    with stored_user(app, "disabled") as user:
        user.disabled = True
    for name in names:
        with subtests.test(name):
            answer = try_login(client, {**LOGIN, "username": name})
            assert_refused(answer, 401)
            assert without_random(answer) == without_random(wrong)


def test_a_password_is_in_no_answer_and_no_log(
    client: FlaskClient, caplog: pytest.LogCaptureFixture, subtests: pytest.Subtests
) -> None:
    caplog.set_level(logging.DEBUG)
    bodies = {"good": LOGIN, "unknown": STRANGER, **NO_PLAIN_TEXTS}
    for case, body in [(case, json.dumps(body)) for case, body in bodies.items()]:
        with subtests.test(case):
            answer = client.post(routes.LOGIN, data=body, content_type="application/json")
            assert PASSWORD not in answer.text + str(answer.headers) + caplog.text


def test_a_login_in_the_address_is_not_read(client: FlaskClient) -> None:
    assert_refused(client.post(routes.LOGIN, query_string=LOGIN, json={}), 400)


def test_a_login_leads_nowhere_else(client: FlaskClient) -> None:
    evil = {"next": "https://evil.example/"}
    answer = client.post(routes.LOGIN, query_string=evil, json=LOGIN)
    assert answer.status_code == 200
    assert "Location" not in answer.headers
    assert "evil" not in answer.text


def test_no_other_site_logs_a_browser_in(client: FlaskClient, subtests: pytest.Subtests) -> None:
    for name, value in [("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site")]:
        with subtests.test(name):
            answer = client.post(routes.LOGIN, json=LOGIN, headers={name: value})
            assert_refused(answer, 403)


def test_login_is_the_only_way_in(app: Flask) -> None:
    methods = ("GET", "POST", "PUT", "PATCH", "DELETE")
    tried = [(method, path) for path in paths(app) for method in methods]
    ways = [(method, path) for method, path in tried if lets_in(app, method, path)]
    assert ways == [("POST", routes.LOGIN)]


def test_logout_ends_this_login_at_once_and_no_other(app: Flask, client: FlaskClient) -> None:
    credentials, other = log_in(client), app.test_client()
    others = log_in(other)
    answer = client.post(routes.LOGOUT, headers=credentials)
    assert (answer.status_code, answer.data) == (204, b"")
    assert not is_logged_in(client, credentials)
    assert is_logged_in(other, others)


def test_logout_clears_the_browser_of_a_cookie_but_no_sibling_sites_cookies(
    client: FlaskClient, token_type: str
) -> None:
    answer = client.post(routes.LOGOUT, headers=log_in(client))
    cleared = answer.headers.get("Clear-Site-Data", "")
    assert cleared == ('"cache", "storage"' if token_type == "session" else "")
    assert ("Max-Age=0" in answer.headers.get("Set-Cookie", "")) == (token_type == "session")


def test_logout_me_and_reauthentication_need_a_login(client: FlaskClient) -> None:
    again = client.post(routes.REAUTHENTICATE, json={"password": PASSWORD})
    for answer in (client.post(routes.LOGOUT), client.get(routes.ME), again):
        assert_refused(answer, 401)


def test_the_password_again_gives_a_new_login_in_place_of_this_one(
    app: Flask, client: FlaskClient, wait: Wait
) -> None:
    credentials, other = log_in(client), app.test_client()
    others = log_in(other)
    [before] = [each["id"] for each in shown_to(client, credentials) if each["current"]]
    wait(60)
    answer = client.post(routes.REAUTHENTICATE, json={"password": PASSWORD}, headers=credentials)
    assert (answer.status_code, answer.cache_control.no_store) == (200, True)
    newest, oldest = shown_to(client, headers_of(answer.get_json()))
    assert (newest["current"], newest["issued"]) == (True, oldest["issued"] + 60)
    assert before not in (newest["id"], oldest["id"])
    assert is_logged_in(other, others)


def test_a_wrong_password_again_gives_nothing_and_ends_nothing(
    app: Flask, client: FlaskClient
) -> None:
    add_user(app, "bob", WRONG["password"])
    credentials = log_in(client)
    for body, status in (
        ({"password": WRONG["password"]}, 403),
        ({"password": ""}, 400),
        ({**WRONG, "username": "bob"}, 400),
    ):
        answer = client.post(routes.REAUTHENTICATE, json=body, headers=credentials)
        assert_refused(answer, status)
        assert is_logged_in(client, credentials)


def test_a_login_works_in_production(production: FlaskClient) -> None:
    credentials = log_in(production)
    assert is_logged_in(production, credentials)
    assert production.post(routes.LOGOUT, headers=credentials).status_code == 204


def test_a_login_outlives_a_restart(make_app: MakeApp, tmp_path: Path) -> None:
    settings = {"database_url": f"sqlite:///{tmp_path}/app.db"}
    client = make_app(**settings).test_client()
    credentials = log_in(client)
    client.application = make_app(fill=False, **settings)
    assert is_logged_in(client, credentials)


def disable(app: Flask) -> None:
    with stored_user(app) as user:
        user.disabled = True


def without_random(answer: TestResponse) -> str:
    """An answer without its request id and nonces, which differ each time."""
    return re.sub(r"[A-Za-z0-9+/-]{24,}", "", answer.text + str(answer.headers))


def lets_in(app: Flask, method: str, path: str) -> bool:
    """Whether a stranger who sends a name and a password there is logged in afterwards."""
    return any(let_in(app, method, path, **{kind: LOGIN}) for kind in ("json", "data"))


def let_in(app: Flask, method: str, path: str, **sent: Any) -> bool:
    client = app.test_client()
    # A form says where it comes from.
    answer = client.open(path, method=method, headers={"Sec-Fetch-Site": "same-origin"}, **sent)
    if answer.status_code >= 400 and "Set-Cookie" not in answer.headers:
        return False
    body = answer.get_json(silent=True)
    token = body.get("token", "") if isinstance(body, dict) else ""
    return is_logged_in(client) or is_logged_in(client, {"Authorization": f"Bearer {token}"})
