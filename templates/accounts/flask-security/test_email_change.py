"""A new address: who shows that they read its mails, and who learns of it."""

from functools import partial

import pytest
from flask import Flask
from flask.testing import FlaskClient
from limits import parse
from werkzeug.test import TestResponse

from app.accounts import pending
from app.accounts.links.email_change import LIFETIME, RECENT
from app.accounts.pending import MAX_FAILURES
from app.security.view_options import options_of
from tests import routes
from tests.accounts.conftest import AssertAlike, Mails
from tests.accounts.ended_logins import while_logins_end
from tests.accounts.people import (
    ADDRESS,
    CHANGE_EMAIL,
    OWN_FORM,
    RESET,
    STRONG,
    Headers,
    away,
    create_user,
    give_address,
    headers_of,
    link_in,
)
from tests.accounts.test_login import set_password
from tests.conftest import (
    LOGIN,
    PASSWORD,
    USERNAME,
    Wait,
    is_logged_in,
    log_in,
    stored_user,
)

pytestmark = pytest.mark.usefixtures("unhurried")

DATA = routes.path_of("personal_data.download")
NEW_ADDRESS = "countess@example.net"
# Whose account it is.
OWNER = {"password": PASSWORD}
MINUTES = 60  # seconds


def change(client: FlaskClient, credentials: Headers, email: str = NEW_ADDRESS) -> TestResponse:
    return client.post(CHANGE_EMAIL, json={"email": email}, headers=credentials)


@pytest.fixture
def link(client: FlaskClient, credentials: Headers, address: str, mails: Mails) -> str:
    """The link that goes to the new address."""
    answer = change(client, credentials)
    assert answer.status_code == 200
    assert answer.cache_control.no_store
    [message] = mails(NEW_ADDRESS)
    return link_in(message)


def address_of(client: FlaskClient, credentials: Headers) -> str | None:
    address: str | None = client.get(routes.ME, headers=credentials).get_json()["email"]
    return address


def test_the_link_in_the_mail_changes_the_address(
    app: Flask, client: FlaskClient, credentials: Headers, link: str, mails: Mails
) -> None:
    assert address_of(client, credentials) == ADDRESS
    # Also where the mail is read on another device.
    elsewhere = app.test_client()
    answer = elsewhere.post(link, json=OWNER)
    assert (answer.status_code, answer.get_json()) == (200, {"username": USERNAME})
    assert "Set-Cookie" not in answer.headers
    assert address_of(client, credentials) == NEW_ADDRESS
    assert is_logged_in(elsewhere, log_in(elsewhere, username=NEW_ADDRESS))
    assert elsewhere.post(routes.LOGIN, json={**LOGIN, "username": ADDRESS}).status_code == 401


@pytest.mark.asvs("6.3.7")
def test_the_old_address_learns_of_the_request_and_of_the_change(
    client: FlaskClient, credentials: Headers, address: str, mails: Mails
) -> None:
    change(client, credentials)
    link_mail, notice = mails()
    assert (link_mail["To"], notice["To"]) == (NEW_ADDRESS, ADDRESS)
    client.post(link_in(link_mail), json=OWNER)
    [notice] = mails()
    assert notice["To"] == ADDRESS


def test_the_page_of_the_link_changes_it_too(
    client: FlaskClient, credentials: Headers, link: str
) -> None:
    stranger = client.application.test_client()
    page = stranger.get(link).text
    # So that the reader of the mail sees which account it is.
    assert USERNAME in page
    assert NEW_ADDRESS in page
    for password, status in (("", 422), (STRONG, 422), (PASSWORD, 200)):
        answer = stranger.post(link, data={"password": password}, headers=OWN_FORM)
        assert answer.status_code == status
        assert "Set-Cookie" not in answer.headers
    assert address_of(client, credentials) == NEW_ADDRESS


