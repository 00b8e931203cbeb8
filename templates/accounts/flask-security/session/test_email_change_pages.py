"""Another e-mail address, by plain forms."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.accounts.links import email_change
from app.accounts.mail import mailbox
from app.auth import tokens
from tests import routes
from tests.accounts.page_helpers import mailed_links, send
from tests.accounts.test_login_pages import OWN, assert_leads_to, post
from tests.conftest import PASSWORD, MakeApp, Wait, log_in, stored_user, without_error_pages

PAGE, CHANGE = routes.path_of("email_change_pages.change"), routes.path_of("email_change.change")
OLD, NEW = "ada@example.org", "ada@new.example"


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    app = without_error_pages(make_app())
    with stored_user(app) as user:
        user.email = OLD
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    client = app.test_client()
    log_in(client)
    return client


@pytest.mark.asvs("6.3.7")
def test_the_new_address_holds_after_its_link_is_opened(app: Flask, client: FlaskClient) -> None:
    assert OLD in client.get(PAGE).text
    assert send(client, CHANGE, email=NEW).status_code == 200
    [link] = mailed_links(app)
    assert client.get(link).status_code == 200
    with stored_user(app) as user:
        assert user.email == OLD
    assert post(app.test_client(), link, password=PASSWORD).status_code == 200
    with stored_user(app) as user:
        assert user.email == NEW
    assert [message["To"] for message in mailbox.messages(app)] == [NEW, OLD, OLD]


def test_a_recent_login_here_replaces_the_password(app: Flask, client: FlaskClient) -> None:
    send(client, CHANGE, email=NEW)
    [link] = mailed_links(app)
    assert "log in to the account first" in client.get(link).text
    assert send(client, link).status_code == 200
    with stored_user(app) as user:
        assert user.email == NEW


def test_what_is_no_address_is_said_beside_the_field(app: Flask, client: FlaskClient) -> None:
    page = send(client, CHANGE, email="ada")
    assert (page.status_code, 'aria-invalid="true"' in page.text) == (422, True)
    assert mailbox.messages(app) == []


@pytest.mark.asvs("7.5.1")
@pytest.mark.usefixtures("never_idle")
def test_an_old_login_enters_the_password_before_the_form(client: FlaskClient, wait: Wait) -> None:
    wait(email_change.RECENT * 60 + 1)
    answer = client.get(PAGE, headers=OWN)
    assert_leads_to(answer, f"{routes.path_of(tokens.REAUTHENTICATION_PAGE)}?next={PAGE}")
    assert send(client, CHANGE, email=NEW).status_code == 303


def test_no_page_changes_it_without_the_csrf_token(app: Flask, client: FlaskClient) -> None:
    assert post(client, CHANGE, email=NEW).status_code == 403
    assert mailbox.messages(app) == []
