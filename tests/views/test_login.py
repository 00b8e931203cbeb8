"""`/login`, `/logout` and `/reauthenticate`, by JSON for programs and by forms for people."""

import json
import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import create_user
from secure_flask.policy import Policy
from werkzeug.test import TestResponse

from app.login import MAX_PASSWORD, MAX_USERNAME, LoginForm
from core import routes
from views.conftest import (
    LOGIN,
    OWN,
    OWN_PAGE,
    PASSWORD,
    SELF_SERVICE,
    USERNAME,
    Configure,
    Wait,
    add_user,
    assert_leads_to,
    every_token_type,
    grow_old,
    headers_of,
    invalid_fields,
    is_logged_in,
    log_in,
    log_in_by_form,
    post,
    with_and_without_bearer,
)

ACCOUNT = "/account"
KEPT, LIFETIME = Policy.model_fields["KEPT_LIFETIME"].default, 12 * 60 * 60
FOREIGN = ["https://evil.example", "null", "http://sub.localhost", "https://localhost"]
WRONG = {**LOGIN, "password": "a wrong long password"}
STRANGER = {**LOGIN, "username": "nobody"}
MISSING, INVALID, REFUSED = "Missing required fields", "Invalid request", "Invalid credentials"
SURROGATE = r'{"username": "\ud800", "password": "x"}'

# Status, words and the body that gets them.
REFUSALS: list[tuple[int, str, object]] = [
    (400, MISSING, {"username": USERNAME}),
    (400, MISSING, {"password": PASSWORD}),
    (400, MISSING, {**LOGIN, "password": None}),
    (400, MISSING, {**LOGIN, "username": " "}),
    (400, MISSING, {**LOGIN, "password": " \u00a0\u2003"}),
    (400, INVALID, {**LOGIN, "username": 1}),
    (400, INVALID, {**LOGIN, "username": f"{USERNAME}\0"}),
    (400, INVALID, {**LOGIN, "username": "a" * (MAX_USERNAME + 1)}),
    (400, INVALID, {**LOGIN, "password": 123456789012}),
    (400, INVALID, {**LOGIN, "password": f"{PASSWORD}\x7f"}),
    (400, INVALID, {**LOGIN, "password": PASSWORD[0] * (MAX_PASSWORD + 1)}),
    (400, INVALID, {**LOGIN, "keep": "yes"}),
    (400, INVALID, {**LOGIN, "admin": True}),
    (400, INVALID, {**LOGIN, PASSWORD: PASSWORD}),
    (400, INVALID, [USERNAME, PASSWORD]),
    (400, INVALID, PASSWORD),
    (400, INVALID, "{"),
    (400, INVALID, SURROGATE),
    (401, REFUSED, WRONG),
    (401, REFUSED, STRANGER),
    (413, "", " " * 70_000),
]


def assert_refused(answer: TestResponse, status: int) -> None:
    assert answer.status_code == status
    assert "Set-Cookie" not in answer.headers
    assert "token" not in answer.text
    assert PASSWORD not in answer.text + str(answer.headers)


# By JSON.


@every_token_type
def test_a_good_login_gives_what_the_policy_names(client: FlaskClient, token_type: str) -> None:
    answer = client.post(routes.LOGIN, json=LOGIN)
    issued = answer.get_json()
    assert (answer.status_code, answer.cache_control.no_store) == (200, True)
    # A cookie is for the browser alone.
    assert ("token" in issued, "Set-Cookie" in answer.headers) == (
        token_type != "session",
        token_type == "session",
    )
    assert ("refresh_token" in issued) == (token_type == "jwt")
    kept = client.post(routes.LOGIN, json={**LOGIN, "keep": True}, headers=OWN_PAGE).get_json()
    # A signed token lives as long as before: its refresh token is kept.
    assert (kept["expires_in"] > issued["expires_in"]) == ("refresh_token" not in kept)


@pytest.mark.asvs("2.2.1", "2.2.2")
@pytest.mark.parametrize(("status", "words", "body"), REFUSALS)
def test_each_refusal_has_its_status_and_words(
    client: FlaskClient, status: int, words: str, body: object
) -> None:
    data = body if isinstance(body, str) and body != PASSWORD else json.dumps(body)
    answer = client.post(routes.LOGIN, data=data, content_type="application/json")
    assert_refused(answer, status)
    assert answer.get_json().keys() == {"error"}
    assert words in answer.get_json()["error"]


