"""Logging in, out and in again by plain forms, as a browser without JavaScript does."""

import re
from threading import BoundedSemaphore

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask.auth import passwords
from secure_flask.policy import DEFAULTS
from secure_flask.web.cookies import name_of
from werkzeug.test import Cookie, TestResponse

from app.login import MAX_PASSWORD, LoginForm
from core import routes
from views.conftest import (
    LOGIN,
    OWN,
    PASSWORD,
    USERNAME,
    MakeApp,
    Wait,
    assert_leads_to,
    is_logged_in,
    log_in_by_form,
    post,
    with_and_without_bearer,
)

ACCOUNT = "/account"
KEPT_LIFETIME, LIFETIME, IDLE = DEFAULTS["KEPT_LIFETIME"], 12 * 60 * 60, 60 * 60
FRIEND = "https://app.example"
WRONG = "a wrong long password"
FOREIGN = ["https://evil.example", "null", "http://sub.localhost", "https://localhost", FRIEND]

# Whatever a program gets, people on pages get a cookie.
pytestmark = with_and_without_bearer


def session_id(client: FlaskClient) -> str:
    with client.application.test_request_context():
        cookie = client.get_cookie(name_of("session"))
    assert isinstance(cookie, Cookie)
    return cookie.value


def test_a_form_logs_in_and_leads_to_the_page_after_a_login(
    app: Flask, client: FlaskClient
) -> None:
    page = client.get(routes.LOGIN)
    assert (page.status_code, f'action="{routes.LOGIN}"' in page.text) == (200, True)
    assert_leads_to(post(client, **LOGIN), "/")
    assert is_logged_in(client)


def test_a_login_leads_back_to_the_page_that_asked_for_it(client: FlaskClient) -> None:
    asked = client.get(f"{ACCOUNT}?a=b&c=d", headers=OWN)
    page = client.get(asked.headers["Location"])
    [action] = re.findall(rf'action="({routes.LOGIN}\?[^"]*)"', page.text)
    assert_leads_to(post(client, action.replace("&amp;", "&"), **LOGIN), f"{ACCOUNT}?a=b&c=d")


def test_a_login_leads_to_no_other_site(
    app: Flask, client: FlaskClient, subtests: pytest.Subtests
) -> None:
    hostile = ["https://evil.example", "//evil.example", r"/\evil.example", "/\t/evil.example"]
    for target in [*hostile, "javascript:alert(1)", routes.LOGIN, "/_test/nowhere"]:
        with subtests.test(target):
            page = client.get(routes.LOGIN, query_string={"next": target})
            assert f'action="{routes.LOGIN}"' in page.text
            answer = client.post(
                routes.LOGIN, data=LOGIN, query_string={"next": target}, headers=OWN
            )
            assert_leads_to(answer, "/")


def test_a_wrong_password_gets_the_page_again(client: FlaskClient) -> None:
    page = post(client, username=USERNAME, password=WRONG)
    assert (page.status_code, 'role="alert"' in page.text) == (401, True)
    assert f'value="{USERNAME}"' in page.text
    assert WRONG not in page.text
    assert "Set-Cookie" not in page.headers
    assert not is_logged_in(client)


def test_no_page_tells_whether_a_user_exists(client: FlaskClient) -> None:
    known = post(client, username=USERNAME, password=WRONG).text
    unknown = post(client, username="nobody", password=WRONG).text
    random = re.compile(r"[A-Za-z0-9+/-]{24,}")
    assert random.sub("", unknown.replace("nobody", USERNAME)) == random.sub("", known)


UNUSABLE: dict[str, dict[str, str]] = {
    "no username": {"password": PASSWORD},
    "no password": {"username": USERNAME},
    "a blank username": {"username": "  ", "password": PASSWORD},
    "two lines": {"username": f"{USERNAME}\nx", "password": PASSWORD},
    "a tab": {"username": USERNAME, "password": f"{PASSWORD}\t"},
    "a long password": {"username": USERNAME, "password": "x" * (MAX_PASSWORD + 1)},
}


def test_what_is_no_username_and_password_gets_the_page_with_reasons(
    client: FlaskClient, subtests: pytest.Subtests
) -> None:
    for case, fields in UNUSABLE.items():
        with subtests.test(case):
            page = post(client, **fields)
            assert (page.status_code, 'aria-invalid="true"' in page.text) == (422, True)
            assert PASSWORD not in page.text
            assert "Set-Cookie" not in page.headers


