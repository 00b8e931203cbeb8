"""The account page: own logins and the password, seen and changed by plain forms."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from markupsafe import escape
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from app.accounts.password_fields import HINT
from secure_flask.auth import tokens, users
from secure_flask.auth.grants import Grant
from secure_flask.auth.passwords import MIN_LENGTH
from secure_flask.database import db
from core import routes
from tests.accounts.test_login_pages import (
    OWN,
    WRONG,
    assert_leads_to,
    invalid_fields,
    post,
    token_of,
)
from core.auth.test_clients import words
from core.conftest import (
    LOGIN,
    PASSWORD,
    USERNAME,
    MakeApp,
    is_logged_in,
    log_in,
    stored_user,
    without_error_pages,
)

ACCOUNT, OTHERS = routes.path_of("account.show"), routes.path_of("account.end_other_logins")
CHANGE = routes.path_of("account.change")
REAUTHENTICATION_PAGE = routes.path_of(tokens.REAUTHENTICATION_PAGE)
BOB = "bob"
NEW = "seven owls in a well of ink, and one that went for a walk before dawn"
# The rule for the length of a new password: by the hint or by an error.
RULE = re.compile(rf"{re.escape(str(escape(HINT)))}|\b{MIN_LENGTH} to\b")
TOKEN = re.compile(r'<textarea hidden name="csrf_token" autocomplete="off">([0-9a-f]{128})<')
HOUR = 3600  # seconds: a login of that age is not recent


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """An app with two users that keeps nobody waiting, without an error page of yours."""
    app = without_error_pages(make_app(login_rate_limit="1000 per minute"))
    with app.app_context():
        users.create(BOB, PASSWORD)
    return app


def logged_in(app: Flask, browser: str = "", **body: str) -> FlaskClient:
    client = app.test_client()
    client.environ_base |= {"HTTP_USER_AGENT": browser}
    log_in(client, **body)
    return client


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client that is logged in."""
    return logged_in(app, "Firefox/140.0 Linux")


def end_path(client: FlaskClient) -> str:
    """The path that ends the login of a client."""
    (own,) = (
        each for each in client.get(routes.SESSIONS).get_json()["sessions"] if each["current"]
    )
    return routes.path_of("account.end_login", session_id=own["id"])


def send(client: FlaskClient, path: str, **fields: str) -> TestResponse:
    """Send a form of the account page, with its CSRF token."""
    return post(client, path, csrf_token=token_of(client), **fields)


def change(client: FlaskClient, current: str = PASSWORD, new: str = NEW) -> TestResponse:
    return send(client, CHANGE, current_password=current, new_password=new)


def alive(*clients: FlaskClient) -> list[bool]:
    return [is_logged_in(client, {}) for client in clients]


def grow_old(app: Flask) -> None:
    """Let an hour pass for each login."""
    with app.app_context():
        db.session.execute(update(Grant).values(issued=Grant.issued - HOUR))
        db.session.commit()


def stored_hash(app: Flask) -> str:
    with stored_user(app) as user:
        return user.password_hash


def test_a_stranger_is_sent_to_the_login_page(app: Flask) -> None:
    answer = app.test_client().get(ACCOUNT, headers=OWN)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith(routes.path_of(tokens.LOGIN_PAGE))


@pytest.mark.asvs("7.5.2")
def test_it_lists_own_logins_and_nobody_elses(app: Flask, client: FlaskClient) -> None:
    mine = logged_in(app, "Chrome/140.0 Windows")
    bobs = logged_in(app, "OPR/140.0 iPad", username=BOB)
    page = client.get(ACCOUNT)
    assert page.cache_control.no_store
    for sign, system in (("Firefox/", "Linux"), ("Chrome/", "Windows")):
        assert words(sign, system) in page.text
    assert words("OPR/", "iPad") not in page.text
    assert end_path(mine) in page.text
    # The present login ends by logging out.
    assert end_path(client) not in page.text
    assert end_path(bobs) not in page.text


@pytest.mark.asvs("3.5.1")
def test_each_of_its_forms_carries_the_csrf_token_as_text(client: FlaskClient) -> None:
    page = client.get(ACCOUNT).text
    forms = re.findall(r'<form[^>]*method="post".*?</form>', page, re.DOTALL)
    assert forms
    for form in forms:
        assert TOKEN.search(form), f"Call csrf_field() in this form of a template:\n{form}"


@pytest.mark.asvs("7.5.2")
def test_a_button_ends_one_login(app: Flask, client: FlaskClient) -> None:
    lost, other = logged_in(app), logged_in(app)
    path = end_path(lost)
    assert_leads_to(send(client, path), ACCOUNT)
    assert alive(client, lost, other) == [True, False, True]
    assert send(client, path).status_code == 404


@pytest.mark.asvs("7.5.2")
def test_a_button_ends_all_other_logins(app: Flask, client: FlaskClient) -> None:
    others, bobs = [logged_in(app), logged_in(app)], logged_in(app, username=BOB)
    assert_leads_to(send(client, OTHERS), ACCOUNT)
    assert alive(client, *others, bobs) == [True, False, False, True]


