"""Recovery codes: each replaces the second factor once, and nobody but their user sees them."""

import pytest
from flask import Flask
from secure_flask import accounts
from secure_flask.accounts.recovery_codes import NUMBER, SHOWN_FOR, use_recovery_code

from core.accounts.conftest import Request
from core.accounts.devices import add_app, requests_at_once
from core.accounts.observing import stored_rows
from core.accounts.people import OTHER, add_user, status_of, user_of
from core.accounts.site import User
from core.conftest import Wait


@pytest.fixture
def codes(user: User, secret: str) -> list[str]:
    return accounts.replace_recovery_codes()


@pytest.mark.asvs("6.5.1")
def test_a_code_serves_its_user_once_however_it_is_typed(user: User, codes: list[str]) -> None:
    first, second, third, fourth, *_ = codes
    assert not use_recovery_code(add_user(), first)
    assert [use_recovery_code(user, first) for _ in range(2)] == [True, False]
    typed = (f" {second.upper()} ", third.replace("-", " "), fourth.replace("-", ""))
    assert [use_recovery_code(user, each) for each in typed] == [True] * 3
    wrong = ("", " ", "12345", "' OR 1", "aaaa-aaaa-aaaa-aaaa-aaaa-aaaa")
    assert [code for code in wrong if use_recovery_code(user, code)] == []


@pytest.mark.asvs("6.5.3", "6.5.4", "6.5.6")
def test_new_ones_replace_the_old_ones_and_nobody_guesses_them(
    user: User, codes: list[str]
) -> None:
    new = accounts.replace_recovery_codes()
    assert len({*codes, *new}) == 2 * NUMBER
    # Five bits in each character.
    assert min(len(code.replace("-", "")) * 5 for code in new) >= 112
    assert [use_recovery_code(user, each[0]) for each in (codes, new)] == [False, True]


def test_eight_clicks_leave_the_codes_of_one(of_user: Request) -> None:
    with of_user():
        add_app()

    requests_at_once(of_user, lambda _: accounts.replace_recovery_codes())
    with of_user():
        assert accounts.recovery_codes_left(user_of()) == NUMBER


def test_they_are_shown_for_five_minutes_to_their_user_until_new_ones_replace_them(
    user: User, codes: list[str], wait: Wait
) -> None:
    replaced = accounts.show_recovery_codes(user, codes)
    codes = accounts.replace_recovery_codes()
    assert status_of(accounts.shown_recovery_codes, user, replaced) == 404
    state = accounts.show_recovery_codes(user, codes)
    assert status_of(accounts.shown_recovery_codes, add_user(OTHER), state) == 404
    wait(SHOWN_FOR - 1)
    assert [accounts.shown_recovery_codes(user, state) for _ in range(2)] == [codes] * 2
    wait(1)
    assert status_of(accounts.shown_recovery_codes, user, state) == 404


@pytest.mark.asvs("6.5.2")
def test_the_database_shows_no_secret_and_no_code(
    app: Flask, user: User, secret: str, codes: list[str]
) -> None:
    accounts.show_recovery_codes(user, codes)
    stored = str(stored_rows(app))
    texts = (secret, *codes, *(code.replace("-", "") for code in codes))
    assert [text for text in texts if text in stored] == []