def test_what_is_no_form_of_a_login_gets_a_plain_page(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = "application/x-www-form-urlencoded"
    cases = [
        (400, form, b"username=%ff&password=x"),
        (400, "multipart/form-data; boundary=x", b"--x\r\n\r\n"),
        (413, form, b"username=" + b"a" * 70_000),
        (413, form, b"a&" * 2000),
        (415, "text/plain", b"username=ada"),
    ]
    for status, content_type, body in cases:
        answer = client.post(routes.LOGIN, data=body, content_type=content_type, headers=OWN)
        assert (answer.status_code, answer.mimetype) == (status, "text/html")
        assert "Set-Cookie" not in answer.headers
    monkeypatch.setattr(passwords, "MAX_WAIT", 0)
    monkeypatch.setattr(passwords, "_in_flight", BoundedSemaphore(0))
    busy = post(client, **LOGIN)
    assert (busy.status_code, busy.mimetype, "Retry-After" in busy.headers) == (
        *(503, "text/html"),
        True,
    )


def test_no_form_of_another_site_logs_anybody_in(
    make_app: MakeApp, subtests: pytest.Subtests
) -> None:
    app = make_app(CORS_ORIGINS=[FRIEND])
    for origin in FOREIGN:
        # Only an own page under `Referrer-Policy: no-referrer` sends null and is of the same origin.
        words = ("", "none", "same-site", "cross-site", "same-origin" * (origin != "null"))
        for word in dict.fromkeys(words):
            with subtests.test(origin, word=word):
                client = app.test_client()
                said = {"Sec-Fetch-Site": word} if word else {}
                answer = post(client, routes.LOGIN, {"Origin": origin, **said}, **LOGIN)
                assert (answer.status_code, "Set-Cookie" in answer.headers) == (403, False)
                assert not is_logged_in(client)


def test_a_login_without_an_origin_is_taken_at_the_browsers_word(app: Flask) -> None:
    words = {"same-origin": 303, "none": 403, "same-site": 403, "cross-site": 403, None: 403}
    for word, expected in words.items():
        headers = {"Sec-Fetch-Site": word} if word else {}
        assert post(app.test_client(), routes.LOGIN, headers, **LOGIN).status_code == expected


def test_forms_and_json_share_one_limit(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "LOGIN_RATE_LIMIT", "2 per minute")
    assert post(client, username=USERNAME, password=WRONG).status_code == 401
    wrong = {"username": USERNAME, "password": WRONG}
    assert client.post(routes.LOGIN, json=wrong).status_code == 401
    page = post(client, **LOGIN)
    assert (page.status_code, page.mimetype, "Retry-After" in page.headers) == (
        *(429, "text/html"),
        True,
    )
    assert client.post(routes.LOGIN, json=LOGIN).status_code == 429
    assert not is_logged_in(client)


def test_the_login_that_a_form_comes_with_ends(app: Flask, client: FlaskClient) -> None:
    log_in_by_form(client)
    old = session_id(client)
    assert post(client, **LOGIN).status_code == 303
    assert session_id(client) != old
    thief = app.test_client()
    with app.test_request_context():
        thief.set_cookie(name_of("session"), old)
    assert not is_logged_in(thief)
    assert is_logged_in(client)


def test_keep_lengthens_the_login_and_adds_no_cookie(client: FlaskClient, wait: Wait) -> None:
    for fields, lifetime in (({}, LIFETIME), ({"keep": "y"}, KEPT_LIFETIME)):
        [cookie] = post(client, **LOGIN, **fields).headers.getlist("Set-Cookie")
        assert f"Max-Age={lifetime};" in cookie
    wait(KEPT_LIFETIME - 60)
    assert is_logged_in(client)
    wait(60)
    assert not is_logged_in(client)


def test_the_box_says_for_how_long_a_login_is_kept(app: Flask) -> None:
    with app.test_request_context():
        words = str(LoginForm().keep.label.text)
    assert str(KEPT_LIFETIME // (24 * 60 * 60)) in words.split()


def test_a_login_that_is_not_kept_ends_when_it_is_idle(client: FlaskClient, wait: Wait) -> None:
    post(client, **LOGIN)
    wait(IDLE)
    assert not is_logged_in(client)


def test_a_button_on_a_page_logs_out(app: Flask, client: FlaskClient) -> None:
    post(client, **LOGIN)
    old = session_id(client)
    answer = post(client, routes.LOGOUT)
    assert_leads_to(answer, "/")
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    assert '"storage"' in answer.headers["Clear-Site-Data"]
    with app.test_request_context():
        client.set_cookie(name_of("session"), old)
    assert not is_logged_in(client)


def test_no_other_site_logs_a_user_out(client: FlaskClient) -> None:
    log_in_by_form(client)
    for headers in ({"Origin": FOREIGN[0]}, {**OWN, "Sec-Fetch-Site": "cross-site"}, {}):
        assert post(client, routes.LOGOUT, headers).status_code == 403
        assert is_logged_in(client)


def test_a_stranger_who_logs_out_is_sent_to_the_login_page(client: FlaskClient) -> None:
    assert_leads_to(post(client, routes.LOGOUT), routes.LOGIN)


def reauthenticate(client: FlaskClient, password: str, query: str = "") -> TestResponse:
    return post(client, routes.REAUTHENTICATE + query, password=password)


def test_the_password_is_entered_again_by_form(app: Flask, client: FlaskClient) -> None:
    post(client, **LOGIN, keep="y")
    old = session_id(client)
    answer = reauthenticate(client, PASSWORD, f"?next={routes.LOGIN}")
    # A kept login stays one.
    assert f"Max-Age={KEPT_LIFETIME};" in answer.headers["Set-Cookie"]
    assert_leads_to(answer, ACCOUNT)
    assert_leads_to(reauthenticate(client, PASSWORD, f"?next={routes.ME}"), routes.ME)
    thief = app.test_client()
    with app.test_request_context():
        thief.set_cookie(name_of("session"), old)
    assert (is_logged_in(client), is_logged_in(thief)) == (True, False)


def test_a_wrong_password_is_asked_for_again(client: FlaskClient) -> None:
    post(client, **LOGIN)
    for password, status, marked in ((WRONG, 403, 'role="alert"'), ("", 422, "aria-invalid")):
        page = reauthenticate(client, password)
        assert (page.status_code, marked in page.text) == (status, True)
        assert "Set-Cookie" not in page.headers
        assert WRONG not in page.text


def test_the_pages_of_a_login_set_no_cookie_for_strangers(app: Flask) -> None:
    for path in (routes.LOGIN, routes.REAUTHENTICATE, ACCOUNT):
        assert "Set-Cookie" not in app.test_client().get(path, headers=OWN).headers
