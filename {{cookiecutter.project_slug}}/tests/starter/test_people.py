"""Admins find people, give roles, lock out and let in again, and log out everywhere."""

import re
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import db, testing
from sqlalchemy import select
from werkzeug.test import TestResponse

from app import people
from app.models import User
from tests.conftest import BROWSER, NAME, PASSWORD, MakeApp, add_user, log_in

ACTIONS = ["change_roles", "log_out", "disable", "enable"]


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """An admin logs in by a password, even if SECOND_FACTOR_ROLES demands more of admins."""
    return make_app(SECOND_FACTOR_ROLES=[])


@pytest.fixture
def admin(app: Flask) -> FlaskClient:
    """ada, who is the only admin, beside grace."""
    add_user(app, "grace")
    app.test_cli_runner().invoke(args=["user", "roles", NAME, "admin"])
    client = app.test_client()
    testing.log_in_by_form(client, NAME, PASSWORD)
    return client


def path(app: Flask, action: str, name: str = "grace") -> str:
    with app.app_context():
        user_id = db.session.scalars(select(User.id).where(User.name == name)).one()
    return testing.path_of(app, f"people.{action}", user_id=user_id)


def send(client: FlaskClient, action: str, name: str = "grace", **fields: str) -> TestResponse:
    address = path(client.application, action, name)
    # A form without a checked box has an empty body.
    form = "application/x-www-form-urlencoded"
    return client.post(address, data=urlencode(fields), content_type=form, headers=BROWSER)


def listed(client: FlaskClient, **query: str) -> TestResponse:
    address = testing.path_of(client.application, "people.list_people")
    return client.get(address, query_string=query, headers=BROWSER)


def is_logged_in(client: FlaskClient) -> bool:
    return client.get(testing.path_of(client.application, "account.me")).status_code == 200


def may_log_in(app: Flask, name: str) -> bool:
    try:
        return is_logged_in(log_in(app, name))
    except AssertionError:
        return False


def roles(app: Flask, name: str = "grace") -> list[str]:
    with app.app_context():
        return db.session.scalars(select(User).where(User.name == name)).one().role_names


def test_nobody_but_admins_sees_the_list_and_the_link(ada_on_pages: FlaskClient) -> None:
    assert listed(ada_on_pages).status_code == 403
    account = testing.path_of(ada_on_pages.application, "account.show")
    assert ">People<" not in ada_on_pages.get(account, headers=BROWSER).text


def test_the_menu_of_an_admin_leads_to_the_list(admin: FlaskClient) -> None:
    assert "People</a>" in listed(admin).text


@pytest.mark.parametrize(
    ("search", "found"),
    [("GRA", {"grace"}), ("%", {"100%"}), ("", {"grace", "100%", NAME}), ("nobody", set())],
)
def test_the_search_finds_what_the_name_contains(
    search: str, found: set[str], app: Flask, admin: FlaskClient
) -> None:
    add_user(app, "100%")
    page = listed(admin, q=search).text
    assert {name for name in ("grace", "100%", NAME) if f"<bdi>{name}</bdi>" in page} == found


def test_the_order_of_names_looks_at_no_capitals(app: Flask, admin: FlaskClient) -> None:
    add_user(app, "Bob")
    listed_names = re.findall(r"<bdi>([^<]+)</bdi></a>", listed(admin).text)
    assert listed_names == sorted([NAME, "Bob", "grace"], key=str.lower)


def test_the_pages_of_a_search_keep_it_and_end(
    app: Flask, admin: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "PER_PAGE", 1)
    add_user(app, "grant")
    assert "?q=gra&amp;page=2" in listed(admin, q="gra").text
    assert "<bdi>grant</bdi>" in listed(admin, q="gra", page="2").text
    assert {listed(admin, q="gra", page=end).status_code for end in ("3", str(10**17))} == {404}


@pytest.mark.parametrize("page", ["0", "-1", "x", "9" * 5000])
def test_what_is_no_page_is_invalid(app: Flask, admin: FlaskClient, page: str) -> None:
    assert listed(admin, page=page).status_code == app.config["INVALID_STATUS"]


def test_who_is_locked_out_logs_in_again_when_let_in(app: Flask, admin: FlaskClient) -> None:
    grace = log_in(app, "grace")
    assert send(admin, "disable").status_code == 303
    assert (is_logged_in(grace), may_log_in(app, "grace")) == (False, False)
    assert send(admin, "enable").status_code == 303
    assert (is_logged_in(grace), may_log_in(app, "grace")) == (False, True)


def test_who_is_logged_out_everywhere_may_log_in_again(app: Flask, admin: FlaskClient) -> None:
    grace = log_in(app, "grace")
    assert send(admin, "log_out").status_code == 303
    assert (is_logged_in(grace), may_log_in(app, "grace")) == (False, True)


@pytest.mark.parametrize("action", ["disable", "enable"])
def test_the_log_says_which_admin_did_it(
    action: str, app: Flask, admin: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    send(admin, action)
    with app.app_context():
        [ada] = db.session.scalars(select(User.id).where(User.name == NAME))
    assert f"by='{ada}'" in capsys.readouterr().err


def test_a_role_is_given_and_taken_away(app: Flask, admin: FlaskClient) -> None:
    assert send(admin, "change_roles", roles="boss").status_code == 422
    assert send(admin, "change_roles", roles="admin").status_code == 303
    assert roles(app) == ["admin"]
    assert "checked" in admin.get(path(app, "show"), headers=BROWSER).text
    assert send(admin, "change_roles").status_code == 303
    assert roles(app) == []


@pytest.mark.parametrize("action", ACTIONS)
def test_the_last_admin_stays_one(action: str, app: Flask, admin: FlaskClient) -> None:
    assert send(admin, action, NAME).status_code == 409
    assert (is_logged_in(admin), roles(app, NAME)) == (True, ["admin"])


@pytest.mark.parametrize("action", ACTIONS)
def test_nobody_but_admins_does_it(action: str, app: Flask, ada_on_pages: FlaskClient) -> None:
    add_user(app, "grace")
    assert send(ada_on_pages, action).status_code == 403
