"""Passkeys: who gets in by one, and that nothing but a true answer to a new challenge counts."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from webauthn.helpers import bytes_to_base64url, encode_cbor
from werkzeug.test import TestResponse

from app.accounts import pending
from app.accounts.factors import passkeys
from app.auth import grants, tokens
from app.auth.factors import Passkey
from app.auth.grants import Grant
from app.db import db
from tests import routes
from tests.accounts import people
from tests.accounts.people import (
    PASSKEYS,
    WAN_DELETE,
    WAN_REGISTER,
    WAN_SIGNIN,
    WAN_VERIFY,
    Authenticator,
    Headers,
    add_passkey,
    answer_challenge,
    away,
    begin_login,
    create_user,
    headers_of,
    log_in_by_passkey,
    send_credential,
)
from tests.conftest import LOGIN, USERNAME, MakeApp, Wait, is_logged_in, log_in, stored_user

pytestmark = pytest.mark.usefixtures("unhurried")

AT_ONCE = 8
MINUTES = 60  # seconds
OTHER = "grace"


@pytest.fixture
def passkey(client: FlaskClient, credentials: Headers) -> Authenticator:
    """The user's passkey, which replaces the password."""
    return add_passkey(client, credentials)


@pytest.fixture
def key(client: FlaskClient, credentials: Headers) -> Authenticator:
    """The user's security key, which follows the password."""
    return add_passkey(client, credentials, name="key", usage="secondary")


@pytest.fixture
def others(app: Flask) -> tuple[FlaskClient, Headers]:
    """Another user, logged in."""
    create_user(app, OTHER)
    client = app.test_client()
    return client, log_in(client, username=OTHER)


def challenge(client: FlaskClient, **half: str) -> TestResponse:
    return client.post(WAN_SIGNIN, json=half)


def name_of(client: FlaskClient, answer: TestResponse) -> str:
    return str(client.get(routes.ME, headers=headers_of(answer)).get_json()["username"])


def names(client: FlaskClient, credentials: Headers) -> list[str]:
    shown = client.get(PASSKEYS, headers=credentials).get_json()["passkeys"]
    return [each["name"] for each in shown]


def assert_refused(answer: TestResponse, status: int = 401) -> None:
    assert (answer.status_code, '"token"' in answer.text) == (status, False)
    assert "Set-Cookie" not in answer.headers


@pytest.mark.asvs("6.3.3")
def test_a_passkey_logs_its_user_in_without_a_password(
    app: Flask, passkey: Authenticator, stranger: FlaskClient
) -> None:
    begun = challenge(stranger)
    assert begun.cache_control.no_store
    # Nobody is asked for a name, so nobody learns which passkeys a user has.
    options = begun.get_json()["credential_options"]
    assert not options.get("allowCredentials")
    assert options["userVerification"] == "required"
    for _ in range(2):
        answer = log_in_by_passkey(stranger, passkey)
        assert answer.cache_control.no_store
        assert answer.get_json().keys() <= {"token", "token_type", "expires_in", "refresh_token"}
        assert name_of(stranger, answer) == USERNAME


def test_a_passkey_that_replaces_the_password_leaves_the_password_as_it_is(
    passkey: Authenticator, stranger: FlaskClient
) -> None:
    assert is_logged_in(stranger, log_in(stranger))


@pytest.mark.asvs("6.3.3")
def test_a_security_key_follows_the_password_and_opens_nothing_alone(
    key: Authenticator, stranger: FlaskClient
) -> None:
    assert_refused(log_in_by_passkey(stranger, key))
    half = begin_login(stranger)
    # A second factor need not know who touches it.
    key.verifies_user = False
    assert name_of(stranger, log_in_by_passkey(stranger, key, **half)) == USERNAME


def test_a_passkey_in_place_of_the_password_is_no_second_factor(
    passkey: Authenticator, key: Authenticator, stranger: FlaskClient
) -> None:
    half = begin_login(stranger)
    assert_refused(log_in_by_passkey(stranger, passkey, **half))


