"""`/reset` and `/change-email`: the pages and the JSON of the links that they mail."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from core import routes
from views.accounts.people import (
    ADDRESS,
    CHANGE_EMAIL,
    RESET,
    STRONG,
    Headers,
    can_log_in,
    delivered,
    give_address,
    link_in,
    mailed_link,
    send,
)
from views.conftest import (
    LOGIN,
    PASSWORD,
    USERNAME,
    add_user,
    every_token_type,
    invalid_fields,
    is_logged_in,
    log_in_by_form,
    post,
    stored_user,
)


@pytest.fixture
def link(app: Flask, client: FlaskClient) -> str:
    """The link that the user gets who forgot the password."""
    give_address(app)
    assert send(client, RESET, {"email": ADDRESS}).status_code == 200
    return mailed_link(app)


@pytest.mark.asvs("6.3.6")
@every_token_type
def test_the_link_sets_a_new_password_ends_all_logins_and_makes_none(
    app: Flask, client: FlaskClient, credentials: Headers, link: str
) -> None:
    browser = log_in_by_form(app.test_client())
    stranger = app.test_client()
    answer = send(stranger, link, {"password": STRONG})
    assert (answer.status_code, answer.get_json()) == (200, {"username": USERNAME})
    assert (answer.cache_control.no_store, "Set-Cookie" in answer.headers) == (True, False)
    assert not is_logged_in(stranger)
    assert (is_logged_in(client, credentials), is_logged_in(browser)) == (False, False)
    assert (can_log_in(client, USERNAME, PASSWORD), can_log_in(client, USERNAME)) == (False, True)
    notice = delivered(app)[-1]
    assert (notice["To"], link in notice.get_content()) == (ADDRESS, False)


def test_the_page_of_the_link_sets_it_too(app: Flask, client: FlaskClient, link: str) -> None:
    log_in_by_form(client)
    page = client.get(link).text
    assert f'autocomplete="username" value="{USERNAME}"' in page
    answers = [post(client, link, password=poor) for poor in ("", "passwordpassword")]
    refused = [(each.status_code, invalid_fields(each.text)) for each in answers]
    assert refused == [(422, ["password"])] * 2
    done = post(client, link, password=STRONG)
    # Nobody is logged in any more, so the next step is to log in.
    assert (done.status_code, f'href="{routes.LOGIN}"' in done.text) == (200, True)
    assert not is_logged_in(client)
    assert STRONG not in done.text
    assert post(client, **{**LOGIN, "password": STRONG}).status_code == 303


NEW = "countess@example.net"
OWNER = {"password": PASSWORD}


@pytest.fixture(autouse=True)
def _address(app: Flask) -> None:
    give_address(app)


def change_link(app: Flask, to: str = NEW) -> str:
    return link_in([mail for mail in delivered(app) if mail["To"] == to][-1])


def address(app: Flask) -> str | None:
    with stored_user(app) as user:
        found: str | None = user.email
        return found


@every_token_type
def test_the_link_in_the_mail_changes_the_address(
    app: Flask, client: FlaskClient, credentials: Headers
) -> None:
    answer = send(client, CHANGE_EMAIL, {"email": NEW}, credentials)
    assert (answer.status_code, answer.cache_control.no_store) == (200, True)
    link = change_link(app)
    # Also where the mail is read on another device.
    elsewhere = app.test_client()
    answer = send(elsewhere, link, {**OWNER})
    assert (answer.status_code, answer.get_json()) == (200, {"username": USERNAME})
    assert "Set-Cookie" not in answer.headers
    assert client.get(routes.ME, headers=credentials).get_json()["email"] == NEW
    assert [can_log_in(elsewhere, each, PASSWORD) for each in (NEW, ADDRESS)] == [True, False]
    # The old address learns of the request and of the change.
    assert sorted(mail["To"] for mail in delivered(app)) == [ADDRESS, ADDRESS, NEW]


def test_it_is_changed_by_plain_forms(app: Flask, client: FlaskClient) -> None:
    log_in_by_form(client)
    assert ADDRESS in client.get(CHANGE_EMAIL).text
    wrong = post(client, CHANGE_EMAIL, email="ada")
    assert (wrong.status_code, invalid_fields(wrong.text)) == (422, ["email"])
    sent = post(client, CHANGE_EMAIL, email=NEW)
    assert (sent.status_code, 'href="/account"' in sent.text) == (200, True)
    link = change_link(app)
    stranger = app.test_client()
    page = stranger.get(link).text
    # So that the reader of the mail sees which account it is.
    assert all(shown in page for shown in (USERNAME, NEW))
    answers = [post(stranger, link, password=password) for password in ("", STRONG)]
    refused = [(each.status_code, invalid_fields(each.text)) for each in answers]
    assert refused == [(422, ["password"])] * 2
    add_user(app, "grace")
    grace = log_in_by_form(app.test_client(), username="grace")
    theirs = post(grace, link)
    assert (theirs.status_code, "as someone else" in theirs.text) == (422, True)
    # A recent login here replaces the password.
    done = post(client, link)
    assert (done.status_code, 'href="/account"' in done.text) == (200, True)
    assert address(app) == NEW
