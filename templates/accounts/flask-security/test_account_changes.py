"""What follows each change of a password, a factor or a passkey, whichever route makes it."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests import routes
from tests.accounts.conftest import Mails
from tests.accounts.factors.software_passkeys import (
    WAN_DELETE,
    WAN_REGISTER,
    Authenticator,
    add_passkey,
    answer_challenge,
)
from tests.accounts.people import (
    ADDRESS,
    RECOVERY_CODES,
    RESET,
    STRONG,
    TF_SETUP,
    TF_VALIDATE,
    TOTP_STEP,
    Headers,
    begin_login,
    begin_setup,
    code_of,
    headers_of,
    link_in,
    send_code,
)
from tests.conftest import (
    LOGIN,
    PASSWORD,
    PRODUCTION,
    Lines,
    MakeApp,
    Wait,
    give_roles,
    is_logged_in,
    log_in,
)

pytestmark = pytest.mark.usefixtures("unhurried")

Change = Callable[[FlaskClient, Headers], TestResponse]


def add_an_app(client: FlaskClient, credentials: Headers) -> TestResponse:
    secret, path = begin_setup(client, credentials)
    return client.post(path, json={"code": code_of(secret)}, headers=credentials)


def add_a_passkey(client: FlaskClient, credentials: Headers) -> TestResponse:
    begun = client.post(WAN_REGISTER, json={"name": "new"}, headers=credentials)
    return answer_challenge(client, WAN_REGISTER, begun, Authenticator(), credentials)


def delete_a_passkey(client: FlaskClient, credentials: Headers) -> TestResponse:
    add_passkey(client, credentials, name="old")
    return client.post(WAN_DELETE, json={"name": "old"}, headers=credentials)


CHANGES: dict[str, Change] = {
    "an app is added": add_an_app,
    "the app is removed": lambda client, credentials: client.post(
        TF_SETUP, json={"setup": "disable"}, headers=credentials
    ),
    "recovery codes are renewed": lambda client, credentials: client.post(
        RECOVERY_CODES, json={}, headers=credentials
    ),
    "a passkey is added": add_a_passkey,
    "a passkey is deleted": delete_a_passkey,
}


@pytest.mark.parametrize("case", CHANGES)
@pytest.mark.asvs("6.3.7", "7.4.3")
def test_other_logins_and_mailed_links_end_and_the_owner_learns_of_it(
    app: Flask, client: FlaskClient, address: str, mails: Mails, clock: Wait, case: str
) -> None:
    credentials, other = log_in(client), app.test_client()
    others = log_in(other)
    other.post(RESET, json={"email": ADDRESS})
    link = link_in(mails()[0])
    answer = CHANGES[case](client, credentials)
    assert answer.status_code == 200
    assert answer.cache_control.no_store
    assert is_logged_in(client, credentials)
    assert not is_logged_in(other, others)
    assert other.get(link).status_code == 404
    # A passkey that is deleted was added before.
    assert len(mails(ADDRESS)) == (2 if case == "a passkey is deleted" else 1)


@pytest.mark.asvs("6.3.7", "7.4.3")
def test_a_factor_that_is_set_up_at_login_ends_other_logins_too(
    app: Flask, address: str, mails: Mails, clock: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has only the password of a user whose role demands a factor could set one up."""
    monkeypatch.setitem(app.config, "SECOND_FACTOR_ROLES", ["boss"])
    client, other = app.test_client(), app.test_client()
    others = log_in(other)
    give_roles(app, "boss")
    half = begin_login(client)
    begun = client.post(TF_SETUP, json={**half, "setup": "authenticator"})
    secret = begun.get_json()["tf_authr_b32key"]
    assert is_logged_in(client, headers_of(send_code(client, half, code_of(secret))))
    assert not is_logged_in(other, others)
    assert len(mails(ADDRESS)) == 1


@pytest.mark.asvs("6.3.7")
def test_the_owner_learns_of_a_new_password(
    client: FlaskClient, credentials: Headers, address: str, mails: Mails
) -> None:
    body = {"current_password": PASSWORD, "new_password": STRONG}
    assert client.post(routes.PASSWORD, json=body, headers=credentials).status_code == 200
    assert len(mails(ADDRESS)) == 1


def test_a_change_that_is_refused_ends_nothing_and_tells_nobody(
    app: Flask, client: FlaskClient, credentials: Headers, address: str, mails: Mails, clock: Wait
) -> None:
    other = app.test_client()
    others = log_in(other)
    _, path = begin_setup(client, credentials)
    for refused in (
        client.post(path, json={"code": "000000"}, headers=credentials),
        client.post(WAN_DELETE, json={"name": "none"}, headers=credentials),
        client.post(TF_SETUP, json={"setup": "other"}, headers=credentials),
    ):
        assert refused.status_code in (400, 404)
    assert is_logged_in(other, others)
    assert mails() == []


@pytest.mark.asvs("16.3.1")
def test_the_audit_log_names_logins_by_two_factors_and_changes_of_them(
    make_app: MakeApp, lines: Lines, clock: Wait
) -> None:
    client = make_app(**PRODUCTION).test_client()
    credentials = log_in(client)
    secret, path = begin_setup(client, credentials)
    client.post(path, json={"code": code_of(secret)}, headers=credentials)
    clock(TOTP_STEP)
    answer = client.post(routes.LOGIN, json=LOGIN)
    half = {"tf_token": answer.get_json()["tf_token"]} if "tf_token" in answer.text else {}
    for code in ("wrong", code_of(secret)):
        client.post(TF_VALIDATE, json={**half, "code": code})
    logged = lines()
    # Others log too, such as the thread that sends mail and code of yours.
    names = [str(line.get("event")) for line in logged]
    events = [name for name in names if name.startswith(("authn_", "user_"))]
    # The half login is no success yet.
    assert events == [
        "authn_login_success",
        "user_updated",
        "authn_login_fail",
        "authn_login_success",
    ]
    assert secret not in str(logged)
    assert code_of(secret) not in str(logged)