@pytest.mark.asvs("6.3.3")
def test_the_security_key_of_one_user_completes_no_login_of_another(
    key: Authenticator, others: tuple[FlaskClient, Headers], stranger: FlaskClient
) -> None:
    """Whoever found a key would otherwise log in as its owner, by a password of their own."""
    add_passkey(*others, name="own", usage="secondary")
    half = begin_login(stranger, username=OTHER)
    assert_refused(log_in_by_passkey(stranger, key, **half))


@pytest.mark.asvs("6.3.3")
def test_no_challenge_of_another_step_spares_the_check_of_who_holds_the_passkey(
    client: FlaskClient,
    passkey: Authenticator,
    others: tuple[FlaskClient, Headers],
    stranger: FlaskClient,
) -> None:
    passkey.verifies_user = False
    assert_refused(log_in_by_passkey(stranger, passkey))
    client, credentials = others
    add_passkey(client, credentials, usage="secondary")
    credentials = headers_of(client.post(people.REAUTHENTICATE, json=again(), headers=credentials))
    body = {"name": "next", "usage": "secondary"}
    for begun in (
        client.post(WAN_VERIFY, json={}, headers=credentials),
        client.post(WAN_REGISTER, json=body, headers=credentials),
        challenge(client, **begin_login(client, username=OTHER)),
    ):
        assert_refused(answer_challenge(stranger, WAN_SIGNIN, begun, passkey))


def again() -> dict[str, str]:
    return {"password": LOGIN["password"]}


@pytest.mark.asvs("6.7.2")
def test_each_challenge_is_new_and_long(client: FlaskClient, credentials: Headers) -> None:
    begun = [challenge(client) for _ in range(3)]
    made = {each.get_json()["credential_options"]["challenge"] for each in begun}
    assert len(made) == 3
    assert all(len(each) * 6 >= 128 for each in made)


def test_an_answer_that_was_used_is_not_used_again(
    app: Flask, passkey: Authenticator, stranger: FlaskClient
) -> None:
    begun = challenge(stranger)
    answer = passkey.get(begun.get_json()["credential_options"])
    assert send_credential(stranger, WAN_SIGNIN, begun, answer).status_code == 200
    thief = app.test_client()
    assert_refused(send_credential(thief, WAN_SIGNIN, begun, answer))
    assert_refused(send_credential(thief, WAN_SIGNIN, challenge(thief), answer))
    # Nor a new answer to the same challenge.
    assert_refused(answer_challenge(thief, WAN_SIGNIN, begun, passkey))


