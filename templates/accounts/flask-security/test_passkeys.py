"""One's own passkeys: who lists, adds and deletes them."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.auth import logins
from tests import routes
from tests.accounts.factors.software_passkeys import (
    WAN_DELETE,
    WAN_REGISTER,
    WAN_SIGNIN,
    WAN_VERIFY,
    Authenticator,
    add_passkey,
    answer_challenge,
    assert_refused,
    log_in_by_passkey,
    names,
    send_credential,
)
from tests.accounts.people import Headers, away
from tests.conftest import Wait

pytestmark = pytest.mark.usefixtures("unhurried")

MINUTES = 60  # seconds


def test_the_challenge_of_a_login_adds_no_passkey(
    client: FlaskClient, credentials: Headers, passkey: Authenticator
) -> None:
    begun = client.post(WAN_REGISTER, json={"name": "next"}, headers=credentials)
    made = Authenticator().create(begun.get_json()["credential_options"])
    for path in (WAN_SIGNIN, WAN_VERIFY):
        login = client.post(path, json={}, headers=credentials)
        answer = send_credential(client, WAN_REGISTER, login, made, credentials)
        assert answer.status_code == 400
    assert names(client, credentials) == ["phone"]


@pytest.mark.asvs("6.5.6")
def test_passkeys_are_listed_added_and_deleted_by_their_owner(
    client: FlaskClient, credentials: Headers, passkey: Authenticator, stranger: FlaskClient
) -> None:
    add_passkey(client, credentials, name="laptop")
    assert sorted(names(client, credentials)) == ["laptop", "phone"]
    answer = client.post(WAN_DELETE, json={"name": "phone"}, headers=credentials)
    assert answer.status_code == 200
    assert names(client, credentials) == ["laptop"]
    assert_refused(log_in_by_passkey(stranger, passkey))


def test_a_user_neither_sees_nor_deletes_the_passkeys_of_another(
    passkey: Authenticator, others: tuple[FlaskClient, Headers], stranger: FlaskClient
) -> None:
    client, credentials = others
    assert names(client, credentials) == []
    answer = client.post(WAN_DELETE, json={"name": "phone"}, headers=credentials)
    assert answer.status_code == 404
    assert log_in_by_passkey(stranger, passkey).status_code == 200


def test_no_passkey_is_added_twice_or_by_the_name_of_another(
    client: FlaskClient, credentials: Headers, passkey: Authenticator, others: Any
) -> None:
    body = {"name": "phone", "usage": "first"}
    assert client.post(WAN_REGISTER, json=body, headers=credentials).status_code == 400
    # The key of a passkey that is there, for another user.
    client, credentials = others
    begun = client.post(WAN_REGISTER, json=body, headers=credentials)
    answer = answer_challenge(client, WAN_REGISTER, begun, passkey, credentials)
    assert answer.status_code == 400
    assert names(client, credentials) == []


def test_a_passkey_in_place_of_the_password_is_added_only_with_a_check_of_who_holds_it(
    client: FlaskClient, credentials: Headers
) -> None:
    careless = Authenticator()
    careless.verifies_user = False
    body = {"name": "phone", "usage": "first"}
    begun = client.post(WAN_REGISTER, json=body, headers=credentials)
    assert begun.get_json()["credential_options"]["authenticatorSelection"] == {
        "residentKey": "required",
        "requireResidentKey": True,
        "userVerification": "required",
    }
    answer = answer_challenge(client, WAN_REGISTER, begun, careless, credentials)
    assert answer.status_code == 400
    assert names(client, credentials) == []


@pytest.mark.asvs("7.5.1")
def test_passkeys_are_changed_by_a_recent_login_alone(
    app: Flask, client: FlaskClient, credentials: Headers, passkey: Authenticator, clock: Wait
) -> None:
    begun = client.post(WAN_REGISTER, json={"name": "next"}, headers=credentials)
    clock(5 * MINUTES - 1)
    client.get(routes.ME, headers=credentials)
    clock(2)
    made = Authenticator().create(begun.get_json()["credential_options"])
    tries: list[tuple[str, dict[str, str]]] = [
        (WAN_REGISTER, {"name": "thief"}),
        (f"{WAN_REGISTER}/{begun.get_json()['wan_state']}", {"credential": made}),
        (WAN_DELETE, {"name": "phone"}),
    ]
    for path, body in tries:
        assert client.post(path, json=body, headers=credentials).status_code == 401
    assert names(client, credentials) == ["phone"]


def test_a_passkey_and_what_follows_change_together_or_not_at_all(
    client: FlaskClient,
    credentials: Headers,
    passkey: Authenticator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun = client.post(WAN_REGISTER, json={"name": "laptop"}, headers=credentials)
    with monkeypatch.context() as broken:
        broken.setattr(logins, "end_all", away)
        added = answer_challenge(client, WAN_REGISTER, begun, Authenticator(), credentials)
        deleted = client.post(WAN_DELETE, json={"name": "phone"}, headers=credentials)
    assert (added.status_code, deleted.status_code) == (503, 503)
    assert names(client, credentials) == ["phone"]
