"""Logins by passkey: who gets in by one, and who does not."""

from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from app.auth import tokens, users
from app.auth.factors import Passkey
from app.auth.grants import Grant
from app.db import db
from tests import routes
from tests.accounts.factors.conftest import OTHER
from tests.accounts.factors.software_passkeys import (
    WAN_REGISTER,
    WAN_SIGNIN,
    WAN_VERIFY,
    Authenticator,
    add_passkey,
    answer_challenge,
    assert_refused,
    challenge,
    log_in_by_passkey,
)
from tests.accounts.people import REAUTHENTICATE, Headers, away, begin_login, headers_of
from tests.conftest import LOGIN, USERNAME, is_logged_in, log_in, stored_user

pytestmark = pytest.mark.usefixtures("unhurried")

MINUTES = 60  # seconds


def name_of(client: FlaskClient, answer: TestResponse) -> str:
    return str(client.get(routes.ME, headers=headers_of(answer)).get_json()["username"])


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
    """A person who found a key would otherwise log in as its owner, by a password of their own."""
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
    credentials = headers_of(client.post(REAUTHENTICATE, json=again(), headers=credentials))
    body = {"name": "next", "usage": "secondary"}
    for begun in (
        client.post(WAN_VERIFY, json={}, headers=credentials),
        client.post(WAN_REGISTER, json=body, headers=credentials),
        challenge(client, **begin_login(client, username=OTHER)),
    ):
        assert_refused(answer_challenge(stranger, WAN_SIGNIN, begun, passkey))


def again() -> dict[str, str]:
    return {"password": LOGIN["password"]}


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


def test_a_user_who_is_disabled_during_the_login_does_not_get_in(
    app: Flask,
    passkey: Authenticator,
    key: Authenticator,
    stranger: FlaskClient,
    monkeypatch: pytest.MonkeyPatch,
    subtests: pytest.Subtests,
) -> None:
    lock = users.lock

    def disable(is_so: bool = True) -> None:
        with stored_user(app) as user:
            user.disabled = is_so

    def lock_late(user_id: UUID) -> bool:
        disable()
        return lock(user_id)

    for device, halves in ((passkey, 0), (key, 1)):
        half = begin_login(stranger) if halves else {}
        begun = challenge(stranger, **half), challenge(stranger, **half)
        with subtests.test("while the answer is checked", second_factor=bool(halves)):
            with monkeypatch.context() as late:
                late.setattr(users, "lock", lock_late)
                answer = answer_challenge(stranger, WAN_SIGNIN, begun[0], device, None, **half)
            assert_refused(answer)
        with subtests.test("before the answer", second_factor=bool(halves)):
            disable()
            answer = answer_challenge(stranger, WAN_SIGNIN, begun[1], device, None, **half)
            assert_refused(answer)
        disable(False)


def test_a_login_that_fails_counts_no_use(
    app: Flask, passkey: Authenticator, stranger: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(tokens, "issue", away)
        assert log_in_by_passkey(stranger, passkey).status_code == 503
    with app.app_context():
        assert db.session.scalars(select(Passkey.sign_count)).all() == [0]
    assert log_in_by_passkey(stranger, passkey).status_code == 200


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
