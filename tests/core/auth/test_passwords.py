"""Passwords: how they are kept and checked, and which new ones are refused."""

from collections.abc import Iterator
from threading import BoundedSemaphore

import pytest
from argon2 import Type, extract_parameters
from flask import Flask
from secure_flask.auth import passwords
from secure_flask.auth.passwords import MAX_LENGTH, hash_password, verify_password, why_refused
from secure_flask.policy import DEFAULTS
from werkzeug.exceptions import ServiceUnavailable

from core.conftest import PASSWORD, slow_hasher

USER, PROJECT = "Grace", "Garden Shed"
MIN_LENGTH = DEFAULTS["PASSWORD_MIN_LENGTH"]
ON_THE_LIST = ["password1234", "qwertyuiop123", "1234567890123456", "correcthorsebatterystaple"]
KEY = "\N{KEY}"  # one character of four bytes
FILL = "-" * MIN_LENGTH

# The tests put a cheap one in its place before each test, but not before this import.
REAL_HASHER = passwords.hasher


@pytest.fixture(autouse=True)
def _in_an_app(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(app.config, "PROJECT_NAME", PROJECT)
    with app.app_context():
        yield


@pytest.fixture
def without_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "find_spec", lambda name: None)


def test_a_stolen_hash_is_costly_to_guess() -> None:
    parameters = extract_parameters(REAL_HASHER.hash(PASSWORD))
    assert parameters.type is Type.ID
    # OWASP names several pairs, from 46 MiB and one pass to 7 MiB and five.
    assert parameters.memory_cost >= 7 * 1024  # KiB
    assert parameters.memory_cost * parameters.time_cost >= 35 * 1024
    assert parameters.salt_len >= 16
    assert parameters.hash_len >= 32


def test_a_hash_holds_no_password_and_is_never_the_same() -> None:
    hashes = {hash_password(PASSWORD) for _ in range(3)}
    assert len(hashes) == 3
    assert PASSWORD not in "".join(hashes)


def test_the_right_password_passes_and_no_other(subtests: pytest.Subtests) -> None:
    for right in [PASSWORD, "пароль 🔑", " leading and trailing ", "p" * MAX_LENGTH]:
        with subtests.test(right[:9]):
            hashed = hash_password(right)
            assert verify_password(hashed, right)
            for other in ("", "a", right[:-1], f"{right} ", right.strip(), right.upper()):
                assert verify_password(hashed, other) == (other == right)


def test_nobody_has_the_password_of_the_dummy() -> None:
    assert not verify_password(None, PASSWORD)
    assert not verify_password(None, "")


def test_the_dummy_costs_what_a_real_hash_costs() -> None:
    real = extract_parameters(hash_password(PASSWORD))
    assert extract_parameters(passwords.dummy_hash()) == real


def test_a_damaged_hash_lets_nobody_in(subtests: pytest.Subtests) -> None:
    for damaged in ("", "plain text", "$argon2id$", "$2b$12$abc", "\0"):
        with subtests.test(damaged):
            assert not verify_password(damaged, PASSWORD)
            assert not verify_password(damaged, "")


def test_when_no_place_is_free_or_the_line_is_long_the_next_one_is_turned_away(
    monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    real, turned_away = hash_password(PASSWORD), list[str]()

    def another() -> None:
        with pytest.raises(ServiceUnavailable) as caught:
            verify_password(None, PASSWORD)
        turned_away.append(dict(caught.value.get_headers())["Retry-After"])

    monkeypatch.setattr(passwords, "MAX_WAIT", 0)
    monkeypatch.setattr(passwords, "hasher", slow_hasher("verify", another))
    for in_flight, in_line in [(1, 2), (2, 1)]:
        with subtests.test(in_flight=in_flight, in_line=in_line):
            monkeypatch.setattr(passwords, "_in_flight", BoundedSemaphore(in_flight))
            monkeypatch.setattr(passwords, "_in_line", BoundedSemaphore(in_line))
            assert verify_password(real, PASSWORD)
    assert turned_away == ["2", "2"]


def test_one_address_leaves_places_to_others_and_gives_its_own_back(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str] = []
    in_flight = 0

    def verify(address: str) -> None:
        with app.test_request_context(environ_base={"REMOTE_ADDR": address}):
            assert not verify_password(None, PASSWORD)
        checked.append(address)

    def another() -> None:
        nonlocal in_flight
        in_flight += 1
        if in_flight < passwords.MAX_OF_ADDRESS:
            verify("2001:db8::1")
        elif in_flight == passwords.MAX_OF_ADDRESS:
            with pytest.raises(ServiceUnavailable):
                verify("2001:db8::2")
            verify("2001:db9::1")

    monkeypatch.setattr(passwords, "hasher", slow_hasher("verify", another))
    monkeypatch.setattr(passwords, "_in_flight", BoundedSemaphore(passwords.MAX_OF_ADDRESS + 1))
    for _ in range(2):
        in_flight = 0
        verify("2001:db8::1")
    assert checked == ["2001:db9::1", *["2001:db8::1"] * passwords.MAX_OF_ADDRESS] * 2


def test_each_check_gives_its_place_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "MAX_WAIT", 0)
    monkeypatch.setattr(passwords, "_in_flight", BoundedSemaphore(1))
    monkeypatch.setattr(passwords, "_in_line", BoundedSemaphore(1))
    real = hash_password(PASSWORD)
    for stored, password in [(real, "wrong"), ("damaged", PASSWORD), (None, PASSWORD)]:
        assert not verify_password(stored, password)
    assert verify_password(real, PASSWORD)


# New passwords.


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
    assert not passwords._is_breached(ON_THE_LIST[0])
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
