"""The page on which users delete their account, as a browser without scripts uses it."""

import pytest
from flask import Flask, g, template_rendered
from flask.testing import FlaskClient
from sqlalchemy import update
from werkzeug.test import TestResponse

from app.auth import tokens, users
from app.auth.grants import Grant
from app.db import db
from tests import routes
from tests.accounts.ended_logins import while_logins_end
from tests.accounts.people import OWN_FORM
from tests.accounts.test_login_pages import OWN, post, token_of
from tests.conftest import USERNAME, MakeApp, is_logged_in, log_in, without_error_pages
from tests.page_elements import Elements

PAGE = routes.path_of("deletion_pages.page")
DELETE = routes.path_of("deletion_pages.delete_by_form")
DOWNLOAD = routes.path_of("personal_data.download")


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return without_error_pages(make_app())


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client that is logged in."""
    client = app.test_client()
    log_in(client)
    return client


def send(client: FlaskClient, **fields: str) -> TestResponse:
    return post(client, DELETE, csrf_token=token_of(client), **fields)


def is_there(app: Flask) -> bool:
    with app.app_context():
        return users.find(USERNAME) is not None


def test_the_page_offers_the_data_and_the_form_deletes_the_account(
    app: Flask, client: FlaskClient
) -> None:
    assert DOWNLOAD in [link["href"] for link in Elements(client.get(PAGE).text).of("a")]
    answer = send(client, username=USERNAME)
    assert answer.status_code == 200
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    # The page of somebody who is not logged in.
    assert routes.LOGOUT not in answer.text
    assert not is_there(app)
    assert not is_logged_in(client, {})


def test_a_layout_finds_nobody_on_the_page_that_follows(app: Flask, client: FlaskClient) -> None:
    found: list[object] = []
    with template_rendered.connected_to(lambda _, **rendered: found.append(g.get("user")), app):
        send(client, username=USERNAME)
    assert found[-1] is None


@pytest.mark.asvs("7.4.3")
def test_a_login_that_ended_meanwhile_deletes_nothing(app: Flask, client: FlaskClient) -> None:
    body = {"username": USERNAME, "csrf_token": token_of(client)}
    answer = while_logins_end(app, client, DELETE, body, OWN_FORM, form=True)
    assert answer.status_code == 401
    assert is_there(app)


def test_a_program_loses_its_cookie_too(app: Flask, client: FlaskClient) -> None:
    token = client.get(routes.ME).get_json()["csrf_token"]
    answer = client.delete(routes.path_of("deletion.delete_own"), headers={tokens.HEADER: token})
    assert (answer.status_code, "Max-Age=0" in answer.headers["Set-Cookie"]) == (204, True)
    assert not is_there(app)


def test_another_name_deletes_nothing(app: Flask, client: FlaskClient) -> None:
    for name in ("", USERNAME.upper(), "bob"):
        answer = send(client, username=name)
        assert (answer.status_code, 'aria-invalid="true"' in answer.text) == (422, True)
    assert is_there(app)


@pytest.mark.asvs("3.5.1")
def test_no_other_site_deletes_the_account(app: Flask, client: FlaskClient) -> None:
    token = token_of(client)
    for headers, sent in ((OWN, ""), ({"Origin": "https://evil.example"}, token), ({}, token)):
        assert post(client, DELETE, headers, csrf_token=sent, username=USERNAME).status_code == 403
    assert is_there(app)


@pytest.mark.asvs("7.5.1")
def test_an_old_login_enters_the_password_first(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        db.session.execute(update(Grant).values(issued=Grant.issued - 301))
        db.session.commit()
    for answer in (client.get(PAGE, headers=OWN), send(client, username=USERNAME)):
        assert answer.status_code == 303
        assert answer.location.startswith(routes.path_of(tokens.REAUTHENTICATION_PAGE))
    assert is_there(app)
