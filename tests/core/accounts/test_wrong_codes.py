"""Wrong codes: how many somebody may try, and that they do not lock the owner out."""

from collections.abc import Callable
from functools import partial

import pytest
from flask import Flask
from secure_flask import change_password, db
from secure_flask.accounts import (
    complete_login_by_code,
    half_logins,
    recovery,
    recovery_codes,
    replace_recovery_codes,
    wrong_codes,
)
from secure_flask.accounts.login_places import LoginPlace
from secure_flask.accounts.wrong_codes import DAY
from secure_flask.web.errors import ErrorResponse
from sqlalchemy import delete

from core.accounts.ceremonies import SECOND, use
from core.accounts.conftest import Request
from core.accounts.devices import (
    AT_ONCE,
    STEP,
    add_app,
    add_passkey,
    begin_login,
    code_of,
    enter_code,
    enter_recovery_code,
    requests_at_once,
    wrong_code_of,
)
from core.accounts.people import ADDRESS, STRONG, logged, mailed_token, request_of, subjects
from core.accounts.site import User
from core.conftest import PASSWORD, Wait

HERE, ELSEWHERE = "192.0.2.1", "198.51.100.1"
SETUP = "127.0.0.1"  # of the requests of the fixtures
LIMIT = 3  # wrong codes a day
THIRTY_DAYS = 30 * 24 * 60 * 60  # seconds


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wrong_codes, "MAX_WRONG_CODES", LIMIT)


def try_code(app: Flask, code: str, network: str = ELSEWHERE, password: str = PASSWORD) -> int:
    """The status of a login by password and code."""
    with request_of(app, network=network):
        return enter_code(code, begin_login(password))


def use_up(app: Flask, secret: str, network: str = "") -> None:
    """Try as many wrong codes as the limit allows, each in another network unless one is given."""
    wrong = wrong_code_of(secret)
    networks = [network or f"203.0.113.{last}" for last in range(LIMIT)]
    assert [try_code(app, wrong, each) for each in networks] == [401] * LIMIT


@pytest.mark.asvs("6.3.1")
def test_who_has_the_password_gets_few_wrong_codes_a_day_from_everywhere(
    app: Flask, secret: str, wait: Wait, caplog: pytest.LogCaptureFixture
) -> None:
    use_up(app, secret)
    caplog.clear()
    refused = refusal(app, code_of(secret))
    assert (refused.code, refused.get_headers()) == (429, [("Retry-After", str(DAY))])
    [line] = logged(caplog, "authn_login_fail_max")
    assert (line["reason"], "account" in line) == ("second factor", True)
    wait(DAY + 1)
    assert try_code(app, code_of(secret)) == 200


def test_good_codes_do_not_count(app: Flask, secret: str, wait: Wait) -> None:
    statuses = []
    for _ in range(LIMIT + 1):
        # As from a network that is not trusted, each time.
        db.session.execute(delete(LoginPlace))
        db.session.commit()
        statuses.append(try_code(app, code_of(secret)))
        wait(STEP)
    assert statuses == [200] * (LIMIT + 1)


@pytest.mark.asvs("6.3.1")
def test_parallel_guesses_get_no_more_than_the_limit(file_app: Flask, of_user: Request) -> None:
    with of_user():
        wrong = wrong_code_of(add_app())
    with request_of(file_app, network=ELSEWHERE):
        halves = [begin_login() for _ in range(half_logins.MAX_HALF_LOGINS)]

    assert sorted(
        requests_at_once(
            partial(request_of, file_app, network=ELSEWHERE),
            lambda number: enter_code(wrong, halves[number % len(halves)]),
        )
    ) == [401] * LIMIT + [429] * (AT_ONCE - LIMIT)


# Trusted networks.


@pytest.mark.asvs("6.3.1", "6.3.5")
@pytest.mark.parametrize("enter", [enter_code, enter_recovery_code])
def test_a_network_where_both_factors_were_right_has_a_count_of_its_own(
    enter: Callable[[str], int], app: Flask, secret: str, wait: Wait
) -> None:
    code = code_of(secret) if enter is enter_code else replace_recovery_codes()[0]
    with request_of(app, network=HERE):
        assert (enter(code), "code_failed" in subjects()) == (200, False)
    use_up(app, secret)
    # The owner gets a mail about wrong codes alone.
    assert subjects().count("code_failed") == 1
    wait(STEP)
    statuses = [try_code(app, code_of(secret), network) for network in (ELSEWHERE, HERE)]
    wait(STEP)
    # So has the network where the app was set up.
    statuses.append(try_code(app, code_of(secret), SETUP))
    use_up(app, secret, SETUP)
    wait(STEP)
    statuses.append(try_code(app, code_of(secret), SETUP))
    assert statuses == [429, 200, 200, 429]


@pytest.mark.parametrize(("seconds", "status"), [(THIRTY_DAYS - 1, 200), (THIRTY_DAYS, 429)])
def test_a_network_is_trusted_for_thirty_days_which_a_password_alone_does_not_renew(
    app: Flask, secret: str, wait: Wait, seconds: int, status: int
) -> None:
    assert try_code(app, code_of(secret), HERE) == 200
    wait(seconds)
    with request_of(app, network=HERE):
        begin_login()
    use_up(app, secret)
    assert try_code(app, code_of(secret), HERE) == status


# What the owner does and learns.


def by_a_mailed_link() -> None:
    recovery.request_password_reset(ADDRESS)
    recovery.reset_password(mailed_token(), STRONG)


@pytest.mark.asvs("6.3.1")
@pytest.mark.parametrize(
    ("change", "status"),
    [(lambda: change_password(PASSWORD, STRONG), 200), (by_a_mailed_link, 429)],
)
def test_a_new_password_begins_a_new_count_but_none_that_a_mail_set(
    change: Callable[[], object], status: int, app: Flask, secret: str
) -> None:
    """A reader of the mails could otherwise try more codes after each reset."""
    use_up(app, secret)
    change()
    assert try_code(app, code_of(secret), password=STRONG) == status


def test_when_the_limit_is_met_recovery_codes_and_passkeys_let_the_owner_in(
    app: Flask, user: User, secret: str
) -> None:
    recovery_codes.delete_recovery_codes(user)
    db.session.commit()
    use_up(app, secret)
    assert refusal(app).message == "Too many wrong codes"
    code, *_ = replace_recovery_codes()
    key = add_passkey()
    assert refusal(app).message == "Too many wrong codes: a passkey or a recovery code still works"
    with request_of(app, network=ELSEWHERE):
        assert (enter_recovery_code(code), use(SECOND, key)) == (200, 200)


def refusal(app: Flask, code: str = "0") -> ErrorResponse:
    with request_of(app, network=ELSEWHERE), pytest.raises(ErrorResponse) as refused:
        complete_login_by_code(code, begin_login())
    return refused.value
