"""Setting up an authenticator app and recovery codes, by plain forms."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.auth import tokens
from tests import routes
from tests.accounts.page_helpers import (
    CODES,
    SET_UP,
    action_of,
    app_of,
    code,
    enter_password,
    recovery_codes,
    send,
    set_up_app,
)
from tests.accounts.test_login_pages import OWN, assert_leads_to, invalid_fields, post
from tests.conftest import (
    MakeApp,
    Wait,
    give_roles,
    is_logged_in,
    log_in,
    stored_user,
    without_error_pages,
)

PAGE, CODES_PAGE = routes.path_of("setup_pages.begin"), routes.path_of("setup_pages.recovery_codes")
ACCOUNT = routes.path_of("account.show")
VALIDATE = routes.path_of("second_factor.validate")
DEMANDING = "guardian"


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """An app of which one role demands a second factor."""
    return without_error_pages(
        make_app(login_rate_limit="1000 per minute", SECOND_FACTOR_ROLES={DEMANDING: "Watches."})
    )


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    client = app.test_client()
    log_in(client)
    return client


def has_app(app: Flask) -> bool:
    with stored_user(app) as user:
        return bool(user.tf_totp_secret)


def test_a_user_sets_up_an_app_and_is_led_to_recovery_codes(
    app: Flask, client: FlaskClient
) -> None:
    log_in(other := app.test_client())
    assert client.get(PAGE).status_code == 200
    page = send(client, SET_UP, setup="authenticator")
    assert (page.status_code, "<svg" in page.text, page.cache_control.no_store) == (200, True, True)
    wrong = send(client, action_of(page.text), code="000000")
    assert (wrong.status_code, invalid_fields(wrong.text)) == (422, ["code"])
    assert not has_app(app)
    # The same key again, since the app on the phone has it by now.
    mine = app_of(wrong.text)
    assert mine.pretty_key() == app_of(page.text).pretty_key()
    assert_leads_to(send(client, action_of(wrong.text), code=code(mine)), CODES_PAGE)
    assert (has_app(app), is_logged_in(client, {}), is_logged_in(other, {})) == (True, True, False)


def test_an_empty_code_is_asked_for_again(client: FlaskClient) -> None:
    page = send(client, SET_UP, setup="authenticator").text
    again = send(client, action_of(page), code=" ")
    assert (again.status_code, invalid_fields(again.text)) == (422, ["code"])


def test_a_setup_of_nobody_is_refused(client: FlaskClient) -> None:
    path = routes.path_of("second_factor.finish", state="made-up")
    assert send(client, path, code="000000").status_code == 400
    for fields in ({"setup": "sms"}, {"setup": "email"}, {}):
        assert send(client, SET_UP, **fields).status_code == 400


def test_the_app_is_removed(app: Flask, client: FlaskClient) -> None:
    set_up_app(client)
    assert_leads_to(send(client, SET_UP, setup="disable"), ACCOUNT)
    assert not has_app(app)


def test_recovery_codes_are_shown_once(app: Flask, client: FlaskClient) -> None:
    set_up_app(client)
    codes = recovery_codes(client)
    assert len(set(codes)) == len(codes) > 1
    pages = client.get(CODES_PAGE).text + client.get(ACCOUNT).text
    with stored_user(app) as user:
        assert len(user.recovery_codes) == len(codes)
    assert not any(each in pages for each in codes)


@pytest.mark.asvs("7.5.1")
@pytest.mark.usefixtures("never_idle")
def test_an_old_login_enters_the_password_first(
    app: Flask, client: FlaskClient, wait: Wait
) -> None:
    again = routes.path_of(tokens.REAUTHENTICATION_PAGE)
    wait(5 * 60 + 1)
    for path in (PAGE, CODES_PAGE):
        assert_leads_to(client.get(path, headers=OWN), f"{again}?next={path}")
    for path, fields in ((SET_UP, {"setup": "authenticator"}), (CODES, {})):
        assert_leads_to(send(client, path, **fields), again)
    assert not has_app(app)


@pytest.mark.asvs("3.5.1")
def test_nothing_is_set_up_without_the_csrf_token(app: Flask, client: FlaskClient) -> None:
    page = send(client, SET_UP, setup="authenticator").text
    for path, fields in (
        (SET_UP, {"setup": "authenticator"}),
        (action_of(page), {"code": code(app_of(page))}),
        (CODES, {"any": "field"}),
    ):
        assert post(client, path, **fields).status_code == 403
    assert not has_app(app)


@pytest.mark.asvs("6.3.3")
def test_a_role_demands_the_setup_before_the_login(app: Flask) -> None:
    give_roles(app, DEMANDING)
    client = app.test_client()
    step = enter_password(client, f"?next={ACCOUNT}")
    assert (step.status_code, is_logged_in(client, {})) == (303, False)
    # A code before there is an app leads back to the beginning.
    assert action_of(post(client, VALIDATE, code="000000").text).startswith(SET_UP)
    begin = client.get(step.headers["Location"], headers=OWN)
    page = post(client, action_of(begin.text), setup="authenticator")
    mine = app_of(page.text)
    wrong = post(client, action_of(page.text), code="000000")
    assert (wrong.status_code, app_of(wrong.text).pretty_key()) == (401, mine.pretty_key())
    done = post(client, action_of(wrong.text), code=code(mine))
    assert_leads_to(done, f"{CODES_PAGE}?next={ACCOUNT}")
    assert (has_app(app), is_logged_in(client, {})) == (True, True)


def test_whom_a_role_demands_it_of_cannot_remove_it(app: Flask, client: FlaskClient) -> None:
    set_up_app(client)
    give_roles(app, DEMANDING)
    assert 'value="disable"' not in client.get(PAGE).text
    assert send(client, SET_UP, setup="disable").status_code == 400
    assert has_app(app)
