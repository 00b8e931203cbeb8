"""Logins by passkey alone: who gets in by one, and who does not."""

from typing import Any

import pytest
import webauthn
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import db
from secure_flask.accounts.passkeys import Passkey as Row
from sqlalchemy import delete, select

from core import routes
from views.accounts.devices import (
    WAN_REGISTER,
    WAN_SECOND,
    WAN_SIGNIN,
    WAN_VERIFY,
    Passkey,
    add_passkey,
    answer,
    assert_refused,
    challenge,
    login_of,
    use,
)
from views.accounts.people import Headers, begin_login, send
from views.conftest import (
    OWN_PAGE,
    USERNAME,
    every_token_type,
    grow_old,
    is_logged_in,
    stored_user,
)


@pytest.mark.asvs("6.3.3")
@every_token_type
def test_a_passkey_logs_its_user_in_without_a_password(
    passkey: Passkey, stranger: FlaskClient
) -> None:
    for _ in range(2):
        done = use(stranger, WAN_SIGNIN, passkey)
        assert done.cache_control.no_store
        assert done.get_json().keys() <= {"token", "token_type", "expires_in", "refresh_token"}
        me = stranger.get(routes.ME, headers=login_of(done))
        assert me.get_json()["username"] == USERNAME


@every_token_type
def test_the_script_of_a_page_gets_the_cookie_whatever_the_token_type(
    app: Flask, passkey: Passkey, stranger: FlaskClient
) -> None:
    begun = challenge(stranger, WAN_SIGNIN)
    done = answer(stranger, WAN_SIGNIN, begun, passkey, cookie=True, keep=True)
    assert (done.get_json()["token_type"], "token" in done.get_json()) == ("session", False)
    [cookie] = done.headers.getlist("Set-Cookie")
    assert f"Max-Age={app.config['KEPT_LIFETIME']};" in cookie
    assert is_logged_in(stranger)


def test_a_copied_passkey_whose_counter_stands_behind_is_refused(
    passkey: Passkey, stranger: FlaskClient
) -> None:
    for before, status in ((7, 200), (0, 401), (5, 401), (7, 401), (8, 200)):
        passkey.count = before
        assert (before, use(stranger, WAN_SIGNIN, passkey).status_code) == (before, status)


def test_a_passkey_that_several_devices_share_counts_nothing(
    passkey: Passkey, stranger: FlaskClient
) -> None:
    for _ in range(2):
        passkey.count = -1
        assert use(stranger, WAN_SIGNIN, passkey).status_code == 200


def test_an_unknown_passkey_a_wrong_signature_and_a_wrong_state_get_one_answer(
    passkey: Passkey, stranger: FlaskClient
) -> None:
    unknown, forged = Passkey(stranger), Passkey(stranger)
    forged.id = passkey.id
    made_up = {**challenge(stranger, WAN_SIGNIN), "state": "made-up"}
    answers = [use(stranger, WAN_SIGNIN, wrong) for wrong in (unknown, forged)]
    answers.append(answer(stranger, WAN_SIGNIN, made_up, passkey))
    for each in answers:
        assert_refused(each)
    assert len({each.text for each in answers}) == 1


def test_failures_are_limited_by_address(
    app: Flask, passkey: Passkey, stranger: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "LOGIN_RATE_LIMIT", "1 per minute")
    unknown = Passkey(stranger)
    statuses = [use(stranger, WAN_SIGNIN, unknown).status_code for _ in range(11)]
    assert statuses == [401] * 10 + [429]


def test_a_disabled_user_gets_in_by_no_passkey(
    app: Flask, passkey: Passkey, stranger: FlaskClient
) -> None:
    half, begun = begin_login(stranger), challenge(stranger, WAN_SIGNIN)
    second = challenge(stranger, WAN_SECOND, **half)
    with stored_user(app) as user:
        user.disabled = True
    assert_refused(answer(stranger, WAN_SIGNIN, begun, passkey))
    assert_refused(answer(stranger, WAN_SECOND, second, passkey, None, **half))
    with app.app_context():
        assert db.session.scalars(select(Row.sign_count)).all() == [0]


def test_a_user_who_is_disabled_during_the_login_does_not_get_in(
    app: Flask, passkey: Passkey, stranger: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = webauthn.verify_authentication_response

    def disable_meanwhile(**given: Any) -> object:
        with stored_user(app) as user:
            user.disabled = True
        return check(**given)

    monkeypatch.setattr(webauthn, "verify_authentication_response", disable_meanwhile)
    assert_refused(use(stranger, WAN_SIGNIN, passkey))


def test_a_passkey_that_is_deleted_during_the_login_opens_nothing(
    app: Flask, passkey: Passkey, stranger: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = webauthn.verify_authentication_response

    def delete_meanwhile(**given: Any) -> object:
        db.session.execute(delete(Row), execution_options={"synchronize_session": False})
        return check(**given)

    monkeypatch.setattr(webauthn, "verify_authentication_response", delete_meanwhile)
    assert_refused(use(stranger, WAN_SIGNIN, passkey))
    assert_refused(use(stranger, WAN_SECOND, passkey, None, **begin_login(stranger)))


def test_a_login_that_fails_counts_no_use(
    app: Flask, passkey: Passkey, stranger: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    with monkeypatch.context() as broken:
        broken.setattr("secure_flask.auth.logins.start_login", lambda *given, **more: 1 / 0)
        assert use(stranger, WAN_SIGNIN, passkey).status_code == 500
    with app.app_context():
        assert db.session.scalars(select(Row.sign_count)).all() == [0]
    assert use(stranger, WAN_SIGNIN, passkey).status_code == 200


@pytest.mark.asvs("7.5.1")
@every_token_type
def test_a_passkey_makes_an_old_login_recent(
    app: Flask, client: FlaskClient, credentials: Headers, passkey: Passkey
) -> None:
    grow_old(app)
    assert send(client, WAN_REGISTER, {}, credentials).status_code == 401
    fresh = login_of(use(client, WAN_VERIFY, passkey, credentials))
    assert send(client, WAN_REGISTER, {}, fresh).status_code == 200
    # In the place of the login that was there.
    shown = client.get(routes.SESSIONS, headers=OWN_PAGE | fresh).get_json()["sessions"]
    assert len(shown) == 1


@pytest.mark.asvs("7.5.1")
def test_only_a_passkey_of_the_user_makes_a_login_recent(
    app: Flask, passkey: Passkey, others: tuple[FlaskClient, Headers]
) -> None:
    client, credentials = others
    add_passkey(client, credentials, name="own")
    grow_old(app)
    assert_refused(use(client, WAN_VERIFY, passkey, credentials))
    assert send(client, WAN_REGISTER, {}, credentials).status_code == 401
    with app.app_context():
        assert set(db.session.scalars(select(Row.sign_count))) == {0}
