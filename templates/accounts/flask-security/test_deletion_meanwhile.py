"""A request whose user deletes the account meanwhile is answered as one without a login.

If the request has begun to write, the deletion waits for it.
"""

import os

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.accounts.links import recovery
from tests import routes
from tests.accounts.conftest import Mails
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
    RECOVERY,
    RECOVERY_CODES,
    REGISTRATION,
    RESET,
    STRONG,
    Headers,
    add_app,
    add_recovery_codes,
    begin_login,
    give_address,
    link_in,
    send_code,
)
from tests.conftest import (
    PASSWORD,
    USERNAME,
    Wait,
    log_in,
    user_deleted_before,
    without_error_pages,
)

# The statement of `users.lock`, from which on a deletion waits.
LOCK = "SELECT users.id \nFROM users \nWHERE users.id ="

on_postgresql = pytest.mark.skipif(
    "TEST_DATABASE_URL" not in os.environ, reason="SQLite has one writer"
)


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
    with user_deleted_before(app, LOCK):
        answer = client.post(RECOVERY_CODES, json={}, headers=credentials)
    assert_ended(client, answer)


def test_no_passkey_is_added(app: Flask, client: FlaskClient, credentials: Headers) -> None:
    begun = client.post(WAN_REGISTER, json={"name": "phone"}, headers=credentials)
    with user_deleted_before(app, LOCK):
        answer = answer_challenge(client, WAN_REGISTER, begun, Authenticator(), credentials)
    assert_ended(client, answer)


def test_no_new_address_is_asked_for(app: Flask, client: FlaskClient, credentials: Headers) -> None:
    with user_deleted_before(app, LOCK):
        answer = client.post(
            CHANGE_EMAIL, json={"email": REGISTRATION["email"]}, headers=credentials
        )
    assert_ended(client, answer)


def test_a_passkey_logs_nobody_in(app: Flask, client: FlaskClient, credentials: Headers) -> None:
    passkey, stranger = add_passkey(client, credentials), app.test_client()
    begun = challenge(stranger)
    with user_deleted_before(app, LOCK):
        answer = answer_challenge(stranger, routes.path_of("security.wan_signin"), begun, passkey)
    assert_refused(answer)
    assert answer.get_json() == log_in_by_passkey(stranger, passkey).get_json()


@pytest.mark.asvs("6.3.8")
def test_who_asks_for_a_mailed_link_is_told_nothing(app: Flask) -> None:
    client, body = app.test_client(), {"email": ADDRESS}
    with user_deleted_before(app, "INSERT INTO pending_steps"):
        answer = client.post(RESET, json=body)
    unknown = client.post(RESET, json=body)
    assert (answer.status_code, answer.get_json()) == (200, unknown.get_json())
    assert [*answer.headers.keys()] == [*unknown.headers.keys()]


@on_postgresql
def test_a_deletion_waits_for_a_login_by_recovery_code(
    app: Flask, client: FlaskClient, credentials: Headers
) -> None:
    add_app(client, credentials)
    code, *_ = add_recovery_codes(client, credentials)
    stranger = app.test_client()
    half = begin_login(stranger)
    with user_deleted_before(app, "DELETE FROM pending_steps"):
        answer = send_code(stranger, half, code, RECOVERY)
    assert answer.status_code == 200
    assert_ended(stranger, stranger.get(routes.ME))


@on_postgresql
def test_a_deletion_waits_for_a_login_by_passkey(
    app: Flask, client: FlaskClient, credentials: Headers
) -> None:
    passkey = add_passkey(client, credentials)
    with user_deleted_before(app, "INSERT INTO grants"):
        answer = log_in_by_passkey(app.test_client(), passkey)
    assert answer.status_code == 200


@on_postgresql
@pytest.mark.parametrize(("path", "password"), [(RESET, STRONG), (CHANGE_EMAIL, PASSWORD)])
def test_a_deletion_waits_for_a_mailed_link(
    app: Flask, client: FlaskClient, credentials: Headers, mails: Mails, path: str, password: str
) -> None:
    email = ADDRESS if path == RESET else REGISTRATION["email"]
    assert client.post(path, json={"email": email}, headers=credentials).status_code == 200
    [message] = mails(email)
    with user_deleted_before(app, "UPDATE users"):
        answer = app.test_client().post(link_in(message), json={"password": password})
    assert answer.status_code == 200


@on_postgresql
def test_a_deletion_waits_for_the_end_of_all_logins(
    app: Flask, client: FlaskClient, credentials: Headers
) -> None:
    body = {"email": REGISTRATION["email"]}
    log_in(app.test_client())
    assert client.post(CHANGE_EMAIL, json=body, headers=credentials).status_code == 200
    with user_deleted_before(app, "SELECT grants.id \nFROM grants"):
        answer = client.delete(routes.path_of("sessions.end_others"), headers=credentials)
    assert answer.status_code == 204


@on_postgresql
def test_a_deletion_waits_for_an_operator_who_removes_the_factors(
    app: Flask, client: FlaskClient, credentials: Headers
) -> None:
    add_passkey(client, credentials)
    with user_deleted_before(app, "DELETE FROM passkeys"):
        result = app.test_cli_runner().invoke(args=["user", "factors", USERNAME, "--remove"])
    assert (result.exit_code, result.exception) == (0, None)


def test_expired_steps_of_a_user_are_in_the_way_of_no_deletion(app: Flask, wait: Wait) -> None:
    body = {"email": ADDRESS}
    assert app.test_client().post(RESET, json=body).status_code == 200
    wait(recovery.LIFETIME)
    with user_deleted_before(app, "INSERT INTO pending_steps"):
        assert app.test_client().post(RESET, json=body).status_code == 200
