"""New passwords: which are refused, and in which words."""

from collections.abc import Iterator

import pytest
from flask import Flask
from secure_flask.auth import password_rules
from secure_flask.auth.password_rules import is_breached, why_refused
from secure_flask.auth.passwords import MAX_LENGTH
from secure_flask.policy import DEFAULTS

USER, PROJECT = "Grace", "Garden Shed"
MIN_LENGTH = DEFAULTS["PASSWORD_MIN_LENGTH"]
ON_THE_LIST = ["password1234", "qwertyuiop123", "1234567890123456", "correcthorsebatterystaple"]
KEY = "\N{KEY}"  # one character of four bytes
FILL = "-" * MIN_LENGTH


@pytest.fixture(autouse=True)
def _in_an_app(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(app.config, "PROJECT_NAME", PROJECT)
    with app.app_context():
        yield


@pytest.fixture
def without_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password_rules, "find_spec", lambda name: None)


def test_the_shortest_is_long_enough_and_the_longest_too() -> None:
    assert MIN_LENGTH >= 8
    assert MAX_LENGTH >= 64


@pytest.mark.usefixtures("without_the_list")
def test_length_decides_and_no_kind_of_characters(subtests: pytest.Subtests) -> None:
    too_short = why_refused("", USER)
    assert too_short
    assert str(MIN_LENGTH) in too_short
    for refused in ("x" * (MIN_LENGTH - 1), KEY * (MIN_LENGTH - 1), "x" * (MAX_LENGTH + 1)):
        with subtests.test("refused", length=len(refused)):
            assert why_refused(refused, USER) == too_short
    spaces = "eight".center(MIN_LENGTH)
    for accepted in ("x" * MIN_LENGTH, "x" * MAX_LENGTH, KEY * MAX_LENGTH, spaces):
        with subtests.test("accepted", length=len(accepted)):
            assert why_refused(accepted, USER) is None


@pytest.mark.usefixtures("without_the_list")
def test_the_policy_sets_the_least_length(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "PASSWORD_MIN_LENGTH", 15)
    assert "15" in str(why_refused("x" * 14, USER))
    assert why_refused("x" * 15, USER) is None


@pytest.mark.usefixtures("without_the_list")
def test_a_name_counts_as_it_is_spoken(subtests: pytest.Subtests) -> None:
    named = why_refused(f"{USER}{FILL}", USER)
    assert named
    assert named != why_refused("", USER)
    cases = [
        (USER, "for gRaCe alone", True),
        (USER, "disGRACEfulness", True),
        (USER, "a GARDEN SHED key", True),
        (USER, "the garden at dawn", False),
        ("al", "small metal pail", False),  # too short a name
        ("ada", "in canada we met", True),
        ("straße", "HAUPTSTRASSE 12", True),
        ("אדה", "hello אדה hello", True),
        (".*", "anything at all", False),
        ("a.c", "abcabcabcabc", False),
    ]
    for name, password, refused in cases:
        with subtests.test(name, password=password):
            assert why_refused(password + FILL, name) == (named if refused else None)


@pytest.mark.usefixtures("without_the_list")
def test_without_the_list_the_other_rules_stand_alone() -> None:
    assert not is_breached(ON_THE_LIST[0])
    assert why_refused(f"for {USER} alone{FILL}", USER)
    assert why_refused("x" * (MIN_LENGTH - 1), USER)


def test_what_attackers_try_first_is_refused(subtests: pytest.Subtests) -> None:
    for password in ON_THE_LIST:
        with subtests.test(password):
            assert why_refused(password, USER)


def test_what_nobody_tries_is_accepted(subtests: pytest.Subtests) -> None:
    words = "a well of ink, seven owls, and one that went for a walk before dawn"
    for password in (words, KEY * 60, "../" * 20, "\\" * 60):
        with subtests.test(password[:9]):
            assert why_refused(password, USER) is None
