"""Logging in, out and in again by plain forms, as a browser without JavaScript does."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import Cookie, TestResponse

from app.accounts import after_login
from app.accounts.login import LoginForm
from secure_flask.auth import tokens
from secure_flask.auth.passwords import MAX_LENGTH
from secure_flask.auth.tokens import KEPT_LIFETIME, LIFETIME
from secure_flask.web.cookies import name_of
from core import routes
from core.conftest import (
    LOGIN,
    PASSWORD,
    USERNAME,
    MakeApp,
    Wait,
    is_logged_in,
    log_in,
    without_error_pages,
)
from core.page_elements import Elements

LOGIN_PAGE = routes.path_of(tokens.LOGIN_PAGE)
REAUTHENTICATION_PAGE = routes.path_of(tokens.REAUTHENTICATION_PAGE)
REAUTHENTICATE = routes.path_of("login.reauthenticate")
ACCOUNT = routes.path_of("account.show")
FRIEND = "https://app.example"
OWN = {"Origin": "http://localhost", "Accept": "text/html,*/*;q=0.8"}
WRONG = "a wrong long password"
FOREIGN = ["https://evil.example", "null", "http://sub.localhost", "https://localhost", FRIEND]


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """An app that keeps nobody waiting, without an error page of yours."""
    return without_error_pages(make_app(login_rate_limit="1000 per minute"))


def post(
    client: FlaskClient, path: str = routes.LOGIN, headers: dict[str, str] = OWN, /, **fields: str
) -> TestResponse:
    return client.post(path, data=fields, headers=headers)


def token_of(client: FlaskClient) -> str:
    """The CSRF token of a client's login, which its pages contain in another form each time."""
    return str(client.get(routes.ME).get_json()["csrf_token"])


def session_id(client: FlaskClient) -> str:
    with client.application.test_request_context():
        cookie = client.get_cookie(name_of("session"))
    assert isinstance(cookie, Cookie)
    return cookie.value


def invalid_fields(page: str) -> list[str]:
    """The names of the fields that a page marks as wrong, whatever it says about them."""
    fields = Elements(page).of("input")
    return [field["name"] for field in fields if field.get("aria-invalid") == "true"]


def assert_leads_to(answer: TestResponse, path: str) -> None:
    assert (answer.status_code, answer.headers.get("Location")) == (303, path)


def page_after_login(app: Flask) -> str:
    """Where a login leads that no page asked for."""
    with app.test_request_context():
        return after_login.page()


def test_a_form_logs_in_and_leads_to_the_page_after_a_login(
    app: Flask, client: FlaskClient
) -> None:
    page = client.get(LOGIN_PAGE)
    assert (page.status_code, f'action="{routes.LOGIN}"' in page.text) == (200, True)
    assert_leads_to(post(client, **LOGIN), page_after_login(app))
    assert is_logged_in(client, {})


def test_a_login_leads_back_to_the_page_that_asked_for_it(client: FlaskClient) -> None:
    asked = client.get(f"{ACCOUNT}?a=b&c=d", headers=OWN)
    page = client.get(asked.headers["Location"])
    [action] = re.findall(rf'action="({routes.LOGIN}\?[^"]*)"', page.text)
    assert_leads_to(post(client, action.replace("&amp;", "&"), **LOGIN), f"{ACCOUNT}?a=b&c=d")


@pytest.mark.asvs("3.7.2")
def test_a_login_leads_to_no_other_site(
    app: Flask, client: FlaskClient, subtests: pytest.Subtests
) -> None:
    hostile = ["https://evil.example", "//evil.example", r"/\evil.example", "/\t/evil.example"]
    for target in [*hostile, "javascript:alert(1)", LOGIN_PAGE, "/_test/nowhere"]:
        with subtests.test(target):
            page = client.get(LOGIN_PAGE, query_string={"next": target})
            assert f'action="{routes.LOGIN}"' in page.text
            answer = client.post(
                routes.LOGIN, data=LOGIN, query_string={"next": target}, headers=OWN
            )
            assert_leads_to(answer, page_after_login(app))


def test_a_wrong_password_gets_the_page_again(client: FlaskClient) -> None:
    page = post(client, username=USERNAME, password=WRONG)
    assert (page.status_code, 'role="alert"' in page.text) == (401, True)
    assert f'value="{USERNAME}"' in page.text
    assert WRONG not in page.text
    assert "Set-Cookie" not in page.headers
    assert not is_logged_in(client, {})


@pytest.mark.asvs("6.3.8")
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
    "a long password": {"username": USERNAME, "password": "x" * (MAX_LENGTH + 1)},
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


@pytest.mark.asvs("3.5.1", "7.6.2")
def test_no_form_of_another_site_logs_anybody_in(
    make_app: MakeApp, subtests: pytest.Subtests
) -> None:
    app = make_app(CORS_ORIGINS=[FRIEND])
    for origin in FOREIGN:
        for other in ({}, {"Sec-Fetch-Site": "same-origin"}, {"X-CSRF-Token": "0" * 64}):
            with subtests.test(origin, other=other):
                client = app.test_client()
                answer = post(client, routes.LOGIN, {"Origin": origin, **other}, **LOGIN)
                assert (answer.status_code, "Set-Cookie" in answer.headers) == (403, False)
                assert not is_logged_in(client, {})


