"""Signing up by plain forms: what people see, and that strangers learn nothing."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.accounts.mail import mailbox
from app.auth.passwords import MIN_LENGTH
from tests import routes
from tests.accounts.page_helpers import mailed_links
from tests.accounts.people import REGISTRATION, RULE
from tests.accounts.test_login_pages import OWN, invalid_fields, post
from tests.conftest import (
    PASSWORD,
    USERNAME,
    MakeApp,
    is_logged_in,
    stored_user,
    without_error_pages,
)

PAGE, REGISTER = (
    routes.path_of("registration_pages.register"),
    routes.path_of("registration.register"),
)
AGAIN_PAGE, AGAIN = (
    routes.path_of("registration_pages.send_again"),
    routes.path_of("registration.send_again"),
)


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return without_error_pages(make_app(login_rate_limit="1000 per minute"))


def test_a_user_registers_confirms_and_logs_in(app: Flask, client: FlaskClient) -> None:
    assert client.get(PAGE).status_code == 200
    sent = post(client, REGISTER, **REGISTRATION)
    assert (sent.status_code, "Set-Cookie" in sent.headers) == (200, False)
    # Where development shows the mail that it does not send.
    assert routes.path_of("mailbox.show_all") in sent.text
    [link] = mailed_links(app)
    assert client.get(link).status_code == 200
    ready = post(client, link, password=REGISTRATION["password"])
    assert (ready.status_code, routes.path_of("login.page") in ready.text) == (200, True)
    # By the address as well as by the name.
    for name in (REGISTRATION["username"], REGISTRATION["email"].title()):
        guest = app.test_client()
        answer = post(guest, routes.LOGIN, username=name, password=REGISTRATION["password"])
        assert (answer.status_code, is_logged_in(guest, {})) == (303, True)


def test_a_link_is_sent_again(app: Flask, client: FlaskClient) -> None:
    post(client, REGISTER, **REGISTRATION)
    assert client.get(AGAIN_PAGE).status_code == 200
    assert post(client, AGAIN, email=f" {REGISTRATION['email']} ").status_code == 200
    first, again = mailed_links(app)
    assert first != again
    assert post(client, again, password=REGISTRATION["password"]).status_code == 200


@pytest.mark.asvs("6.2.1")
def test_what_cannot_be_used_is_said_beside_its_field(
    app: Flask, client: FlaskClient, subtests: pytest.Subtests
) -> None:
    for changes in (
        {"username": ""},
        {"username": "grace@example.org"},
        {"username": "x" * 1000},
        {"email": ""},
        {"email": "grace"},
        {"email": "grace@example.org\nBcc: me@example.org"},
        {"password": ""},
        {"password": "x" * (MIN_LENGTH - 1)},
        {"password": f"{REGISTRATION['username']} and nobody else, not even the owls"},
    ):
        with subtests.test(str(changes)):
            page = post(client, REGISTER, **{**REGISTRATION, **changes})
            assert (page.status_code, invalid_fields(page.text)) == (422, [*changes])
            assert REGISTRATION["password"] not in page.text
            assert len(RULE.findall(page.text)) == 1
    assert post(client, AGAIN, email="grace").status_code == 422
    assert mailbox.messages(app) == []


@pytest.mark.asvs("6.3.8")
def test_no_page_tells_whether_an_address_or_a_name_is_known(
    app: Flask, client: FlaskClient
) -> None:
    with stored_user(app) as user:
        user.email = "ada@example.org"
    random = re.compile(r"[A-Za-z0-9+/-]{24,}")
    for path in (REGISTER, AGAIN):
        shown = {
            random.sub("", post(client, path, **{**REGISTRATION, **changes}).text)
            for changes in ({}, {"email": "ada@example.org"}, {"username": USERNAME})
        }
        assert len(shown) == 1
    assert PASSWORD not in shown.pop()


@pytest.mark.asvs("3.5.1")
def test_no_form_of_another_site_registers_anybody(app: Flask, client: FlaskClient) -> None:
    evil = {"Origin": "https://evil.example"}
    for path in (REGISTER, AGAIN):
        assert post(client, path, evil, **REGISTRATION).status_code == 403
    assert mailbox.messages(app) == []


def test_strangers_get_no_cookie(client: FlaskClient) -> None:
    for path in (PAGE, AGAIN_PAGE):
        assert "Set-Cookie" not in client.get(path, headers=OWN).headers


def test_where_registration_is_closed_no_page_leads_to_it(make_app: MakeApp) -> None:
    client = make_app(REGISTRATION=False).test_client()
    assert [client.get(path).status_code for path in (PAGE, AGAIN_PAGE)] == [404, 404]
    assert f'href="{PAGE}"' not in client.get(routes.path_of("login.page")).text
