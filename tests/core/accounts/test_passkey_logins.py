"""Logins by passkey: who gets in by one, and which passkeys their device forgets."""

from copy import copy
from typing import Any

import pytest
import webauthn
from flask import Flask
from secure_flask import db, log_in_user
from secure_flask.accounts import passkey_logins, passkeys
from secure_flask.accounts.passkeys import LIFETIME, TOO_LATE
from secure_flask.accounts.passkeys import Passkey as Row
from secure_flask.auth import logins
from secure_flask.auth.logins import Login
from secure_flask.auth.users import NO_PASSWORD
from secure_flask.web.errors import ErrorResponse
from sqlalchemy import Delete, Update, delete, select, update
from werkzeug.exceptions import HTTPException

from core.accounts.ceremonies import (
    REGISTER,
    SECOND,
    SIGN_IN,
    VERIFY,
    Asked,
    answer,
    ask,
    finish,
    use,
)
from core.accounts.devices import Passkey, add_passkey
from core.accounts.people import OTHER, add_user, logged, new_login, request_of, user_of
from core.accounts.site import User
from core.conftest import Configure, Wait
from core.standing_clock import clock

UNSYNCHRONIZED = {"synchronize_session": False}


def sign_in(app: Flask, device: Passkey) -> int:
    """The status of a login by passkey alone, in a browser of its own."""
    with request_of(app):
        return use(SIGN_IN, device)


def counters() -> set[int]:
    return set(db.session.scalars(select(Row.sign_count)))


@pytest.mark.parametrize(
    ("counts", "statuses"),
    [
        # A copy of the passkey stands behind.
        ([7, 0, 5, 7, 8], [200, 401, 401, 401, 200]),
        # One that several devices share counts nothing: it shows 0 each time.
        ([-1, -1], [200, 200]),
    ],
)
def test_a_passkey_whose_counter_does_not_go_on_is_refused(
    counts: list[int], statuses: list[int], app: Flask, passkey: Passkey
) -> None:
    seen = []
    for passkey.count in counts:
        seen.append(sign_in(app, passkey))
    assert seen == statuses


# Who is refused.


@pytest.mark.asvs("6.3.1")
def test_failures_are_limited_by_address(
    app: Flask, passkey: Passkey, configure: Configure
) -> None:
    configure(app, LOGIN_RATE_LIMIT="1 per minute")
    assert [sign_in(app, Passkey()) for _ in range(11)] == [401] * 10 + [429]


@pytest.mark.asvs("7.4.2")
def test_a_disabled_user_gets_in_by_no_passkey(user: User, passkey: Passkey) -> None:
    begun = [(each, ask(each)) for each in (SIGN_IN, SECOND)]
    user.disabled = True
    db.session.commit()
    assert [answer(each, asked, passkey) for each, asked in begun] == [401, 401]
    # Its device keeps it, as it would not after "unknown".
    assert refusal(SIGN_IN, passkey) == REFUSED
    assert counters() == {0}


DISABLED = update(User).values(disabled=True)
USED = update(Row).values(sign_count=9)
WITHOUT_PASSWORD = update(User).values(password_hash=NO_PASSWORD)