@pytest.mark.asvs("3.5.1")
def test_a_login_without_an_origin_is_taken_at_the_browsers_word(app: Flask) -> None:
    words = {"same-origin": 303, "none": 303, "same-site": 403, "cross-site": 403, None: 403}
    for word, expected in words.items():
        headers = {"Sec-Fetch-Site": word} if word else {}
        assert post(app.test_client(), routes.LOGIN, headers, **LOGIN).status_code == expected


@pytest.mark.asvs("6.3.1")
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
    assert not is_logged_in(client, {})


@pytest.mark.asvs("7.2.4")
def test_the_login_that_a_form_comes_with_ends(app: Flask, client: FlaskClient) -> None:
    log_in(client)
    old = session_id(client)
    # Without its CSRF token: a login never needs one.
    assert post(client, **LOGIN).status_code == 303
    assert session_id(client) != old
    thief = app.test_client()
    with app.test_request_context():
        thief.set_cookie(name_of("session"), old)
    assert not is_logged_in(thief, {})
    assert is_logged_in(client, {})


def test_keep_lengthens_the_login_and_adds_no_cookie(client: FlaskClient, wait: Wait) -> None:
    for fields, lifetime in (({}, LIFETIME), ({"keep": "y"}, KEPT_LIFETIME)):
        [cookie] = post(client, **LOGIN, **fields).headers.getlist("Set-Cookie")
        assert f"Max-Age={lifetime};" in cookie
    wait(KEPT_LIFETIME - 60)
    assert is_logged_in(client, {})
    wait(60)
    assert not is_logged_in(client, {})


def test_the_box_says_for_how_long_a_login_is_kept(app: Flask) -> None:
    with app.test_request_context():
        words = str(LoginForm().keep.label.text)
    assert str(KEPT_LIFETIME // (24 * 60 * 60)) in words.split()


def test_a_login_that_is_not_kept_ends_when_it_is_idle(client: FlaskClient, wait: Wait) -> None:
    post(client, **LOGIN)
    wait(tokens.IDLE)
    assert not is_logged_in(client, {})


@pytest.mark.asvs("7.4.1", "7.4.4", "14.3.1")
def test_a_button_on_a_page_logs_out(app: Flask, client: FlaskClient) -> None:
    post(client, **LOGIN)
    old = session_id(client)
    answer = post(client, routes.LOGOUT, csrf_token=token_of(client))
    assert_leads_to(answer, "/")
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    assert '"storage"' in answer.headers["Clear-Site-Data"]
    with app.test_request_context():
        client.set_cookie(name_of("session"), old)
    assert not is_logged_in(client, {})


@pytest.mark.asvs("3.5.1")
def test_no_other_site_logs_a_user_out(client: FlaskClient) -> None:
    credentials = log_in(client)
    for headers, token in ((OWN, ""), (OWN, "0" * 64), ({"Origin": FOREIGN[0]}, "right")):
        sent = credentials["X-CSRF-Token"] if token == "right" else token
        assert post(client, routes.LOGOUT, headers, csrf_token=sent).status_code == 403
        assert is_logged_in(client, {})


def test_a_stranger_who_logs_out_is_sent_to_the_login_page(client: FlaskClient) -> None:
    assert_leads_to(post(client, routes.LOGOUT), LOGIN_PAGE)


def reauthenticate(client: FlaskClient, password: str, query: str = "") -> TestResponse:
    token = token_of(client)
    return post(client, REAUTHENTICATE + query, password=password, csrf_token=token)


@pytest.mark.asvs("7.2.4", "7.5.1")
def test_the_password_is_entered_again_by_form(app: Flask, client: FlaskClient) -> None:
    post(client, **LOGIN, keep="y")
    old = session_id(client)
    answer = reauthenticate(client, PASSWORD, f"?next={LOGIN_PAGE}")
    # A kept login stays one.
    assert f"Max-Age={KEPT_LIFETIME};" in answer.headers["Set-Cookie"]
    assert_leads_to(answer, ACCOUNT)
    assert_leads_to(reauthenticate(client, PASSWORD, f"?next={routes.ME}"), routes.ME)
    thief = app.test_client()
    with app.test_request_context():
        thief.set_cookie(name_of("session"), old)
    assert (is_logged_in(client, {}), is_logged_in(thief, {})) == (True, False)


def test_a_wrong_password_is_asked_for_again(client: FlaskClient) -> None:
    post(client, **LOGIN)
    for password, status, marked in ((WRONG, 403, 'role="alert"'), ("", 422, "aria-invalid")):
        page = reauthenticate(client, password)
        assert (page.status_code, marked in page.text) == (status, True)
        assert "Set-Cookie" not in page.headers
        assert WRONG not in page.text
    assert post(client, REAUTHENTICATE, password=PASSWORD).status_code == 403


def test_the_pages_of_a_login_set_no_cookie_for_strangers(app: Flask) -> None:
    for path in (LOGIN_PAGE, REAUTHENTICATION_PAGE, ACCOUNT):
        assert "Set-Cookie" not in app.test_client().get(path, headers=OWN).headers