@pytest.mark.asvs("3.7.2", "14.2.1")
def test_a_login_is_read_from_a_body_of_json_alone_and_leads_nowhere(client: FlaskClient) -> None:
    for content_type in ("text/json", "text/plain", None):
        sent: Any = {"data": json.dumps(LOGIN), "content_type": content_type, "headers": OWN_PAGE}
        assert_refused(client.post(routes.LOGIN, **sent), 415)
    assert_refused(client.post(routes.LOGIN, query_string=LOGIN, json={}), 400)
    for method in ("HEAD", "OPTIONS"):
        assert_refused(client.open(routes.LOGIN, method=method, query_string=LOGIN), 200)
    assert client.put(routes.LOGIN, json=LOGIN).status_code == 405
    evil = client.post(routes.LOGIN, query_string={"next": FOREIGN[0]}, json=LOGIN)
    assert (evil.status_code, "Location" in evil.headers) == (200, False)
    assert "evil" not in evil.text


@pytest.mark.asvs("6.2.5", "6.2.9")
@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("zoë", "пароль 🔑"),
        ("a b", "\"\\'<>{}; -- "),
        # People who name themselves have less room; an address is longer.
        ("n" * (150 if SELF_SERVICE else MAX_USERNAME), "p" * MAX_PASSWORD),
    ],
    ids=["letters of others", "marks", "the longest"],
)
def test_a_name_and_a_password_may_be_any_plain_text(
    app: Flask, client: FlaskClient, name: str, password: str
) -> None:
    with app.app_context():
        create_user(name, password, check_password=False)
    body = {"username": name, "password": password}
    assert client.post(routes.LOGIN, json=body, headers=OWN_PAGE).status_code == 200


def test_the_password_again_gives_a_new_login_and_nothing_where_it_is_wrong(
    app: Flask, client: FlaskClient
) -> None:
    add_user(app, "bob", WRONG["password"])
    assert_refused(client.post(routes.REAUTHENTICATE, json={"password": PASSWORD}), 401)
    credentials = log_in(client)
    for body, status in (
        ({"password": WRONG["password"]}, 403),
        ({"password": ""}, 400),
        ({**WRONG, "username": "bob"}, 400),
    ):
        answer = client.post(routes.REAUTHENTICATE, json=body, headers=credentials)
        assert_refused(answer, status)
    answer = client.post(routes.REAUTHENTICATE, json={"password": PASSWORD}, headers=credentials)
    assert answer.status_code == 200
    assert is_logged_in(client, headers_of(answer.get_json()))


# By forms. Whatever a program gets, people on pages get a cookie.


@with_and_without_bearer
def test_a_login_leads_back_to_the_page_that_asked_for_it(client: FlaskClient) -> None:
    asked = client.get(f"{ACCOUNT}?a=b&c=d", headers=OWN)
    page = client.get(asked.headers["Location"])
    [action] = re.findall(rf'action="({routes.LOGIN}\?[^"]*)"', page.text)
    assert_leads_to(post(client, action.replace("&amp;", "&"), **LOGIN), f"{ACCOUNT}?a=b&c=d")
    assert is_logged_in(client)


@pytest.mark.asvs("3.7.2")
@pytest.mark.parametrize("target", [FOREIGN[0], "//evil.example", "javascript:alert(1)", "/login"])
def test_a_login_leads_to_no_other_site(client: FlaskClient, target: str) -> None:
    page = client.get(routes.LOGIN, query_string={"next": target})
    assert f'action="{routes.LOGIN}"' in page.text
    answer = client.post(routes.LOGIN, data=LOGIN, query_string={"next": target}, headers=OWN)
    assert_leads_to(answer, "/")


@pytest.mark.asvs("3.7.2")
@with_and_without_bearer
def test_who_is_logged_in_is_led_on_from_the_login_page(client: FlaskClient) -> None:
    log_in_by_form(client)
    asked = [f"{ACCOUNT}?a=b", "", FOREIGN[0], routes.LOGIN, routes.REAUTHENTICATE]
    led = [client.get(routes.LOGIN, query_string={"next": target}) for target in asked]
    assert [(each.status_code, each.location) for each in led] == [
        (303, f"{ACCOUNT}?a=b"),
        *[(303, "/")] * 4,
    ]
    # Another user may log in all the same.
    assert_leads_to(post(client, **LOGIN), "/")
    assert client.post(routes.LOGIN, json=LOGIN, headers=OWN_PAGE).status_code == 200


