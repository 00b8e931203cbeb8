"""The second step of a login: which factors complete it, once, and what is noted of it."""

from collections.abc import Callable
from functools import partial

import pytest
from flask import Flask, Response, make_response
from secure_flask import change_password, current_user, db, log_in, log_out, public, reauthenticate
from secure_flask.accounts import (
    complete_login_by_code,
    recovery_codes_left,
    replace_recovery_codes,
    steps,
)
from secure_flask.auth import logins, passwords
from secure_flask.auth.logins import Login
from sqlalchemy import select
from werkzeug.exceptions import HTTPException

from core import routes
from core.accounts.ceremonies import SECOND, SIGN_IN, use
from core.accounts.conftest import Request
from core.accounts.devices import (
    AT_ONCE,
    STEP,
    Passkey,
    add_app,
    add_passkey,
    begin_login,
    code_of,
    enter_code,
    enter_recovery_code,
    requests_at_once,
    wrong_code_of,
)
from core.accounts.observing import stored_rows
from core.accounts.people import (
    OTHER,
    STRONG,
    add_user,
    logged,
    new_login,
    request_of,
    subjects,
    user_of,
)
from core.accounts.site import User
from core.conftest import OWN_PAGE, PASSWORD, USERNAME, MakeApp, Wait, away, slow_hasher
from core.standing_clock import clock

Enter = Callable[..., int]
of_each_code = pytest.mark.parametrize("enter", [enter_code, enter_recovery_code])


@pytest.fixture
def code(enter: Enter, user: User, secret: str) -> str:
    """A code that is right for one way to enter it."""
    return code_of(secret) if enter is enter_code else replace_recovery_codes()[0]


@pytest.mark.asvs("16.3.1")
def test_each_factor_of_a_user_completes_a_login_and_is_offered_and_logged(
    app: Flask, secret: str, passkey: Passkey, caplog: pytest.LogCaptureFixture
) -> None:
    recovery, *_ = replace_recovery_codes()
    caplog.clear()
    ways: list[Callable[[], int]] = [
        lambda: enter_code(code_of(secret)),
        lambda: enter_recovery_code(recovery),
        lambda: use(SECOND, passkey),
        lambda: use(SIGN_IN, passkey),
    ]
    done = []
    for finish in ways:
        with request_of(app):
            done.append((finish(), present_name()))
    with request_of(app):
        offered = log_in(USERNAME, PASSWORD)["factors"]
        assert offered == ["authenticator", "passkey", "recovery_code"]
        made = db.session.scalars(select(Login.second_factor).where(Login.second_factor)).all()
    # The user is logged in at once.
    assert (done, len(made)) == ([(200, USERNAME)] * 4, 4)
    assert [each["factors"] for each in logged(caplog, "authn_login_success")] == [
        "password, authenticator",
        "password, recovery_code",
        "password, passkey",
        "passkey",
    ]


def present_name() -> str | None:
    return current_user.name if current_user else None


