"""Passwords: how they are kept and checked, and which new ones are refused."""

from collections.abc import Iterator

import pytest
from argon2 import Type, extract_parameters
from flask import Flask
from secure_flask.auth import passwords
from secure_flask.auth.passwords import (
    MAX_LENGTH,
    checked_new_password,
    hash_password,
    verify_password,
    why_password_refused,
)
from secure_flask.policy import Policy
from secure_flask.web.validation import Reason

from core.conftest import PASSWORD, Configure, CountingHasher

USER, PROJECT = "Grace", "Garden Shed"
MIN_LENGTH = Policy.model_fields["PASSWORD_MIN_LENGTH"].default
# They look random.
ON_THE_LIST = ["mailcreated5240", "sparkyqbfhqtwk9", "severussnape0901"]
KEY = "\N{KEY}"  # one character of four bytes
FILL = "seven owls in a well of ink"
TOO_SHORT = "Use at least {min} characters, for example a sentence of a few words"

# The tests put a cheap one in its place before each test, but not before this import.
REAL_HASHER = passwords.hasher


@pytest.fixture(autouse=True)
def _in_an_app(app: Flask, configure: Configure) -> Iterator[None]:
    configure(app, PROJECT_NAME=PROJECT)
    with app.app_context():
        yield


@pytest.fixture
def without_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "find_spec", lambda name: None)


@pytest.mark.asvs("11.4.2")
def test_a_stolen_hash_is_costly_to_guess() -> None:
    parameters = extract_parameters(REAL_HASHER.hash(PASSWORD))
    assert parameters.type is Type.ID
    # OWASP names several pairs, from 46 MiB and one pass to 7 MiB and five.
    assert parameters.memory_cost >= 7 * 1024  # KiB
    assert parameters.memory_cost * parameters.time_cost >= 35 * 1024
    assert parameters.salt_len >= 16
    assert parameters.hash_len >= 32


@pytest.mark.asvs("6.2.8")
@pytest.mark.parametrize(
    "right",
    [
        PASSWORD,
        "caf\u00e9 \ufb01ne",
        "пароль 🔑",
        " leading and trailing ",
        pytest.param("p" * MAX_LENGTH, id="longest"),
    ],
)
def test_the_right_password_passes_and_no_other(right: str) -> None:
    hashed = hash_password(right)
    assert hashed != hash_password(right)
    assert verify_password(hashed, right)
    others = {"", "a", right[:-1], f"{right} ", right.strip(), right.upper(), "cafe\u0301 fine"}
    others -= {right}
    assert {other for other in others if verify_password(hashed, other)} == set()


def test_the_dummy_costs_what_a_real_hash_costs_and_nobody_has_its_password() -> None:
    real = extract_parameters(hash_password(PASSWORD))
    assert extract_parameters(passwords.dummy_hash()) == real
    assert not verify_password(None, PASSWORD)
    assert not verify_password(None, "")


@pytest.mark.asvs("16.5.3")
@pytest.mark.parametrize("password", [PASSWORD, pytest.param("", id="nothing")])
def test_a_damaged_hash_lets_nobody_in_and_costs_what_any_other_costs(
    monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    damaged = ["", "plain text", "$argon2id$", "$2b$12$abc", "\0"]
    monkeypatch.setattr(passwords, "hasher", hasher := CountingHasher(1, 8, 1))
    tried = [(verify_password(each, password), hasher.computed) for each in damaged]
    assert tried == [(False, 1), (False, 2), (False, 3), (False, 4), (False, 5)]


# New passwords.


@pytest.mark.asvs("6.2.1", "6.2.5", "6.2.9")
@pytest.mark.usefixtures("without_the_list")
def test_length_decides_and_no_kind_of_characters(app: Flask, configure: Configure) -> None:
    assert (MIN_LENGTH >= 15, MAX_LENGTH >= 64) == (True, True)
    reasons = [
        str(why_password_refused(refused, USER))
        for refused in ("", "x" * (MIN_LENGTH - 1), KEY * (MIN_LENGTH - 1))
    ]
    assert [f"at least {MIN_LENGTH} characters" in reason for reason in reasons] == [True] * 3
    too_long = why_password_refused("x" * (MAX_LENGTH + 1), USER)
    assert f"at most {MAX_LENGTH} characters" in str(too_long)
    accepted = (FILL[:MIN_LENGTH], FILL.ljust(MAX_LENGTH), FILL.ljust(MAX_LENGTH, KEY))
    assert [why_password_refused(each, USER) for each in accepted] == [None] * 3
    configure(app, PASSWORD_MIN_LENGTH=8)
    assert "at least 8 characters" in str(why_password_refused("x" * 7, USER))
    assert why_password_refused(FILL[:8], USER) is None


@pytest.mark.usefixtures("without_the_list")
@pytest.mark.parametrize("filling", [" ", "\u3000", f"{USER} \t", f"{FILL}\n", "-\0", "-\ud800"])
def test_what_a_login_would_refuse_unseen_is_no_new_password(filling: str) -> None:
    refused = why_password_refused(filling * MIN_LENGTH)
    assert refused == "Use one line of text that is not blank, without control characters"


NAMED = [
    (USER, "for gRaCe alone", True),
    (USER, "disGRACEfulness", True),
    (USER, "a GARDEN SHED key", True),
    (USER, "the garden at dawn", False),
    ("al", "small metal pail", False),  # too short a name
    ("ben", "sieben kleine Zwerge", False),
    ("anna", "bananna and cream", True),
    ("straße", "HAUPTSTRASSE 12", True),
    ("אדהם", "hello אדהם hello", True),
    ("Zoë Q", "for zoe\u0308 q alone", True),  # in two characters, as some keyboards send it
    (USER, "for ｇｒａｃｅ alone", True),
    (".*", "anything at all", False),
    ("lovelace@example.org", "for Lovelace alone", True),
]


@pytest.mark.asvs("6.2.11")
@pytest.mark.usefixtures("without_the_list")
@pytest.mark.parametrize(("name", "password", "refused"), NAMED)
def test_a_name_counts_as_it_is_spoken(name: str, password: str, refused: bool) -> None:
    words = "must not contain your name" if refused else "None"
    assert words in str(why_password_refused(password + FILL, name))


@pytest.mark.asvs("6.2.4", "6.2.12")
def test_what_attackers_try_first_is_refused_where_the_list_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = "a well of ink, seven owls, and one that went for a walk before dawn"
    unlisted = (words, f"{words} {KEY * 60}", "../" * 20 + words, f"{words}\\")
    assert [each for each in unlisted if why_password_refused(each, USER)] == []
    reasons = {password: str(why_password_refused(password, USER)) for password in ON_THE_LIST}
    assert [password for password in reasons if "breached" not in reasons[password]] == []
    monkeypatch.setattr(passwords, "find_spec", lambda name: None)
    assert why_password_refused(ON_THE_LIST[0], USER) is None


def test_a_chosen_password_comes_back_or_is_refused_in_the_words_of_the_owner(
    app: Flask, configure: Configure
) -> None:
    assert checked_new_password(f"a walk {FILL}", USER, None) == f"a walk {FILL}"
    configure(app, TEXTS={TOO_SHORT: "Mindestens {min} Zeichen"})
    with pytest.raises(Reason, match=f"^Mindestens {MIN_LENGTH} Zeichen$"):
        checked_new_password("a")