@pytest.mark.asvs("6.4.1")
def test_who_reads_the_new_address_connects_it_to_no_account_of_somebody_else(
    app: Flask, client: FlaskClient, credentials: Headers, link: str
) -> None:
    """Otherwise a stranger asks for their address, and keeps a login to what they think theirs."""
    create_user(app, "grace")
    grace = app.test_client()
    others = log_in(grace, username="grace")
    for reader, headers in ((app.test_client(), {}), (grace, others)):
        assert reader.post(link, json={}, headers=headers).status_code in (401, 403)
        assert reader.post(link, json={"password": STRONG}, headers=headers).status_code == 403
    assert address_of(client, credentials) == ADDRESS


def test_a_recent_login_to_the_account_replaces_its_password(
    client: FlaskClient, credentials: Headers, link: str, clock: Wait
) -> None:
    """People who log in by passkey may not know it."""
    clock(RECENT * MINUTES + 1)
    assert client.post(link, json={}, headers=credentials).status_code == 401
    assert client.post(link, json={}, headers=log_in(client)).status_code == 200


@pytest.mark.asvs("6.3.1")
def test_a_few_wrong_passwords_end_the_link(app: Flask, link: str) -> None:
    stranger = app.test_client()
    tried = [stranger.post(link, json={"password": STRONG}) for _ in range(MAX_FAILURES)]
    assert {answer.status_code for answer in tried} == {403}
    assert stranger.post(link, json=OWNER).status_code == 404


@pytest.mark.asvs("6.3.1")
def test_wrong_passwords_count_as_those_of_a_password_change(
    app: Flask, client: FlaskClient, credentials: Headers, mails: Mails
) -> None:
    app.config["LOGIN_RATE_LIMIT"] = "1 per minute"
    change(client, credentials)
    link = link_in(mails(NEW_ADDRESS)[0])
    assert client.post(link, json={"password": STRONG}).status_code == 403
    assert client.post(link, json=OWNER).status_code == 429
    body = {"current_password": PASSWORD, "new_password": STRONG}
    assert client.post(routes.PASSWORD, json=body, headers=credentials).status_code == 429


@pytest.mark.asvs("3.5.3")
def test_to_open_the_link_changes_nothing(
    client: FlaskClient, credentials: Headers, link: str
) -> None:
    for _ in range(2):
        assert client.get(link).status_code == 200
    assert address_of(client, credentials) == ADDRESS


def test_the_link_serves_once_and_for_an_hour(
    client: FlaskClient, link: str, mails: Mails, clock: Wait
) -> None:
    assert client.post(link, json=OWNER).status_code == 200
    assert client.post(link, json=OWNER).status_code == 404
    mails()
    change(client, log_in(client), "third@example.net")
    link = link_in(mails("third@example.net")[0])
    clock(LIFETIME)
    assert client.post(link, json=OWNER).status_code == 404


@pytest.mark.asvs("7.5.1")
@pytest.mark.usefixtures("never_idle")
def test_it_needs_a_recent_login(
    app: Flask, client: FlaskClient, credentials: Headers, mails: Mails, clock: Wait
) -> None:
    clock(5 * MINUTES + 1)
    assert change(client, credentials).status_code == 401
    assert change(app.test_client(), {}).status_code == 401
    path = routes.path_of("login.reauthenticate")
    again = client.post(path, json={"password": PASSWORD}, headers=credentials)
    assert change(client, headers_of(again)).status_code == 200


@pytest.mark.asvs("6.3.8")
def test_nothing_tells_whether_another_account_has_the_address(
    app: Flask, client: FlaskClient, credentials: Headers, assert_alike: AssertAlike
) -> None:
    create_user(app, "grace", "grace@example.org")
    tries = [NEW_ADDRESS, "grace@example.org", "GRACE@example.org"]
    assert_alike([partial(change, client, credentials, email) for email in tries])
    # The list of pending changes is the same, too.
    data = client.get(DATA, headers=credentials).get_json()
    assert sorted(set(data["unconfirmed_emails"])) == sorted(tries)


def test_one_client_asks_for_only_so_many(client: FlaskClient, credentials: Headers) -> None:
    view = client.application.view_functions["email_change.change"]
    limit = parse(options_of(view, "POST").limited or "").amount
    several = [change(client, credentials) for _ in range(limit + 1)]
    assert [answer.status_code for answer in several] == [200] * limit + [429]