def test_eight_requests_with_one_answer_log_in_once(file_app: Flask) -> None:
    client = file_app.test_client()
    passkey = add_passkey(client, log_in(client))
    begun = challenge(client)
    answer = passkey.get(begun.get_json()["credential_options"])

    def send(client: FlaskClient) -> int:
        return send_credential(client, WAN_SIGNIN, begun, answer).status_code

    clients = [file_app.test_client() for _ in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        assert list(threads.map(send, clients)).count(200) == 1


def test_a_copied_passkey_whose_counter_stands_behind_is_refused(
    passkey: Authenticator, stranger: FlaskClient
) -> None:
    passkey.count = 7
    assert log_in_by_passkey(stranger, passkey).status_code == 200
    for behind in (0, 5, 7):
        passkey.count = behind
        assert_refused(log_in_by_passkey(stranger, passkey))
    passkey.count = 8
    assert log_in_by_passkey(stranger, passkey).status_code == 200


def test_a_passkey_works_at_this_site_alone(
    passkey: Authenticator, client: FlaskClient, credentials: Headers, stranger: FlaskClient
) -> None:
    origins = ["https://localhost", "http://localhost:8000", "http://evil.example", "null", ""]
    wrong = [("origin", origin) for origin in origins]
    wrong += [("rp_id", name) for name in ("evil.example", "www.localhost", "")]
    for attribute, value in wrong:
        true = getattr(passkey, attribute)
        setattr(passkey, attribute, value)
        assert_refused(log_in_by_passkey(stranger, passkey))
        setattr(passkey, attribute, true)
        added = Authenticator()
        setattr(added, attribute, value)
        begun = client.post(WAN_REGISTER, json={"name": "copy"}, headers=credentials)
        answer = answer_challenge(client, WAN_REGISTER, begun, added, credentials)
        assert (value, answer.status_code) == (value, 400)
    assert log_in_by_passkey(stranger, passkey).status_code == 200


def test_the_passkeys_are_those_of_public_url_whatever_host_is_asked_for(
    make_app: MakeApp,
) -> None:
    settings = {"trusted_hosts": ["localhost", "evil.localhost"], "public_url": "http://localhost"}
    client = make_app(**settings).test_client()
    elsewhere = {"base_url": "http://evil.localhost"}
    assert challenge(client).get_json()["credential_options"]["rpId"] == "localhost"
    for path in (WAN_SIGNIN, f"{WAN_SIGNIN}/x"):
        answer = client.post(path, json={"credential": "{}"} if "x" in path else {}, **elsewhere)
        assert answer.status_code == 400
        assert "wan_state" not in answer.text


def test_an_unknown_passkey_a_wrong_signature_and_another_handle_get_one_answer(
    passkey: Authenticator, stranger: FlaskClient
) -> None:
    unknown, forged, handle = Authenticator(), Authenticator(), Authenticator()
    unknown.user_handle = forged.user_handle = passkey.user_handle
    forged.id = handle.id = passkey.id
    handle.key, handle.user_handle = passkey.key, b"somebody else"
    answers = [log_in_by_passkey(stranger, wrong) for wrong in (unknown, forged, handle)]
    for answer in answers:
        assert_refused(answer)
    assert len({answer.text for answer in answers}) == 1


def test_an_old_challenge_is_not_answered(
    passkey: Authenticator, stranger: FlaskClient, clock: Wait
) -> None:
    begun = challenge(stranger)
    clock(5 * MINUTES + 1)
    assert_refused(answer_challenge(stranger, WAN_SIGNIN, begun, passkey))


def test_a_disabled_user_gets_in_by_no_passkey(
    app: Flask, passkey: Authenticator, key: Authenticator, stranger: FlaskClient
) -> None:
    half = begin_login(stranger)
    with stored_user(app) as user:
        user.disabled = True
    assert_refused(log_in_by_passkey(stranger, passkey))
    assert_refused(log_in_by_passkey(stranger, key, **half))
    with app.app_context():
        assert {each.sign_count for each in db.session.scalars(select(Passkey))} == {0}


def test_an_old_challenge_adds_no_passkey(
    client: FlaskClient, credentials: Headers, clock: Wait
) -> None:
    begun = client.post(WAN_REGISTER, json={"name": "late"}, headers=credentials)
    clock(passkeys.CEREMONY + 1)
    recent = log_in(client)
    answer = answer_challenge(client, WAN_REGISTER, begun, Authenticator(), headers=recent)
    assert_refused(answer, 400)


@pytest.mark.asvs("7.5.1")
def test_a_passkey_makes_an_old_login_recent(
    client: FlaskClient, credentials: Headers, passkey: Authenticator
) -> None:
    with client.application.app_context():
        # By the row, since a signed token may not live long enough.
        db.session.execute(update(Grant).values(issued=Grant.issued - 10 * MINUTES))
        db.session.commit()
    new = {"name": "laptop", "usage": "first"}
    assert client.post(WAN_REGISTER, json=new, headers=credentials).status_code == 401
    begun = client.post(WAN_VERIFY, json={}, headers=credentials)
    answer = answer_challenge(client, WAN_VERIFY, begun, passkey, credentials)
    fresh = headers_of(answer)
    assert client.post(WAN_REGISTER, json=new, headers=fresh).status_code == 200
    # In the place of the login that was there.
    assert len(client.get(routes.SESSIONS, headers=fresh).get_json()["sessions"]) == 1


@pytest.mark.asvs("7.5.1")
def test_only_a_passkey_of_ones_own_makes_a_login_recent(
    passkey: Authenticator, others: tuple[FlaskClient, Headers]
) -> None:
    """Neither user has an address, by which the library compares them."""
    client, credentials = others
    begun = client.post(WAN_VERIFY, json={}, headers=credentials)
    assert_refused(answer_challenge(client, WAN_VERIFY, begun, passkey, credentials))
    assert_refused(client.post(f"{WAN_VERIFY}/x", json={"credential": "{}"}, headers=credentials))


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
        broken.setattr(grants, "end_all", away)
        added = answer_challenge(client, WAN_REGISTER, begun, Authenticator(), credentials)
        deleted = client.post(WAN_DELETE, json={"name": "phone"}, headers=credentials)
    assert (added.status_code, deleted.status_code) == (503, 503)
    assert names(client, credentials) == ["phone"]


def test_a_login_that_fails_counts_no_use(
    app: Flask, passkey: Authenticator, stranger: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(tokens, "issue", away)
        assert log_in_by_passkey(stranger, passkey).status_code == 503
    with app.app_context():
        assert db.session.scalars(select(Passkey.sign_count)).all() == [0]
    assert log_in_by_passkey(stranger, passkey).status_code == 200


def test_odd_credentials_are_refused_and_break_nothing(
    client: FlaskClient,
    credentials: Headers,
    passkey: Authenticator,
    monkeypatch: pytest.MonkeyPatch,
    subtests: pytest.Subtests,
) -> None:
    """Also where each part of a good one is replaced by something else."""
    # So that each is an answer to the same challenge.
    monkeypatch.setattr(pending, "use_once", lambda text, lifetime: True)
    for path in (WAN_SIGNIN, WAN_VERIFY, WAN_REGISTER):
        body = {"name": "odd"} if path == WAN_REGISTER else {}
        begun = client.post(path, json=body, headers=credentials)
        options = begun.get_json()["credential_options"]
        good = Authenticator().create(options) if path == WAN_REGISTER else passkey.get(options)
        with subtests.test(path):
            for odd in odd_credentials(json.loads(good)):
                answer = send_credential(client, path, begun, odd, credentials)
                assert (odd[:120], answer.status_code in (400, 401)) == (odd[:120], True)
    assert names(client, credentials) == ["phone"]


def odd_credentials(good: dict[str, Any]) -> list[str]:
    odd: list[Any] = [[], 1, None, "x", {}, {"response": None}]
    values: list[Any] = [None, [], "\u20ac", "AAAA"]
    odd += [{**good, name: value} for name in good for value in values]
    odd += [
        {**good, "response": {**good["response"], name: value}}
        for name in good["response"]
        # Without a handle the passkey itself says who it is of.
        for value in (values if name != "userHandle" else values[2:])
    ]
    attestations: list[Any] = [
        [],
        {},
        {"fmt": "none"},
        {"fmt": "x", "attStmt": {}, "authData": b"x" * 80},
    ]
    attestations += [
        {"fmt": "none", "attStmt": {}, "authData": data} for data in (b"", b"\xff" * 99)
    ]
    for attestation in attestations if "attestationObject" in good["response"] else []:
        encoded = bytes_to_base64url(encode_cbor(attestation))
        odd.append({**good, "response": {**good["response"], "attestationObject": encoded}})
    deep = "[" * 4000 + "]" * 4000
    return [*map(json.dumps, odd), "", "{", deep, '{"id": ' + deep + "}", '{"id": "a", "id": "b"}']
