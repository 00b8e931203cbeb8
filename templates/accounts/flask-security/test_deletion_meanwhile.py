"""A request whose user deletes the account meanwhile is answered as one without a login."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests import routes
from tests.accounts.factors.software_passkeys import (
    WAN_REGISTER,
    Authenticator,
    add_passkey,
    answer_challenge,
    assert_refused,
    challenge,
    log_in_by_passkey,
)
from tests.accounts.people import (
    ADDRESS,
    CHANGE_EMAIL,
    RECOVERY_CODES,
    REGISTRATION,
    RESET,
    Headers,
    give_address,
)
from tests.conftest import user_deleted_before, without_error_pages


@pytest.fixture
def app(file_app: Flask) -> Flask:
    give_address(file_app)
    return without_error_pages(file_app)


def assert_ended(client: FlaskClient, answer: TestResponse) -> None:
    """The answer is that to somebody who is not logged in."""
    stranger = client.get(routes.ME)
    assert answer.status_code == stranger.status_code == 401
    assert answer.get_json() == stranger.get_json()


def test_no_recovery_codes_are_made(app: Flask, client: FlaskClient, credentials: Headers) -> None:
    with user_deleted_before(app, "INSERT INTO recovery_codes"):
        answer = client.post(RECOVERY_CODES, json={}, headers=credentials)
    assert_ended(client, answer)


def test_no_passkey_is_added(app: Flask, client: FlaskClient, credentials: Headers) -> None:
    begun = client.post(WAN_REGISTER, json={"name": "phone"}, headers=credentials)
    with user_deleted_before(app, "INSERT INTO passkeys"):
        answer = answer_challenge(client, WAN_REGISTER, begun, Authenticator(), credentials)
    assert_ended(client, answer)


def test_no_new_address_is_asked_for(app: Flask, client: FlaskClient, credentials: Headers) -> None:
    # The first statement that writes: afterwards SQLite lets nobody else delete the user.
    with user_deleted_before(app, "DELETE FROM pending_steps"):
        answer = client.post(
            CHANGE_EMAIL, json={"email": REGISTRATION["email"]}, headers=credentials
        )
    assert_ended(client, answer)


def test_a_passkey_logs_nobody_in(app: Flask, client: FlaskClient, credentials: Headers) -> None:
    passkey, stranger = add_passkey(client, credentials), app.test_client()
    begun = challenge(stranger)
    with user_deleted_before(app, "UPDATE passkeys"):
        answer = answer_challenge(stranger, routes.path_of("security.wan_signin"), begun, passkey)
    assert_refused(answer)
    assert answer.get_json() == log_in_by_passkey(stranger, passkey).get_json()


@pytest.mark.asvs("6.3.8")
def test_who_asks_for_a_mailed_link_is_told_nothing(app: Flask) -> None:
    client, body = app.test_client(), {"email": ADDRESS}
    with user_deleted_before(app, "DELETE FROM pending_steps"):
        answer = client.post(RESET, json=body)
    unknown = client.post(RESET, json=body)
    assert (answer.status_code, answer.get_json()) == (200, unknown.get_json())
    assert [*answer.headers.keys()] == [*unknown.headers.keys()]
