"""The account page: own logins and the password, seen and changed by plain forms."""

import re
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import db
from secure_flask.auth.logins import Login
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.account import HINT
from app.login import MAX_PASSWORD
from core import routes
from views.conftest import (
    LOGIN,
    OWN,
    PASSWORD,
    USERNAME,
    add_user,
    assert_leads_to,
    grow_old,
    invalid_fields,
    is_logged_in,
    log_in_by_form,
    post,
    stored_hash,
    with_and_without_bearer,
)
from views.page_elements import Elements

ACCOUNT, CHANGE, OTHERS = "/account", "/account/password", "/account/logins/end"
WRONG = "a wrong long password"
MIN_LENGTH = 12
BOB = "bob"
CROSS_SITE = {"Sec-Fetch-Site": "cross-site"}
FOREIGN: list[dict[str, str]] = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {**OWN, **CROSS_SITE},
    CROSS_SITE,
    {},
]
NEW = "seven owls in a well of ink, and one that went for a walk before dawn"


# A login of pages is the same whatever a program gets.
pytestmark = with_and_without_bearer


@pytest.fixture
def app(app: Flask) -> Flask:
    """An app with two users."""
    add_user(app, BOB)
    return app


def logged_in(app: Flask, browser: str = "", **body: str) -> FlaskClient:
    client = app.test_client()
    client.environ_base |= {"HTTP_USER_AGENT": browser}
    return log_in_by_form(client, **body)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client that is logged in."""
    return logged_in(app, "Firefox/140.0 Linux")


def id_of(client: FlaskClient) -> str:
    logins = client.get(routes.SESSIONS).get_json()["sessions"]
    [own] = [login["id"] for login in logins if login["current"]]
    return str(own)


def end_path(client: FlaskClient) -> str:
    """The path that ends the login of a client."""
    return f"/account/logins/{id_of(client)}/end"


def change(client: FlaskClient, current: str = PASSWORD, new: str = NEW) -> TestResponse:
    return post(client, CHANGE, current_password=current, new_password=new)


def alive(*clients: FlaskClient) -> list[bool]:
    return [is_logged_in(client) for client in clients]


def test_a_stranger_is_sent_to_the_login_page(app: Flask) -> None:
    answer = app.test_client().get(ACCOUNT, headers=OWN)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith(routes.LOGIN)


def test_it_lists_own_logins_and_nobody_elses(app: Flask, client: FlaskClient) -> None:
    mine = logged_in(app, "Chrome/140.0 Windows")
    bobs = logged_in(app, "OPR/140.0 iPad", username=BOB)
    page = client.get(ACCOUNT)
    assert page.cache_control.no_store
    for words in ("Firefox on Linux", "Chrome on Windows"):
        assert words in page.text
    assert "Opera" not in page.text
    assert end_path(mine) in page.text
    # The present login ends by logging out.
    assert end_path(client) not in page.text
    assert end_path(bobs) not in page.text


def test_a_button_ends_one_login(app: Flask, client: FlaskClient) -> None:
    lost, other = logged_in(app), logged_in(app)
    path = end_path(lost)
    assert_leads_to(post(client, path), ACCOUNT)
    assert alive(client, lost, other) == [True, False, True]
    assert post(client, path).status_code == 404


def test_a_button_ends_all_other_logins(app: Flask, client: FlaskClient) -> None:
    others, bobs = [logged_in(app), logged_in(app)], logged_in(app, username=BOB)
    assert_leads_to(post(client, OTHERS), ACCOUNT)
    assert alive(client, *others, bobs) == [True, False, False, True]


def test_nobody_ends_the_login_of_another_user(app: Flask, client: FlaskClient) -> None:
    bobs = logged_in(app, username=BOB)
    assert post(client, end_path(bobs)).status_code == 404
    assert alive(bobs) == [True]


def test_the_password_is_changed_and_other_logins_end(app: Flask, client: FlaskClient) -> None:
    other, bobs = logged_in(app), logged_in(app, username=BOB)
    before = id_of(client)
    answer = change(client)
    assert_leads_to(answer, ACCOUNT)
    assert alive(client, other, bobs) == [True, False, True]
    # This client got a new login.
    assert id_of(client) != before
    with app.app_context():
        assert len(db.session.scalars(select(Login)).all()) == 2
    stranger = app.test_client()
    assert stranger.post(routes.LOGIN, json=LOGIN).status_code == 401
    assert stranger.post(routes.LOGIN, json={**LOGIN, "password": NEW}).status_code == 200


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
            assert not any(password in page.text for password in (WRONG, NEW, PASSWORD))
            assert stored_hash(app) == before
    assert alive(client) == [True]


def test_no_write_passes_from_another_site(
    app: Flask, client: FlaskClient, subtests: pytest.Subtests
) -> None:
    before, other = stored_hash(app), logged_in(app)
    fields = {"current_password": PASSWORD, "new_password": NEW}
    for path in (CHANGE, OTHERS, end_path(other)):
        for headers in FOREIGN:
            with subtests.test(path, headers=headers):
                assert post(client, path, headers, **fields).status_code == 403
        assert client.get(path).status_code in (303, 405)
    assert alive(client, other) == [True, True]
    assert stored_hash(app) == before


def test_an_old_login_changes_nothing_before_the_password_is_entered(
    app: Flask, client: FlaskClient
) -> None:
    before, other = stored_hash(app), logged_in(app)
    path = end_path(other)
    grow_old(app)
    page = client.get(ACCOUNT).text
    assert f'href="{routes.REAUTHENTICATE}?next=' in page
    assert not any(form in page for form in (CHANGE, OTHERS, path))
    for refused in (change(client), post(client, OTHERS), post(client, path)):
        assert_leads_to(refused, routes.REAUTHENTICATE)
    assert (alive(client, other), stored_hash(app)) == ([True, True], before)
    assert_leads_to(post(client, routes.REAUTHENTICATE, password=PASSWORD), ACCOUNT)
    assert_leads_to(post(client, path), ACCOUNT)
    assert alive(client, other) == [True, False]


def test_password_managers_find_where_a_password_is_changed(client: FlaskClient) -> None:
    page = client.get(ACCOUNT).text
    assert len(re.findall(r'type="password"', page)) == 2
    assert re.findall(r'autocomplete="((?:current|new)-password)"', page) == [
        "current-password",
        "new-password",
    ]


def test_the_address_for_changing_passwords_is_public(app: Flask) -> None:
    answer = app.test_client().get("/.well-known/change-password")
    assert_leads_to(answer, ACCOUNT)


def test_what_a_client_claims_is_shown_as_text(app: Flask) -> None:
    page = logged_in(app, "<script>do_not_run()</script> Firefox/140.0").get(ACCOUNT).text
    assert "do_not_run" not in page
    assert f"<h1>{USERNAME}" not in page


def new_password_is_described(page: str) -> list[str]:
    """The texts that a screen reader reads with the field for a new password, in their order."""
    [field] = [each for each in Elements(page).of("input") if each.get("name") == "new_password"]
    return [
        unescape(re.findall(rf'<p class="\w+" id="{each}">([^<]+)</p>', page)[0])
        for each in field["aria-describedby"].split()
    ]


def test_the_rule_for_passwords_stays_beside_an_error_that_says_what_is_wrong(
    client: FlaskClient,
) -> None:
    rule = HINT.format(MIN_LENGTH)
    assert new_password_is_described(client.get(ACCOUNT).text) == [rule]
    errors = set()
    for poor in ("", "x" * (MIN_LENGTH - 1), "x" * (MAX_PASSWORD + 1), f"{NEW} {USERNAME}"):
        hint, error = new_password_is_described(change(client, new=poor).text)
        assert hint == rule
        errors.add(error)
    assert len(errors) == 4
