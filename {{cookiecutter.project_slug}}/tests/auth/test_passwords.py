"""Passwords: how they are kept and checked."""

from threading import BoundedSemaphore
from typing import Literal

import pytest
from argon2 import PasswordHasher, Type, extract_parameters

from app.auth import passwords
from app.auth.passwords import TooBusy, hash_password, verify_password
from tests.conftest import PASSWORD

# The tests put a cheap one in its place before each test, but not before this import.
REAL_HASHER = passwords.hasher


@pytest.mark.asvs("11.4.2")
def test_a_stolen_hash_is_costly_to_guess() -> None:
    parameters = extract_parameters(REAL_HASHER.hash(PASSWORD))
    assert parameters.type is Type.ID
    assert parameters.memory_cost == 46 * 1024  # KiB
    assert (parameters.time_cost, parameters.parallelism) == (1, 1)
    assert parameters.salt_len >= 16
    assert parameters.hash_len >= 32


def test_a_hash_holds_no_password_and_is_never_the_same() -> None:
    hashes = {hash_password(PASSWORD) for _ in range(3)}
    assert len(hashes) == 3
    assert PASSWORD not in "".join(hashes)


@pytest.mark.parametrize("password", [PASSWORD, "пароль 🔑", " leading and trailing ", "p" * 1024])
def test_the_right_password_passes(password: str) -> None:
    assert verify_password(hash_password(password), password)


@pytest.mark.parametrize("password", ["", "a", PASSWORD[:-1], f"{PASSWORD} ", PASSWORD.upper()])
def test_another_password_does_not(password: str) -> None:
    assert not verify_password(hash_password(PASSWORD), password)


@pytest.mark.asvs("6.2.8")
def test_every_character_of_a_long_password_counts() -> None:
    assert not verify_password(hash_password("p" * 1023 + "q"), "p" * 1024)


def test_nobody_has_the_password_of_the_dummy() -> None:
    assert not verify_password(None, PASSWORD)
    assert not verify_password(None, "")


def test_the_dummy_costs_what_a_real_hash_costs() -> None:
    real = extract_parameters(hash_password(PASSWORD))
    assert extract_parameters(passwords.hash_of_nothing()) == real


@pytest.mark.asvs("16.5.3")
@pytest.mark.parametrize("damaged", ["", "plain text", "$argon2id$", "$2b$12$abc", "\0"])
def test_a_damaged_hash_lets_nobody_in(damaged: str) -> None:
    assert not verify_password(damaged, PASSWORD)
    assert not verify_password(damaged, "")


def test_a_full_house_turns_the_next_one_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "MAX_WAIT", 0)
    monkeypatch.setattr(passwords, "_in_flight", BoundedSemaphore(1))
    turned_away: list[type[TooBusy]] = []

    class Busy(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
            with pytest.raises(TooBusy) as caught:
                verify_password(None, PASSWORD)
            turned_away.append(caught.type)
            return True

    monkeypatch.setattr(passwords, "hasher", Busy(1, 8, 1))
    assert verify_password("a hash", PASSWORD)
    assert turned_away == [TooBusy]


def test_each_check_gives_its_place_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "MAX_WAIT", 0)
    monkeypatch.setattr(passwords, "_in_flight", BoundedSemaphore(1))
    real = hash_password(PASSWORD)
    assert verify_password(real, PASSWORD)
    assert not verify_password(real, "wrong")
    assert not verify_password("damaged", PASSWORD)
    assert not verify_password(None, PASSWORD)
    assert verify_password(real, PASSWORD)
