"""Passwords: how they are kept and checked."""

from threading import BoundedSemaphore

import pytest
from argon2 import Type, extract_parameters
from secure_flask.auth import passwords
from secure_flask.auth.passwords import MAX_LENGTH, TooBusy, hash_password, verify_password

from core.conftest import PASSWORD, slow_hasher

# The tests put a cheap one in its place before each test, but not before this import.
REAL_HASHER = passwords.hasher


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
    real, turned_away = hash_password(PASSWORD), list[type[TooBusy]]()

    def another() -> None:
        with pytest.raises(TooBusy) as caught:
            verify_password(None, PASSWORD)
        turned_away.append(caught.type)

    monkeypatch.setattr(passwords, "MAX_WAIT", 0)
    monkeypatch.setattr(passwords, "hasher", slow_hasher("verify", another))
    for in_flight, in_line in [(1, 2), (2, 1)]:
        with subtests.test(in_flight=in_flight, in_line=in_line):
            monkeypatch.setattr(passwords, "_in_flight", BoundedSemaphore(in_flight))
            monkeypatch.setattr(passwords, "_in_line", BoundedSemaphore(in_line))
            assert verify_password(real, PASSWORD)
    assert turned_away == [TooBusy] * 2


def test_each_check_gives_its_place_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "MAX_WAIT", 0)
    monkeypatch.setattr(passwords, "_in_flight", BoundedSemaphore(1))
    monkeypatch.setattr(passwords, "_in_line", BoundedSemaphore(1))
    real = hash_password(PASSWORD)
    for stored, password in [(real, "wrong"), ("damaged", PASSWORD), (None, PASSWORD)]:
        assert not verify_password(stored, password)
    assert verify_password(real, PASSWORD)