@pytest.mark.parametrize(
    ("ceremony", "ends"),
    [
        *((each, ends) for each in (SIGN_IN, SECOND) for ends in (DISABLED, delete(Row), USED)),
        *((each, WITHOUT_PASSWORD) for each in (SIGN_IN, VERIFY)),
    ],
)
def test_what_ends_while_the_passkey_answers_lets_nobody_in(
    ceremony: str, ends: Delete | Update, passkey: Passkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = webauthn.verify_authentication_response

    def end_meanwhile(**given: Any) -> object:
        db.session.execute(ends, execution_options=UNSYNCHRONIZED)
        return check(**given)

    monkeypatch.setattr(webauthn, "verify_authentication_response", end_meanwhile)
    assert use(ceremony, passkey) == 401


def test_a_login_that_fails_counts_no_use(
    passkey: Passkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(logins, "start_login", lambda *given, **more: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            use(SIGN_IN, passkey)
    db.session.rollback()
    assert counters() == {0}
    assert use(SIGN_IN, passkey) == 200


# Users without a password log in by another site. Who has left there has the passkey still.

ALONE = (401, passkey_logins.SECOND_STEP_ONLY, None)


def drop_password() -> None:
    user_of().password_hash = NO_PASSWORD
    db.session.commit()


@pytest.mark.parametrize("ceremony", [SIGN_IN, VERIFY])
def test_a_passkey_alone_logs_in_nobody_without_a_password(
    ceremony: str, passkey: Passkey, caplog: pytest.LogCaptureFixture
) -> None:
    drop_password()
    forged = Passkey()
    forged.id = passkey.id
    assert refusal(ceremony, forged) == REFUSED
    [before] = db.session.scalars(select(Login.authenticated))
    caplog.clear()
    assert refusal(ceremony, passkey) == ALONE
    assert [each["reason"] for each in logged(caplog, "authn_login_fail")] == ["passkey"]
    assert list(db.session.scalars(select(Login.authenticated))) == [before]
    assert counters() == {0}


def test_a_passkey_is_the_second_step_of_a_user_without_a_password(
    app: Flask, passkey: Passkey
) -> None:
    drop_password()
    with request_of(app):
        with pytest.raises(HTTPException) as led:
            log_in_user(user_of(), provider="https://id.example.org")
        [cookie] = led.value.get_response().headers.getlist("Set-Cookie")
        half = cookie.partition("=")[2].partition(";")[0]
        assert use(SECOND, passkey, half) == 200


# A passkey that is shown again.


@pytest.mark.asvs("7.2.4", "7.5.1")
def test_only_a_passkey_of_the_user_makes_an_old_login_recent_in_its_place(
    app: Flask, user: User, passkey: Passkey, wait: Wait
) -> None:
    """In Flask-Security 5.8 one of the attacker's did so (GHSA-f66q-9rf6-8795, 2026)."""
    add_user()
    with request_of(app, new_login(OTHER)):
        add_passkey("own")
        assert refusal(VERIFY, passkey) == REFUSED
        logins.end_logins_of(user_of(OTHER))
        db.session.commit()
    assert counters() == {0}
    wait(3600)
    assert use(VERIFY, passkey) == 200
    assert [login.authenticated for login in db.session.scalars(select(Login))] == [clock.now()]


# Which passkeys are called unknown: their devices forget them, so no good one may be.

REFUSED = (401, passkeys.INVALID_PASSKEY, None)
UNKNOWN = (401, passkeys.INVALID_PASSKEY, {"unknown": True})
LATE = (401, TOO_LATE, None)
of_each_use = pytest.mark.parametrize("ceremony", [SIGN_IN, SECOND, VERIFY])


def refusal(ceremony: str, made: Passkey | str, asked: Asked | None = None) -> tuple[Any, ...]:
    """The status, the words and the further members of the refusal of an answer."""
    with pytest.raises(ErrorResponse) as refused:
        finish(ceremony, asked or ask(ceremony), made)
    db.session.rollback()
    error = refused.value
    return error.code, error.description, error.members


@of_each_use
def test_only_a_passkey_that_nobody_has_here_is_called_unknown(
    ceremony: str, user: User, passkey: Passkey
) -> None:
    forged, framed, careless = Passkey(), Passkey(), copy(passkey)
    forged.id = passkey.id
    careless.verifies_user = False
    # Whatever stands around it, nobody asked that device here.
    framed.framed = {"crossOrigin": True, "topOrigin": "https://evil.example"}
    known = (forged, careless, framed, "{}", '{"id": ""}', '{"id": 1}')
    assert [refusal(ceremony, each) for each in known] == [REFUSED] * 6
    assert refusal(ceremony, Passkey()) == UNKNOWN
    # A half login needs a factor.
    add_passkey("another")
    passkeys.delete_passkey_of(user, "phone")
    db.session.commit()
    assert refusal(ceremony, passkey) == UNKNOWN


@of_each_use
@pytest.mark.parametrize("is_known", [True, False])
def test_a_passkey_that_comes_late_or_twice_is_not_called_unknown(
    ceremony: str, is_known: bool, passkey: Passkey, wait: Wait
) -> None:
    device = passkey if is_known else Passkey()
    late = ask(ceremony)
    wait(LIFETIME)
    again = ask(ceremony)
    for_late = [late._replace(half=again.half), again._replace(state="made-up")]
    assert [refusal(ceremony, device, each) for each in for_late] == [LATE] * 2
    assert refusal(ceremony, "{}", again) == REFUSED
    assert refusal(ceremony, device, again) == LATE


def test_registration_calls_no_passkey_unknown(user: User) -> None:
    asked = ask(REGISTER)
    assert refusal(REGISTER, "{}", asked) == (400, *REFUSED[1:])
    assert refusal(REGISTER, Passkey(), asked) == (400, *LATE[1:])


def test_a_late_answer_is_no_failed_login(
    app: Flask, passkey: Passkey, wait: Wait, caplog: pytest.LogCaptureFixture, configure: Configure
) -> None:
    configure(app, LOGIN_RATE_LIMIT="1 per hour")
    caplog.clear()
    with request_of(app):
        late = [ask(SIGN_IN) for _ in range(12)]
        wait(LIFETIME)
        assert [refusal(SIGN_IN, passkey, each) for each in late] == [LATE] * 12
        assert logged(caplog, "authn_login_fail") == []
        # Ten failures would have been enough.
        assert use(SIGN_IN, passkey) == 200
