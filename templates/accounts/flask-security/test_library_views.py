"""A login that ended while its request was under way changes no factor."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.accounts.ended_logins import while_logins_end
from tests.accounts.factors.software_passkeys import (
    WAN_DELETE,
    WAN_REGISTER,
    Authenticator,
    assert_refused,
    log_in_by_passkey,
    names,
)
from tests.accounts.people import (
    RECOVERY_CODES,
    TF_SETUP,
    Headers,
    begin_setup,
    code_of,
    headers_of,
)
from tests.conftest import is_logged_in, log_in

pytestmark = pytest.mark.usefixtures("unhurried")


@pytest.mark.asvs("7.4.3")
def test_it_adds_no_passkey(
    app: Flask, client: FlaskClient, credentials: Headers, stranger: FlaskClient
) -> None:
    begun = client.post(WAN_REGISTER, json={"name": "phone"}, headers=credentials).get_json()
    passkey, path = Authenticator(), f"{WAN_REGISTER}/{begun['wan_state']}"
    body = {"credential": passkey.create(begun["credential_options"])}
    assert_refused(while_logins_end(app, client, path, body, credentials))
    assert_refused(log_in_by_passkey(stranger, passkey))


@pytest.mark.asvs("7.4.3")
def test_it_adds_no_authenticator_app(
    app: Flask, client: FlaskClient, credentials: Headers, stranger: FlaskClient
) -> None:
    secret, path = begin_setup(client, credentials)
    assert_refused(while_logins_end(app, client, path, {"code": code_of(secret)}, credentials))
    assert is_logged_in(stranger, log_in(stranger))


@pytest.mark.asvs("7.4.3")
def test_it_removes_no_factor_and_makes_no_recovery_codes(
    app: Flask,
    secret: str,
    passkey: Authenticator,
    stranger: FlaskClient,
    subtests: pytest.Subtests,
) -> None:
    requests = {TF_SETUP: {"setup": "disable"}, WAN_DELETE: {"name": "phone"}, RECOVERY_CODES: {}}
    for path, body in requests.items():
        with subtests.test(path):
            credentials = headers_of(log_in_by_passkey(stranger, passkey))
            assert_refused(while_logins_end(app, stranger, path, body, credentials))
    assert names(stranger, headers_of(log_in_by_passkey(stranger, passkey))) == ["phone"]
