"""Logins by passkey alone: who gets in by one, and who does not."""

from typing import Any

import pytest
import webauthn
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import db
from secure_flask.accounts import passkey_challenges, passkeys
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
from views.accounts.people import Half, Headers, begin_login, delivered, send
from views.conftest import (
    OWN_PAGE,
    USERNAME,
    Lines,
    MakeApp,
    Wait,
    every_token_type,
    grow_old,
    is_logged_in,
    log_in,
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


REFUSED = {"error": passkeys.INVALID_PASSKEY}
UNKNOWN = {**REFUSED, "unknown": True}
LATE = {"error": passkey_challenges.TOO_LATE}
USES = [WAN_SIGNIN, WAN_SECOND, WAN_VERIFY]


def begin(client: FlaskClient, path: str) -> tuple[dict[str, Any], Half]:
    """A challenge of `path`, and the half login that it belongs to."""
    half = begin_login(client) if path == WAN_SECOND else {}
    return challenge(client, path, OWN_PAGE, **half), half


@pytest.mark.parametrize("path", USES)
def test_only_a_passkey_that_nobody_has_here_is_called_unknown(
    path: str, app: Flask, client: FlaskClient, passkey: Passkey
) -> None:
    """Its device forgets it then, so no good passkey may get this answer."""

    def answered(device: Passkey | str) -> dict[str, Any]:
        begun, half = begin(client, path)
        refused = answer(client, path, begun, device, OWN_PAGE, **half)
        assert_refused(refused)
        return dict(refused.get_json())

    forged, framed, careless = Passkey(client), Passkey(client), Passkey(client)
    forged.id = careless.id = passkey.id
    careless.key, careless.verifies_user = passkey.key, False
    # Whatever stands around it, nobody asked that device here.
    framed.framed = {"crossOrigin": True, "topOrigin": "https://evil.example"}
    for known in (forged, careless, framed, "{}", '{"id": ""}', '{"id": 1}'):
        assert answered(known) == REFUSED
    assert answered(Passkey(client)) == UNKNOWN
    with app.app_context():
        db.session.execute(delete(Row))
        db.session.commit()
    # A half login needs a factor.
    add_passkey(client, OWN_PAGE, name="another")
    assert answered(passkey) == UNKNOWN


@pytest.mark.parametrize("path", USES)
def test_a_passkey_that_comes_late_or_twice_is_not_called_unknown(
    path: str, client: FlaskClient, passkey: Passkey, wait: Wait
) -> None:
    for device in (passkey, Passkey(client)):
        late, _ = begin(client, path)
        wait(passkey_challenges.LIFETIME)
        _, half = begin(client, path)
        for begun in (late, {**late, "state": "made-up"}):
            refused = answer(client, path, begun, device, OWN_PAGE, **half)
            assert (refused.status_code, refused.get_json()) == (401, LATE)
        again, half = begin(client, path)
        assert answer(client, path, again, "{}", OWN_PAGE, **half).get_json() == REFUSED
        assert answer(client, path, again, device, OWN_PAGE, **half).get_json() == LATE


def test_the_passkey_of_a_disabled_user_is_not_called_unknown(
    app: Flask, passkey: Passkey, stranger: FlaskClient
) -> None:
    with stored_user(app) as user:
        user.disabled = True
    assert use(stranger, WAN_SIGNIN, passkey).get_json() == REFUSED


def test_a_passkey_of_another_user_is_not_called_unknown(
    passkey: Passkey, others: tuple[FlaskClient, Headers]
) -> None:
    client, credentials = others
    assert use(client, WAN_VERIFY, passkey, credentials).get_json() == REFUSED


def test_registration_calls_no_passkey_unknown(client: FlaskClient, credentials: Headers) -> None:
    begun = challenge(client, WAN_REGISTER, credentials)
    assert answer(client, WAN_REGISTER, begun, "{}", credentials).get_json() == REFUSED
    assert answer(client, WAN_REGISTER, begun, Passkey(client), credentials).get_json() == LATE


def test_a_late_answer_is_no_failed_login(make_app: MakeApp, lines: Lines, wait: Wait) -> None:
    app = make_app(app_env="production", login_rate_limit="1 per hour", trusted_hosts=["localhost"])
    client = app.test_client()
    device = add_passkey(client, log_in(client))
    stranger = app.test_client()
    for _ in range(12):
        late = challenge(stranger, WAN_SIGNIN)
        wait(passkey_challenges.LIFETIME)
        lines()
        assert answer(stranger, WAN_SIGNIN, late, device).get_json() == LATE
        assert [each for each in lines() if each["event"].startswith("authn")] == []
    # Ten failures would have been enough.
    assert use(stranger, WAN_SIGNIN, device).status_code == 200


def test_the_owner_gets_no_mail_about_a_late_answer(
    app: Flask, passkey: Passkey, stranger: FlaskClient, wait: Wait
) -> None:
    late, _ = begin(stranger, WAN_SECOND)
    wait(passkey_challenges.LIFETIME)
    half = begin_login(stranger)
    before = len(delivered(app))
    assert answer(stranger, WAN_SECOND, late, passkey, None, **half).get_json() == LATE
    assert len(delivered(app)) == before


def test_an_unknown_passkey_is_a_failed_login(make_app: MakeApp, lines: Lines) -> None:
    client = make_app(app_env="production", trusted_hosts=["localhost"]).test_client()
    lines()
    assert use(client, WAN_SIGNIN, Passkey(client)).get_json() == UNKNOWN
    assert [each["event"] for each in lines() if "reason" in each] == ["authn_login_fail"]


@pytest.mark.asvs("6.3.1")
def test_failures_are_limited_by_address(
    app: Flask, passkey: Passkey, stranger: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "LOGIN_RATE_LIMIT", "1 per minute")
    unknown = Passkey(stranger)
    statuses = [use(stranger, WAN_SIGNIN, unknown).status_code for _ in range(11)]
    assert statuses == [401] * 10 + [429]


@pytest.mark.asvs("7.4.2")
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


@pytest.mark.asvs("7.2.4", "7.5.1")
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
