"""Codes of an authenticator app: which of them count, how often, and how an app is set up."""

import pytest
from flask import Flask
from secure_flask.accounts import begin_authenticator, find_authenticator, finish_authenticator
from secure_flask.accounts.authenticator import LIFETIME, AuthenticatorSetup, use_authenticator_code
from secure_flask.accounts.factors import factors_of
from secure_flask.accounts.steps import MAX_FAILURES

from core.accounts.devices import STEP, add_app, code_of, wrong_code_of
from core.accounts.people import OTHER, add_user, new_login, request_of, status_of
from core.accounts.site import User
from core.conftest import Wait


def finish(setup: AuthenticatorSetup, code: str = "") -> int:
    return status_of(finish_authenticator, setup.state, code or code_of(setup.secret))


@pytest.mark.asvs("6.5.1")
def test_each_code_counts_once_and_that_of_the_setup_not_at_all(user: User, wait: Wait) -> None:
    secret = add_app()
    assert not use_authenticator_code(user, code_of(secret))
    wait(STEP)
    code = code_of(secret)
    # It stands in two groups, as apps show it.
    grouped = f" {code[:3]}\N{NO-BREAK SPACE}{code[3:]} "
    assert [use_authenticator_code(user, each) for each in (grouped, code)] == [True, False]
    wait(STEP)
    tried = [use_authenticator_code(user, each) for each in (code, code_of(secret))]
    assert tried == [False, True]


@pytest.mark.asvs("6.5.5", "6.5.8")
def test_a_code_serves_half_a_minute_and_as_long_before_and_after(
    user: User, secret: str, wait: Wait
) -> None:
    wait(10 * STEP)
    while len({code_of(secret, steps) for steps in range(-2, 3)}) < 5:
        wait(STEP)
    served = {steps: use_authenticator_code(user, code_of(secret, steps)) for steps in range(-2, 3)}
    assert served == {-2: False, -1: True, 0: True, 1: True, 2: False}


ODD = ("", " ", "12345", "1234567", "abcdef", "\u0661\u0662\u0663\u0664\u0665\u0666", "' OR 1")


def test_a_wrong_code_one_of_another_app_and_what_is_no_code_count_for_nothing(
    user: User, secret: str
) -> None:
    wrong = (*ODD, wrong_code_of(secret), code_of("A" * 32))
    assert [code for code in wrong if use_authenticator_code(user, code)] == []


# The setup.


@pytest.mark.asvs("6.5.3")
def test_each_setup_makes_a_new_secret_of_160_bits(user: User) -> None:
    secrets = {begin_authenticator().secret for _ in range(3)}
    assert [len(secret) * 5 for secret in secrets] == [160] * 3


@pytest.mark.asvs("2.3.1")
def test_nothing_is_on_before_its_users_first_code_and_wrong_ones_do_not_end_the_setup(
    app: Flask, user: User
) -> None:
    """Who can enter a code here sees the key itself."""
    setup = begin_authenticator()
    wrong = wrong_code_of(setup.secret)
    assert [finish(setup, wrong) for _ in range(MAX_FAILURES)] == [400] * MAX_FAILURES
    assert factors_of(user) == []
    # The same key again, since the app on the phone has it by now.
    assert find_authenticator(setup.state) == setup
    # It belongs to its user.
    add_user()
    with request_of(app, new_login(OTHER)):
        assert (status_of(find_authenticator, setup.state), finish(setup)) == (400, 400)
    assert (finish(setup), "authenticator" in factors_of(user)) == (200, True)


def test_a_setup_ends_after_ten_minutes(app: Flask, user: User, wait: Wait) -> None:
    setup = begin_authenticator()
    wait(LIFETIME)
    with request_of(app, new_login()):
        ended = [finish(each) for each in (setup, setup._replace(state="x"))]
        assert (ended, factors_of(user)) == ([400, 400], [])