def test_a_login_page_that_also_asks_for_the_password_again_shows_its_form(
    app: Flask, client: FlaskClient, configure: Configure
) -> None:
    configure(app, REAUTHENTICATION_PAGE=app.config["LOGIN_PAGE"])
    log_in_by_form(client)
    grow_old(app)
    asked = post(client, "/account/logins/end")
    assert "<form" in client.get(asked.headers["Location"]).text.partition("<main")[2]


@pytest.mark.asvs("6.3.8")
def test_a_wrong_password_gets_the_page_again_and_no_page_tells_whether_a_user_exists(
    client: FlaskClient,
) -> None:
    known, unknown = post(client, **WRONG), post(client, **{**WRONG, "username": "nobody"})
    assert_refused(known, 401)
    assert 'role="alert"' in known.text
    assert f'value="{USERNAME}"' in known.text
    assert WRONG["password"] not in known.text
    random = re.compile(r"[A-Za-z0-9+/-]{24,}")
    same = random.sub("", unknown.text.replace("nobody", USERNAME))
    assert same == random.sub("", known.text)


@pytest.mark.parametrize(
    ("wrong", "fields"),
    [
        ("username", {"password": PASSWORD}),
        ("password", {"username": USERNAME}),
        ("username", {**LOGIN, "username": "  "}),
        ("username", {**LOGIN, "username": f"{USERNAME}\nx"}),
        ("password", {**LOGIN, "password": f"{PASSWORD}\t"}),
        ("password", {**LOGIN, "password": "x" * (MAX_PASSWORD + 1)}),
    ],
)
def test_what_is_no_username_and_password_gets_the_page_with_reasons(
    client: FlaskClient, wrong: str, fields: dict[str, str]
) -> None:
    page = post(client, **fields)
    assert_refused(page, 422)
    assert invalid_fields(page.text) == [wrong]


def test_keep_lengthens_the_login_for_as_long_as_the_box_says(
    app: Flask, client: FlaskClient, wait: Wait
) -> None:
    [usual] = post(client, **LOGIN).headers.getlist("Set-Cookie")
    assert f"Max-Age={LIFETIME};" in usual
    [kept] = post(client, **LOGIN, keep="y").headers.getlist("Set-Cookie")
    assert f"Max-Age={KEPT};" in kept
    wait(KEPT - 60)
    assert is_logged_in(client)
    with app.test_request_context():
        words = str(LoginForm().keep.label.text)
    assert str(KEPT // (24 * 60 * 60)) in words.split()


@pytest.mark.asvs("7.4.1", "7.4.4", "14.3.1")
@with_and_without_bearer
def test_a_button_on_a_page_logs_out(client: FlaskClient) -> None:
    log_in_by_form(client)
    answer = post(client, routes.LOGOUT)
    assert_leads_to(answer, "/")
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    assert '"storage"' in answer.headers["Clear-Site-Data"]
    # A stranger is sent to log in.
    assert_leads_to(post(client, routes.LOGOUT), routes.LOGIN)


def reauthenticate(client: FlaskClient, password: str, query: str = "") -> TestResponse:
    return post(client, routes.REAUTHENTICATE + query, password=password)


@pytest.mark.asvs("7.2.4", "7.5.1")
@with_and_without_bearer
def test_the_password_is_entered_again_by_form(client: FlaskClient) -> None:
    post(client, **LOGIN, keep="y")
    answer = reauthenticate(client, PASSWORD, f"?next={routes.LOGIN}")
    # A kept login stays one.
    assert f"Max-Age={KEPT};" in answer.headers["Set-Cookie"]
    assert_leads_to(answer, ACCOUNT)
    assert_leads_to(reauthenticate(client, PASSWORD, f"?next={routes.ME}"), routes.ME)


@with_and_without_bearer
@pytest.mark.parametrize(
    ("password", "status", "marked"),
    [(WRONG["password"], 403, 'role="alert"'), ("", 422, "aria-invalid")],
    ids=["wrong", "empty"],
)
def test_no_other_password_is_taken_when_it_is_entered_again(
    client: FlaskClient, password: str, status: int, marked: str
) -> None:
    post(client, **LOGIN)
    page = reauthenticate(client, password)
    assert_refused(page, status)
    assert marked in page.text
    assert WRONG["password"] not in page.text


@pytest.mark.parametrize("path", [routes.LOGIN, routes.REAUTHENTICATE, ACCOUNT])
def test_the_pages_of_a_login_set_no_cookie_for_strangers(client: FlaskClient, path: str) -> None:
    assert "Set-Cookie" not in client.get(path, headers=OWN).headers
