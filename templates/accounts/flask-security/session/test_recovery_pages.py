"""A forgotten password, replaced by plain forms."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.accounts.mail import mailbox
from tests import routes
from tests.accounts.page_helpers import mailed_links
from tests.accounts.test_login_pages import WRONG, post
from tests.conftest import (
    LOGIN,
    MakeApp,
    is_logged_in,
    log_in,
    stored_user,
    without_error_pages,
)

PAGE, FORGOT = routes.path_of("recovery_pages.forgot"), routes.path_of("recovery.forgot")
ADA = "ada@example.org"
NEW = "seven owls in a well of ink"


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    app = without_error_pages(make_app(login_rate_limit="1000 per minute"))
    with stored_user(app) as user:
        user.email = ADA
    return app


@pytest.mark.asvs("6.4.3", "7.4.3")
def test_the_mailed_link_sets_a_password_and_logs_nobody_in(
    app: Flask, client: FlaskClient
) -> None:
    log_in(old := app.test_client())
    assert client.get(PAGE).status_code == 200
    assert post(client, FORGOT, email=ADA).status_code == 200
    [link] = mailed_links(app)
    assert post(client, link, password="short").status_code == 422
    done = post(client, link, password=NEW)
    assert (done.status_code, routes.path_of("login.page") in done.text) == (200, True)
    assert [is_logged_in(each, {}) for each in (client, old)] == [False, False]
    assert post(client, routes.LOGIN, **{**LOGIN, "password": NEW}).status_code == 303
    assert post(client, link, password=WRONG).status_code == 404


@pytest.mark.asvs("6.3.8")
def test_no_page_tells_whether_an_address_is_known(app: Flask, client: FlaskClient) -> None:
    pages = [post(client, FORGOT, email=email) for email in (ADA, "nobody@example.org")]
    assert [page.status_code for page in pages] == [200, 200]
    assert [message["To"] for message in mailbox.messages(app)] == [ADA]


def test_what_is_no_address_is_said_beside_the_field(app: Flask, client: FlaskClient) -> None:
    page = post(client, FORGOT, email="ada")
    assert (page.status_code, 'aria-invalid="true"' in page.text) == (422, True)
    assert mailbox.messages(app) == []


def test_the_login_page_leads_here(client: FlaskClient) -> None:
    page = client.get(routes.path_of("login.page")).text
    for linked in (PAGE, routes.path_of("registration_pages.register")):
        assert f'href="{linked}"' in page