def test_the_address_of_another_account_stays_theirs(
    app: Flask, client: FlaskClient, credentials: Headers, mails: Mails
) -> None:
    create_user(app, "grace", "grace@example.org")
    change(client, credentials, "Grace@Example.org")
    [notice] = mails("grace@example.org")
    with pytest.raises(ValueError, match="unpack"):
        link_in(notice)


def test_an_address_that_was_taken_in_the_meantime_is_not_given(
    app: Flask, client: FlaskClient, credentials: Headers, link: str
) -> None:
    create_user(app, "grace", NEW_ADDRESS.upper())
    answer = client.post(link, json=OWNER)
    assert answer.status_code == 404
    assert address_of(client, credentials) == ADDRESS


def test_a_change_of_the_password_ends_the_link(app: Flask, client: FlaskClient, link: str) -> None:
    """Also a link that a thief asked for before the owner noticed."""
    set_password(app, STRONG)
    assert client.get(link).status_code == 404
    assert client.post(link, json=OWNER).status_code == 404


@pytest.mark.parametrize("ends", ["the user", "logout", "disable"])
@pytest.mark.asvs("7.4.2", "7.4.3")
def test_the_end_of_all_logins_ends_the_link(
    app: Flask, client: FlaskClient, credentials: Headers, link: str, ends: str
) -> None:
    """A thief who was logged in as the user may have asked for it."""
    if ends == "the user":
        path = routes.path_of("sessions.end_others")
        assert client.delete(path, headers=credentials).status_code == 204
    else:
        for command in (ends, "enable"):
            result = app.test_cli_runner().invoke(args=["user", command, USERNAME])
            assert result.exit_code == 0
    assert client.get(link).status_code == 404
    assert client.post(link, json=OWNER).status_code == 404


def test_a_new_address_ends_the_links_to_the_old_one(
    client: FlaskClient, link: str, mails: Mails
) -> None:
    client.post(RESET, json={"email": ADDRESS})
    reset = link_in(mails(ADDRESS)[-1])
    assert client.post(link, json=OWNER).status_code == 200
    assert client.post(reset, json={"password": STRONG}).status_code == 404


def test_a_user_without_an_address_gets_one_in_the_same_way(
    app: Flask, client: FlaskClient, credentials: Headers, mails: Mails
) -> None:
    give_address(app, None)
    change(client, credentials)
    [message] = mails()
    assert client.post(link_in(message), json=OWNER).status_code == 200
    assert mails() == []
    assert address_of(client, credentials) == NEW_ADDRESS


def test_the_link_of_a_user_who_is_disabled_in_the_meantime_serves_nothing(
    app: Flask, client: FlaskClient, link: str
) -> None:
    with stored_user(app) as user:
        user.disabled = True
    assert client.post(link, json=OWNER).status_code == 404


def test_the_link_is_of_public_url_whatever_host_was_asked_for(
    app: Flask, client: FlaskClient, mails: Mails, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "PUBLIC_URL", "http://localhost")
    elsewhere = {"base_url": "http://127.0.0.1"}
    credentials = headers_of(client.post(routes.LOGIN, json=LOGIN, **elsewhere))
    body = {"email": NEW_ADDRESS}
    client.post(CHANGE_EMAIL, json=body, headers=credentials, **elsewhere)
    [message] = mails(NEW_ADDRESS)
    assert link_in(message).startswith("http://localhost/")


@pytest.mark.asvs("16.5.3")
def test_the_address_and_what_follows_change_together_or_not_at_all(
    client: FlaskClient, credentials: Headers, link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(pending, "end_all", away)
        assert client.post(link, json=OWNER).status_code == 503
    assert address_of(client, credentials) == ADDRESS
    assert client.post(link, json=OWNER).status_code == 200


@pytest.mark.asvs("7.4.3")
def test_a_login_that_ended_meanwhile_asks_for_no_change(
    app: Flask, client: FlaskClient, credentials: Headers, address: str, mails: Mails
) -> None:
    body = {"email": NEW_ADDRESS}
    assert while_logins_end(app, client, CHANGE_EMAIL, body, credentials).status_code == 401
    assert mails() == []
