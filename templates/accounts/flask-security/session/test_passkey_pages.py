"""The page of passkeys, as far as it goes without a browser: list, delete, and refusals."""

from datetime import datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.auth import tokens, users
from app.auth.factors import Passkey
from tests import routes
from tests.accounts.page_helpers import send
from tests.accounts.test_login_pages import OWN, assert_leads_to, post
from tests.conftest import PASSWORD, MakeApp, Wait, log_in, stored_user, without_error_pages

PAGE, DELETE = routes.path_of("passkey_pages.show"), routes.path_of("passkeys.wan_delete")
BOB = "bob"
NAME = "Ada's <b>phone</b>"


def passkey(name: str, usage: str = "first") -> Passkey:
    return Passkey(
        name=name,
        credential_id=name.encode(),
        public_key=b"key",
        sign_count=0,
        usage=usage,
        backup_state=False,
        device_type="single_device",
        extensions="{}",
        lastuse_datetime=datetime(2027, 1, 31, 12, 30),
    )


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """An app with two users, each with a passkey."""
    app = without_error_pages(make_app())
    with app.app_context():
        users.create(BOB, PASSWORD)
    for name, key in ((None, NAME), (BOB, "Bob's phone")):
        with stored_user(app, *filter(None, [name])) as user:
            user.webauthn.append(passkey(key))
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    client = app.test_client()
    log_in(client)
    return client


def names(app: Flask, *who: str) -> list[str]:
    with stored_user(app, *who) as user:
        return [each.name for each in user.webauthn]


def test_it_lists_own_passkeys_and_nobody_elses(client: FlaskClient) -> None:
    page = client.get(PAGE).text
    assert "Ada&#39;s &lt;b&gt;phone" in page
    assert "<b>phone" not in page
    assert "2027-01-31 12:30 UTC" in page
    assert "Bob" not in page


def test_a_passkey_is_deleted(app: Flask, client: FlaskClient) -> None:
    log_in(other := app.test_client())
    assert_leads_to(send(client, DELETE, name=NAME), PAGE)
    assert (names(app), names(app, BOB)) == ([], ["Bob's phone"])
    # Other logins end with each change of factors.
    assert_leads_to(
        other.get(PAGE, headers=OWN), f"{routes.path_of(tokens.LOGIN_PAGE)}?next={PAGE}"
    )


def test_nobody_deletes_the_passkey_of_another_user(app: Flask, client: FlaskClient) -> None:
    assert send(client, DELETE, name="Bob's phone").status_code == 404
    assert send(client, DELETE, name="").status_code == 404
    assert post(client, DELETE, name=NAME).status_code == 403
    assert (names(app), names(app, BOB)) == ([NAME], ["Bob's phone"])


@pytest.mark.asvs("7.5.1")
@pytest.mark.usefixtures("never_idle")
def test_an_old_login_proves_first_who_it_is(app: Flask, client: FlaskClient, wait: Wait) -> None:
    again = routes.path_of(tokens.REAUTHENTICATION_PAGE)
    wait(5 * 60 + 1)
    assert_leads_to(client.get(PAGE, headers=OWN), f"{again}?next={PAGE}")
    assert_leads_to(send(client, DELETE, name=NAME), again)
    assert names(app) == [NAME]
    # With a passkey or the password, unless you deleted that part of the page.
    if "_reauthentication_passkey.html" in app.jinja_env.list_templates():
        assert routes.path_of("security.wan_verify") in client.get(again).text


def test_password_managers_find_the_page(client: FlaskClient) -> None:
    answer = client.get("/.well-known/passkey-endpoints")
    assert answer.status_code == 200, (
        "Password managers look for /.well-known/passkey-endpoints at exactly this address: where "
        "the blueprint of its pages has a url_prefix, give this route a blueprint without one."
    )
    assert answer.get_json() == {
        "enroll": f"http://localhost{PAGE}",
        "manage": f"http://localhost{PAGE}",
    }
