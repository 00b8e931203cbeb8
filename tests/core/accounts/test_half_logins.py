"""The time between two factors: how long it lasts, what ends it, and how its password counts."""

from collections.abc import Callable
from copy import copy
from functools import partial

import pytest
from flask import Flask, current_app
from secure_flask import (
    accounts,
    change_password,
    current_user,
    db,
    end_other_logins,
    log_in,
    log_in_user,
    reauthenticate,
)
from secure_flask.accounts import authenticator, reset_password, steps
from secure_flask.accounts.half_logins import LIFETIME, MAX_HALF_LOGINS
from secure_flask.accounts.outbox import HOUR
from secure_flask.accounts.second_step import accept_factor_invitation
from secure_flask.accounts.steps import MAX_FAILURES
from secure_flask.auth import throttle
from secure_flask.auth.logins import Login
from sqlalchemy import select

from core.accounts.ceremonies import SECOND, answer, ask, use
from core.accounts.conftest import Request
from core.accounts.devices import (
    AT_ONCE,
    STEP,
    Passkey,
    add_app,
    add_passkey,
    at_once,
    begin_login,
    code_of,
    enter_code,
    enter_recovery_code,
    requests_at_once,
    wrong_code_of,
)
from core.accounts.observing import stored_rows
from core.accounts.people import (
    ADDRESS,
    STRONG,
    operate,
    request_of,
    status_of,
    subjects,
    user_of,
)
from core.conftest import PASSWORD, USERNAME, Configure, Wait

Enter = Callable[..., int]


@pytest.mark.asvs("2.3.1", "7.2.1")
def test_it_is_neither_a_login_nor_a_link_nor_stored(app: Flask, secret: str) -> None:
    half = begin_login()
    with request_of(app, half):
        assert not current_user
    links = [accounts.find_password_reset, accounts.find_email_change, accounts.find_registration]
    assert [status_of(find, half) for find in links] == [404] * 3
    assert half not in str(stored_rows(app))


@pytest.mark.parametrize("half", ["", "x" * 43])
def test_without_one_every_second_step_is_refused(half: str, app: Flask, secret: str) -> None:
    with request_of(app):
        tried = [
            status_of(accounts.complete_login_by_code, code_of(secret), half),
            status_of(accounts.complete_login_by_recovery_code, "aaaa-aaaa", half),
            status_of(accounts.complete_login_by_passkey, "x", "{}", half),
            status_of(accept_factor_invitation, "aaaa", half),
            status_of(accounts.begin_authenticator, half),
            status_of(accounts.begin_passkey_second_factor, half),
            status_of(accounts.half_login_factors, half),
        ]
    assert tried == [401] * 7


def test_it_lives_five_minutes(secret: str, wait: Wait) -> None:
    halves = [begin_login() for _ in range(2)]
    wait(LIFETIME - 1)
    statuses = [enter_code(code_of(secret), halves[0])]
    wait(1)
    statuses.append(enter_code(code_of(secret, 1), halves[1]))
    assert statuses == [200, 401]


@pytest.mark.asvs("2.3.4", "7.2.4")
@pytest.mark.parametrize("factor", ["app", "recovery code", "passkey"])
def test_eight_answers_at_once_become_one_login(
    factor: str, file_app: Flask, of_user: Request, wait: Wait
) -> None:
    with of_user():
        secret, device, codes = add_app(), add_passkey(), accounts.replace_recovery_codes()
        # As of a passkey that several devices share.
        device.count = -1
        half = begin_login()
        # All ask before one answers, since a half login that has ended gives no challenge.
        asked = [ask(SECOND, half) for _ in range(AT_ONCE)]
        wait(STEP)

    def complete(number: int) -> int:
        with request_of(file_app):
            if factor == "passkey":
                return answer(SECOND, asked[number], copy(device))
            if factor == "app":
                return enter_code(code_of(secret), half)
            return enter_recovery_code(codes[number], half)

    assert sorted(at_once(complete)) == [200] + [401] * (AT_ONCE - 1)
    with of_user():
        assert len(db.session.scalars(select(Login)).all()) == 2
        # A second click is no wrong code.
        assert "code_failed" not in subjects()