def test_nobody_ends_the_login_of_another_user(app: Flask, client: FlaskClient) -> None:
    bobs = logged_in(app, username=BOB)
    assert send(client, end_path(bobs)).status_code == 404
    assert alive(bobs) == [True]


@pytest.mark.asvs("6.2.2", "7.2.4", "7.4.3")
def test_the_password_is_changed_and_other_logins_end(app: Flask, client: FlaskClient) -> None:
    other, bobs = logged_in(app), logged_in(app, username=BOB)
    before = client.get(routes.ME).get_json()["csrf_token"]
    answer = change(client)
    assert_leads_to(answer, ACCOUNT)
    assert alive(client, other, bobs) == [True, False, True]
    # This client got a new login.
    assert client.get(routes.ME).get_json()["csrf_token"] != before
    with app.app_context():
        assert len(db.session.scalars(select(Grant)).all()) == 2
    stranger = app.test_client()
    assert stranger.post(routes.LOGIN, json=LOGIN).status_code == 401
    assert stranger.post(routes.LOGIN, json={**LOGIN, "password": NEW}).status_code == 200


@pytest.mark.asvs("6.2.3", "7.5.1")
def test_a_poor_or_wrong_password_changes_nothing_and_is_not_shown(
    app: Flask, client: FlaskClient, subtests: pytest.Subtests
) -> None:
    before = stored_hash(app)
    for current, new, status, field in (
        (WRONG, NEW, 403, "current_password"),
        (WRONG, "x", 403, "current_password"),
        ("", NEW, 422, "current_password"),
        (PASSWORD, "", 422, "new_password"),
        (PASSWORD, "   ", 422, "new_password"),
        (PASSWORD, "x" * (MIN_LENGTH - 1), 422, "new_password"),
        (PASSWORD, f"{NEW} {USERNAME}", 422, "new_password"),
        (PASSWORD, f"{NEW}\n", 422, "new_password"),
    ):
        with subtests.test(field, new=new):
            page = change(client, current, new)
            assert (page.status_code, invalid_fields(page.text)) == (status, [field])
            assert len(RULE.findall(page.text)) == 1
            assert not any(password in page.text for password in (WRONG, NEW, PASSWORD))
            assert stored_hash(app) == before
    assert alive(client) == [True]


@pytest.mark.asvs("3.5.1")
def test_no_write_passes_without_the_csrf_token_or_from_another_site(
    app: Flask, client: FlaskClient, subtests: pytest.Subtests
) -> None:
    before, other = stored_hash(app), logged_in(app)
    token = token_of(client)
    evil = {"Origin": "https://evil.example"}
    fields = {"current_password": PASSWORD, "new_password": NEW}
    for path in (CHANGE, OTHERS, end_path(other)):
        for headers, sent in ((OWN, ""), (OWN, "0" * 64), (evil, token), ({}, token)):
            with subtests.test(path, headers=headers):
                answer = post(client, path, headers, csrf_token=sent, **fields)
                assert answer.status_code == 403
        assert client.get(path).status_code in (303, 405)
    assert alive(client, other) == [True, True]
    assert stored_hash(app) == before


@pytest.mark.asvs("7.5.1", "7.5.2")
def test_an_old_login_changes_nothing_before_the_password_is_entered(
    app: Flask, client: FlaskClient
) -> None:
    before, other = stored_hash(app), logged_in(app)
    path = end_path(other)
    grow_old(app)
    page = client.get(ACCOUNT).text
    assert f'href="{REAUTHENTICATION_PAGE}?next=' in page
    assert not any(form in page for form in (CHANGE, OTHERS, path))
    for refused in (change(client), send(client, OTHERS), send(client, path)):
        assert_leads_to(refused, REAUTHENTICATION_PAGE)
    assert (alive(client, other), stored_hash(app)) == ([True, True], before)
    again = post(
        client,
        routes.path_of("login.reauthenticate"),
        password=PASSWORD,
        csrf_token=token_of(client),
    )
    assert_leads_to(again, ACCOUNT)
    assert_leads_to(send(client, path), ACCOUNT)
    assert alive(client, other) == [True, False]


@pytest.mark.asvs("6.2.2")
def test_password_managers_find_where_a_password_is_changed(client: FlaskClient) -> None:
    page = client.get(ACCOUNT).text
    assert len(re.findall(r'type="password"', page)) == 2
    assert re.findall(r'autocomplete="((?:current|new)-password)"', page) == [
        "current-password",
        "new-password",
    ]


def test_the_address_for_changing_passwords_is_public(app: Flask) -> None:
    # Source: W3C, "A Well-Known URL for Changing Passwords".
    answer = app.test_client().get("/.well-known/change-password")
    assert answer.status_code != 404, (
        "Password managers look for /.well-known/change-password at exactly this address: where "
        "the blueprint of accounts has a url_prefix, give this route a blueprint without one."
    )
    assert_leads_to(answer, ACCOUNT)


def test_what_a_client_claims_is_shown_as_text(app: Flask) -> None:
    page = logged_in(app, "<script>do_not_run()</script> Firefox/140.0").get(ACCOUNT).text
    assert "do_not_run" not in page
    assert f"<h1>{USERNAME}" not in page
