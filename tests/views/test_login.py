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
    assert_leads_to,
    every_token_type,
    grow_old,
    invalid_fields,
    is_logged_in,
    log_in_by_form,
    post,
    with_and_without_bearer,
)

ACCOUNT = "/account"
KEPT, LIFETIME = Policy.model_fields["KEPT_LIFETIME"].default, 12 * 60 * 60
FOREIGN = "https://evil.example"
WRONG = {**LOGIN, "password": "a wrong long password"}
MISSING, INVALID, REFUSED = "Missing required fields", "Invalid request", "Invalid credentials"
# By name: what is sent in place of a good body, its status and the words of the refusal.
REFUSALS: dict[str, tuple[object, int, str]] = {
    "no password": ({"username": USERNAME}, 400, MISSING),
    "blanks as a name": ({**LOGIN, "username": " "}, 400, MISSING),
    "blanks of Unicode": ({**LOGIN, "password": " \u00a0\u2003"}, 400, MISSING),
    "a control character": ({**LOGIN, "username": f"{USERNAME}\0"}, 400, INVALID),
    "a long name": ({**LOGIN, "username": "a" * (MAX_USERNAME + 1)}, 400, INVALID),
    "a long password": ({**LOGIN, "password": PASSWORD[0] * (MAX_PASSWORD + 1)}, 400, INVALID),
    "a word as a truth": ({**LOGIN, "keep": "yes"}, 400, INVALID),
    "a password as a member": ({**LOGIN, PASSWORD: PASSWORD}, 400, INVALID),
    "a list": ([USERNAME, PASSWORD], 400, INVALID),
    "a wrong password": (WRONG, 401, REFUSED),
    "an unknown name": ({**LOGIN, "username": "nobody"}, 401, REFUSED),
}


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
def test_each_refusal_has_its_status_and_words(
    client: FlaskClient, subtests: pytest.Subtests
) -> None:
    for name, (body, status, words) in REFUSALS.items():
        with subtests.test(name=name, body=body, status=status, words=words):
            answer = client.post(routes.LOGIN, json=body)
            assert_refused(answer, status)
            assert answer.get_json().keys() == {"error"}
            assert words in answer.get_json()["error"], name


@pytest.mark.asvs("3.7.2", "14.2.1")
def test_a_login_is_read_from_a_body_of_json_alone_and_leads_nowhere(client: FlaskClient) -> None:
    for content_type in ("text/json", "text/plain", None):
        sent: Any = {"data": json.dumps(LOGIN), "content_type": content_type, "headers": OWN_PAGE}
        assert_refused(client.post(routes.LOGIN, **sent), 415)
    assert_refused(client.post(routes.LOGIN, query_string=LOGIN, json={}), 400)
    for method in ("HEAD", "OPTIONS"):
        assert_refused(client.open(routes.LOGIN, method=method, query_string=LOGIN), 200)
    assert client.put(routes.LOGIN, json=LOGIN).status_code == 405
    evil = client.post(routes.LOGIN, query_string={"next": FOREIGN}, json=LOGIN)
    assert (evil.status_code, "Location" in evil.headers) == (200, False)
    assert "evil" not in evil.text


@pytest.mark.asvs("6.2.5", "6.2.9")
def test_a_name_and_a_password_may_be_any_plain_text(
    app: Flask, client: FlaskClient, subtests: pytest.Subtests
) -> None:
    # People who name themselves have less room; an address is longer.
    longest = "n" * (150 if SELF_SERVICE else MAX_USERNAME)
    users = {"zoë": "пароль 🔑", "a b": "\"\\'<>{}; -- ", longest: "p" * MAX_PASSWORD}
    for name, password in users.items():
        with subtests.test(name=name, password=password):
            with app.app_context():
                create_user(name, password, check_password=False)
            body = {"username": name, "password": password}
            assert client.post(routes.LOGIN, json=body, headers=OWN_PAGE).status_code == 200


# By forms. Whatever a program gets, people on pages get a cookie.


@with_and_without_bearer
def test_a_login_leads_back_to_the_page_that_asked_for_it(client: FlaskClient) -> None:
    asked = client.get(f"{ACCOUNT}?a=b&c=d", headers=OWN)
    page = client.get(asked.headers["Location"])
    [action] = re.findall(rf'action="({routes.LOGIN}\?[^"]*)"', page.text)
    assert_leads_to(post(client, action.replace("&amp;", "&"), **LOGIN), f"{ACCOUNT}?a=b&c=d")
    assert is_logged_in(client)


@pytest.mark.asvs("3.7.2")
@with_and_without_bearer
def test_who_is_logged_in_is_led_on_from_the_login_page(client: FlaskClient) -> None:
    log_in_by_form(client)
    asked = [f"{ACCOUNT}?a=b", "", FOREIGN, routes.LOGIN, routes.REAUTHENTICATE]
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


def test_what_is_no_username_and_password_gets_the_page_with_reasons(
    client: FlaskClient, subtests: pytest.Subtests
) -> None:
    sent = [
        ("username", {"password": PASSWORD}),
        ("password", {"username": USERNAME}),
        ("username", {**LOGIN, "username": f"{USERNAME}\nx"}),
        ("password", {**LOGIN, "password": "x" * (MAX_PASSWORD + 1)}),
    ]
    for wrong, fields in sent:
        with subtests.test(wrong=wrong, fields=fields):
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


@pytest.mark.asvs("7.2.4", "7.5.1")
@with_and_without_bearer
def test_the_password_is_entered_again_by_form_and_no_other_one_is_taken(
    client: FlaskClient,
    subtests: pytest.Subtests,
) -> None:
    post(client, **LOGIN, keep="y")
    for password, status, marked in ((WRONG["password"], 403, "alert"), ("", 422, "aria-invalid")):
        with subtests.test(password=password, status=status, marked=marked):
            page = post(client, routes.REAUTHENTICATE, password=password)
            assert_refused(page, status)
            assert marked in page.text
            assert WRONG["password"] not in page.text
    again = f"{routes.REAUTHENTICATE}?next="
    answer = post(client, f"{again}{routes.LOGIN}", password=PASSWORD)
    # A kept login stays one.
    assert f"Max-Age={KEPT};" in answer.headers["Set-Cookie"]
    assert_leads_to(answer, ACCOUNT)
    assert_leads_to(post(client, f"{again}{routes.ME}", password=PASSWORD), routes.ME)


def test_the_pages_of_a_login_set_no_cookie_for_strangers(client: FlaskClient) -> None:
    pages = (routes.LOGIN, routes.REAUTHENTICATE, ACCOUNT)
    assert not any("Set-Cookie" in client.get(path, headers=OWN).headers for path in pages)