@pytest.mark.asvs("6.3.1")
def test_five_wrong_answers_of_any_kind_end_it(secret: str) -> None:
    half, wrong = begin_login(), wrong_code_of(secret)
    for enter in [enter_code, enter_recovery_code] * (MAX_FAILURES // 2):
        enter(wrong, half)
    assert use(SECOND, Passkey(), half) == 401
    assert [enter_code(code_of(secret), half), enter_code(code_of(secret))] == [401, 200]


def test_of_eight_wrong_codes_at_once_five_are_checked(
    file_app: Flask, of_user: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    with of_user():
        wrong, half = wrong_code_of(add_app()), begin_login()
    checked, use_code = list[str](), authenticator.use_authenticator_code

    def check(user: accounts.AccountMixin, code: str) -> bool:
        checked.append(code)
        return use_code(user, code)

    monkeypatch.setattr(authenticator, "use_authenticator_code", check)
    assert (
        requests_at_once(partial(request_of, file_app), lambda _: enter_code(wrong, half)),
        len(checked),
    ) == ([401] * AT_ONCE, MAX_FAILURES)


def by_a_mailed_link() -> None:
    reset_password(secret_of("reset", ADDRESS), STRONG)


def secret_of(purpose: str, email: str) -> str:
    """The secret of a link that waits."""
    secret = steps.give_step_secret(steps.add_step(purpose, HOUR, user=user_of(), email=email))
    db.session.commit()
    return secret


@pytest.mark.asvs("7.4.3")
@pytest.mark.parametrize(
    "change",
    [
        lambda: change_password(PASSWORD, STRONG),
        by_a_mailed_link,
        end_other_logins,
        lambda: operate(current_app, "user", "password", USERNAME),
        lambda: operate(current_app, "user", "logout", USERNAME),
        lambda: operate(current_app, "user", "disable", USERNAME),
        lambda: operate(current_app, "logins", "end", "--yes"),
        accounts.replace_recovery_codes,
        add_app,
    ],
)
def test_a_change_of_password_or_factors_and_the_end_of_all_logins_end_it_and_the_links(
    change: Callable[[], object], app: Flask, secret: str
) -> None:
    half = begin_login()
    links = {
        accounts.find_password_reset: secret_of("reset", ADDRESS),
        accounts.find_email_change: secret_of("change_email", "new@example.org"),
    }
    change()
    with request_of(app):
        assert enter_code(code_of(user_of().totp_secret or "", 1), half) == 401
        ended = [status_of(find, token) == 404 for find, token in links.items()]
    assert ended == [True, True]


def test_it_counts_in_no_cap_of_logins_and_ends_none(
    app: Flask, secret: str, configure: Configure
) -> None:
    configure(app, MAX_LOGINS=1)
    with request_of(app):
        halves = [begin_login() for _ in range(3)]
        before = db.session.scalars(select(Login.second_factor)).all()
        # Any of them still becomes a login, and then the one before ends.
        assert enter_code(code_of(secret), halves[0]) == 200
        assert (before, db.session.scalars(select(Login.second_factor)).all()) == ([False], [True])


def test_a_user_has_five_in_one_network_and_a_further_one_ends_the_oldest(
    app: Flask, secret: str, wait: Wait
) -> None:
    halves = []
    for network in ("192.0.2.1", *["192.0.2.2"] * (MAX_HALF_LOGINS + 1)):
        with request_of(app, network=network):
            halves.append(begin_login())
        wait(1)
    other, first, *others = halves
    statuses = [enter_code(code_of(secret), first)]
    for half in (*others, other):
        wait(STEP)
        statuses.append(enter_code(code_of(secret), half))
    assert statuses == [401] + [200] * (MAX_HALF_LOGINS + 1)


def test_of_two_cookies_of_it_none_counts(app: Flask, secret: str) -> None:
    """One may come from a sibling domain."""
    cookie = f"dev-half={begin_login()}"
    statuses = []
    for sent in (f"{cookie}; dev-half=x", cookie):
        with app.app_context(), app.test_request_context(headers={"Cookie": sent}):
            statuses.append(status_of(accounts.half_login_factors))
    assert statuses == [401, 200]


# How its right password counts.

LIMIT = 3


@pytest.fixture
def codes(app: Flask, secret: str, wait: Wait, configure: Configure) -> list[str]:
    """Recovery codes, at the begin of a minute in which LIMIT passwords may be wrong."""
    wait(60)
    configure(app, LOGIN_RATE_LIMIT=f"{LIMIT} per minute")
    return accounts.replace_recovery_codes()


def begins(network: str = "127.0.0.1") -> int:
    with request_of(current_app, network=network):
        return status_of(log_in, USERNAME, PASSWORD)


@pytest.mark.asvs("6.3.1")
def test_a_right_password_counts_as_wrong_until_the_second_step_succeeds(codes: list[str]) -> None:
    halves = [begin_login() for _ in range(LIMIT)]
    assert (begins(), enter_recovery_code("aaaa-aaaa", halves[0]), begins()) == (429, 401, 429)
    assert enter_recovery_code(codes[0], halves[0]) == 200
    # So it does when it is entered again.
    assert [status_of(reauthenticate, PASSWORD), begins()] == [200, 429]


@pytest.mark.asvs("6.3.1")
def test_an_answer_of_another_site_counts_as_wrong_until_then_too(
    codes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_asked_for_a_code() -> bool:
        with request_of(current_app):
            return status_of(log_in_user, user_of(), provider="bakery") != 429

    monkeypatch.setattr(throttle, "WIDE", 1)
    assert [is_asked_for_a_code() for _ in range(LIMIT + 1)] == [True] * LIMIT + [False]


def test_once_its_minute_is_over_it_gives_nothing_back(codes: list[str], wait: Wait) -> None:
    half = begin_login()
    wait(60)
    assert [begins() for _ in range(LIMIT)] == [200] * LIMIT
    assert (enter_recovery_code(codes[0], half), begins()) == (200, 429)


def test_it_counts_as_a_login_only_with_the_second_step(
    codes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody with only the password uses up no login of the owner."""
    monkeypatch.setattr(throttle, "RIGHT", 1)
    networks = ["192.0.2.1", "192.0.2.2"] * LIMIT
    assert [begins(network) for network in networks] == [200] * len(networks)
    assert [enter_recovery_code(code) for code in codes[:LIMIT]] == [200] * LIMIT
    assert begins("192.0.2.3") == 429