@pytest.mark.asvs("6.3.3")
def test_a_factor_that_is_set_up_while_a_login_renews_its_hash_is_asked_for(
    app: Flask, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    logins_of_owner = iter([new_login()])

    def set_up() -> None:
        for secret in logins_of_owner:
            with app.app_context(), request_of(app, secret):
                add_app()

    monkeypatch.setattr(passwords, "hasher", slow_hasher("hash", set_up, 2))
    with app.app_context(), request_of(app):
        assert begin_login()


def test_the_notice_of_a_wrong_code_is_stored_before_the_refusal(secret: str) -> None:
    half = begin_login()
    with pytest.raises(HTTPException):
        complete_login_by_code(wrong_code_of(secret), half)
    db.session.rollback()
    assert subjects()[-1] == "code_failed"


def test_after_a_half_login_who_was_logged_in_is_it_still(app: Flask, secret: str) -> None:
    add_user()
    seen = []
    for login in ("", new_login(OTHER)):
        with request_of(app, login):
            begin_login()
            seen.append(present_name())
    assert seen == [None, OTHER]


def test_no_cache_keeps_the_answer_to_a_half_login_whatever_the_view_says(
    make_app: MakeApp,
) -> None:
    app = make_app(TOKEN_TYPE="opaque")

    def begin() -> Response:
        response = make_response(log_in(USERNAME, PASSWORD))
        response.cache_control.max_age = 60
        return response

    app.add_url_rule("/probe/begin", "begin", public(begin), methods=["POST"])
    with app.app_context():
        cookie = new_login()
    with request_of(app, cookie):
        add_app()
    answer = app.test_client().post("/probe/begin")
    assert "tf_token" in answer.get_json()
    assert answer.headers["Cache-Control"] == "no-store, max-age=0"


@pytest.mark.asvs("6.3.3")
def test_who_knows_the_password_of_somebody_with_a_passkey_has_nothing(
    app: Flask, passkey: Passkey
) -> None:
    """Factors and challenges of another user do not help."""
    add_user()
    with request_of(app, new_login(OTHER)):
        theirs, key = add_app(), add_passkey()
        code, *_ = replace_recovery_codes()
    tried = [enter_code(code_of(theirs, 1)), enter_recovery_code(code), use(SECOND, key)]
    assert log_in(USERNAME, PASSWORD)["factors"] == ["passkey", "recovery_code"]
    assert [*tried, use(SECOND, passkey)] == [401, 401, 401, 200]


@pytest.mark.asvs("2.3.4")
@of_each_code
def test_eight_logins_at_once_with_one_code_are_one(
    enter: Enter, file_app: Flask, of_user: Request, wait: Wait
) -> None:
    with of_user():
        secret = add_app()
        codes = replace_recovery_codes()
        wait(STEP)
        # Each has a half login of its own: the code alone has to decide.
        halves = [begin_in(file_app, f"192.0.2.{number}") for number in range(AT_ONCE)]
    code = code_of(secret) if enter is enter_code else codes[0]

    assert sorted(
        requests_at_once(partial(request_of, file_app), lambda number: enter(code, halves[number]))
    ) == [200] + [401] * (AT_ONCE - 1)


def begin_in(app: Flask, network: str) -> str:
    with request_of(app, network=network):
        return begin_login()


@of_each_code
def test_a_code_of_a_login_that_failed_is_not_used_up(
    enter: Enter, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = begin_login()
    with monkeypatch.context() as broken:
        broken.setattr(logins, "start_login", lambda *given, **more: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            enter(code, half)
    db.session.rollback()
    assert enter(code, half) == 200


# Logins that go on.


@pytest.mark.asvs("7.5.1")
def test_an_old_or_a_new_password_alone_makes_no_login_recent_and_both_factors_do(
    user: User, secret: str, wait: Wait
) -> None:
    wait(3600)
    assert reauthenticate(PASSWORD)["tf_required"]
    authenticated = select(Login.authenticated)
    # Whoever has a login and the password would otherwise remove the factor.
    change_password(PASSWORD, STRONG)
    assert db.session.scalars(authenticated).all() == [clock.now() - 3600 - STEP]
    half = str(reauthenticate(STRONG)["tf_token"])
    assert enter_code(code_of(secret), half) == 200
    # The new login takes the place of the one that was there.
    assert db.session.scalars(authenticated).all() == [clock.now()]


@pytest.mark.asvs("2.3.3")
def test_a_password_change_that_fails_changes_nothing_of_a_user_with_a_second_factor(
    app: Flask, user: User, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = app.test_client()
    browser.set_cookie("dev-session", new_login())
    before = stored_rows(app)
    with monkeypatch.context() as broken:
        broken.setattr(logins, "start_login", away)
        body = {"current_password": PASSWORD, "new_password": STRONG}
        assert browser.post(routes.PASSWORD, json=body, headers=OWN_PAGE).status_code == 503
    assert stored_rows(app) == before


def test_a_reauthentication_whose_login_has_ended_gives_none(user: User, secret: str) -> None:
    half = str(reauthenticate(PASSWORD)["tf_token"])
    log_out()
    assert enter_code(code_of(secret), half) == 401
    assert db.session.scalars(select(Login)).all() == []


def test_a_login_that_is_under_way_needs_the_factor_that_is_set_up_meanwhile(
    file_app: Flask, of_user: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    def set_up_an_app() -> None:
        with of_user():
            add_app()

    monkeypatch.setattr(passwords, "hasher", slow_hasher("verify", set_up_an_app))
    with request_of(file_app):
        assert log_in(USERNAME, PASSWORD)["tf_required"]


@pytest.mark.usefixtures("secret")
def test_a_half_login_that_ended_meanwhile_uses_no_recovery_code_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    codes, half = replace_recovery_codes(), begin_login()
    monkeypatch.setattr(steps, "use_step", lambda step: False)
    # What is left is committed then.
    assert enter_recovery_code(codes[0], half) == 401
    assert recovery_codes_left(user_of()) == len(codes)
