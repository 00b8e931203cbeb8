"""Logging in with a second factor, by plain forms."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.accounts.factors.half_logins import LIFETIME
from app.auth import tokens
from app.auth.tokens import KEPT_LIFETIME
from tests import routes
from tests.accounts.page_helpers import (
    action_of,
    enter_password,
    next_code,
    recovery_codes,
    send,
    set_up_app,
)
from tests.accounts.test_login_pages import (
    OWN,
    assert_leads_to,
    invalid_fields,
    page_after_login,
    post,
)
from tests.conftest import MakeApp, Wait, is_logged_in, log_in, without_error_pages

CODE_PAGE = routes.path_of("second_factor_pages.enter_code")
RECOVERY_PAGE = routes.path_of("second_factor_pages.enter_recovery_code")
NEXT = routes.path_of("second_factor_pages.next_step")
VALIDATE, RECOVER = (
    routes.path_of("second_factor.validate"),
    routes.path_of("second_factor.recover"),
)
ACCOUNT = routes.path_of("account.show")
LOGIN_PAGE = routes.path_of(tokens.LOGIN_PAGE)


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return without_error_pages(make_app(login_rate_limit="1000 per minute"))


@pytest.fixture
def owner(app: Flask) -> FlaskClient:
    """A client that is logged in."""
    client = app.test_client()
    log_in(client)
    return client


@pytest.mark.asvs("6.3.3")
def test_the_password_leads_to_the_code_and_the_code_to_the_page_that_was_asked_for(
    owner: FlaskClient, client: FlaskClient
) -> None:
    mine = set_up_app(owner)
    step = enter_password(client, f"?next={ACCOUNT}", keep="y")
    assert_leads_to(step, f"{NEXT}?next={ACCOUNT}")
    assert not is_logged_in(client, {})
    page = client.get(step.headers["Location"], headers=OWN)
    assert (page.status_code, "one-time-code" in page.text) == (200, True)
    done = post(client, action_of(page.text), code=next_code(mine))
    assert_leads_to(done, ACCOUNT)
    assert is_logged_in(client, {})
    # What was chosen beside the password holds.
    assert any(f"Max-Age={KEPT_LIFETIME};" in each for each in done.headers.getlist("Set-Cookie"))


def test_without_a_page_that_was_asked_for_it_leads_to_the_page_after_a_login(
    app: Flask, owner: FlaskClient, client: FlaskClient
) -> None:
    mine = set_up_app(owner)
    enter_password(client)
    for target in ("//evil.example", LOGIN_PAGE):
        page = client.get(CODE_PAGE, query_string={"next": target}, headers=OWN)
        assert action_of(page.text) == VALIDATE
    answer = post(client, f"{VALIDATE}?next=//evil.example", code=next_code(mine))
    assert_leads_to(answer, page_after_login(app))


def test_a_wrong_code_is_asked_for_again_and_five_end_the_login(
    owner: FlaskClient, client: FlaskClient
) -> None:
    mine = set_up_app(owner)
    enter_password(client)
    for _ in range(4):
        page = post(client, VALIDATE, code="000000")
        assert (page.status_code, invalid_fields(page.text)) == (401, ["code"])
    assert post(client, VALIDATE, code="").status_code == 422
    for wrong in ("000000", next_code(mine)):
        page = post(client, VALIDATE, code=wrong)
        # No form any more: the login begins again.
        assert (page.status_code, VALIDATE in page.text) == (401, False)
    assert not is_logged_in(client, {})


@pytest.mark.asvs("6.5.1")
def test_a_recovery_code_replaces_a_lost_device_once(
    app: Flask, owner: FlaskClient, client: FlaskClient
) -> None:
    set_up_app(owner)
    [first, *_] = recovery_codes(owner)
    enter_password(client)
    assert f'href="{RECOVERY_PAGE}"' in client.get(CODE_PAGE).text
    assert client.get(RECOVERY_PAGE).status_code == 200
    assert post(client, RECOVER, code="aaaa").status_code == 401
    # As people copy it.
    assert_leads_to(post(client, RECOVER, code=f" {first.upper()} "), ACCOUNT)
    enter_password(again := app.test_client())
    page = post(again, RECOVER, code=first)
    assert (page.status_code, invalid_fields(page.text)) == (401, ["code"])


def test_without_the_password_there_is_no_second_step(client: FlaskClient) -> None:
    for path in (NEXT, CODE_PAGE, RECOVERY_PAGE):
        answer = client.get(f"{path}?next={ACCOUNT}", headers=OWN)
        assert_leads_to(answer, f"{LOGIN_PAGE}?next={ACCOUNT}")
    for path in (VALIDATE, RECOVER):
        assert post(client, path, code="000000").status_code == 401


def test_a_half_login_ends_after_some_minutes(
    owner: FlaskClient, client: FlaskClient, wait: Wait
) -> None:
    set_up_app(owner)
    enter_password(client)
    wait(LIFETIME + 1)
    assert client.get(CODE_PAGE, headers=OWN).status_code == 303


def test_a_half_login_is_no_login_and_sets_up_nothing(
    owner: FlaskClient, client: FlaskClient
) -> None:
    set_up_app(owner)
    enter_password(client)
    assert client.get(ACCOUNT, headers=OWN).status_code == 303
    answer = post(client, routes.path_of("second_factor.set_up"), setup="authenticator")
    assert_leads_to(answer, LOGIN_PAGE)


def test_a_forgotten_half_login_stops_no_setup(owner: FlaskClient) -> None:
    mine = set_up_app(owner)
    enter_password(owner)
    page = send(owner, routes.path_of("second_factor.set_up"), setup="authenticator")
    assert (page.status_code, "<svg" in page.text) == (200, True)
    assert mine


@pytest.mark.asvs("3.5.1")
def test_no_form_of_another_site_completes_a_login(owner: FlaskClient, client: FlaskClient) -> None:
    mine = set_up_app(owner)
    enter_password(client)
    evil = {"Origin": "https://evil.example"}
    assert post(client, VALIDATE, evil, code=next_code(mine)).status_code == 403
    assert not is_logged_in(client, {})


def test_the_page_says_nothing_that_the_password_does_not_open(client: FlaskClient) -> None:
    page = client.get(LOGIN_PAGE).text
    assert not re.search("one-time-code", page)
