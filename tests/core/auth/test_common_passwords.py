"""Which long passwords are easy to guess, and which are not."""

from collections.abc import Iterator

import pytest
from flask import Flask
from secure_flask.auth.common_passwords import is_easy_to_guess
from secure_flask.auth.passwords import MAX_LENGTH, MIN_NAME, why_password_refused

from core.conftest import Configure
from core.shared import common_passwords

NAME, EMAIL, PROJECT = "Ada Lovelace", "countess@ockham.example", "Garden Shed"
EASY = "easy to guess"


@pytest.fixture(autouse=True)
def _in_an_app(app: Flask, configure: Configure) -> Iterator[None]:
    configure(app, PROJECT_NAME=PROJECT)
    with app.app_context():
        yield


def reason(password: str) -> str:
    return str(why_password_refused(password, NAME, EMAIL))


@pytest.mark.asvs("6.2.4", "6.2.11")
@pytest.mark.parametrize("password", common_passwords(NAME, PROJECT))
def test_what_attackers_try_first_is_refused_without_an_extra(password: str) -> None:
    assert EASY in reason(password) or "must not contain your name" in reason(password)


TAKEN = [
    "seven owls in a well of ink",
    "cleft cam synod lacy",
    "wasserturm ofen birne",
    "ключ под синим камнем",
    "青い傘と三匹の猫が雨の中で踊る",
    "vkqmzpwjxhtnbrldcgfs",
    "8f3a91c07d5be246",
    "3fBq-Zt1_xWm9KpLr2Vd",
    # Common words may be parts of a sentence.
    "my password lives under the third stone",
    "correct horse battery staple 1837",
    # Signs count where there are more of them than letters.
    "a♞♜♝♛♚♟♠♣♥♦☂☃☎✂✈",
]


@pytest.mark.parametrize("password", [*TAKEN, *(each * 30 for each in TAKEN)])
def test_a_sentence_and_random_characters_are_taken(password: str) -> None:
    assert reason(password[:MAX_LENGTH]) == "None"


SPELLINGS = """
PassWord12345678 p4$$w0rd!p4$$w0rd! pässwörd12345678 ｐａｓｓｗｏｒｄ１２３４５６７８
987654321098765 zyxwvutsrqponml 123abc456def789 1q2w3e4r5t6y7u8i 1qaz2wsx3edc4rfv
qwertzuiopasdfgh azertyuiopqsdfgh lovelaceada12345 ockham.example.1234 shed-garden-1234
Sommer24!Sommer24! P.a.s.s.w.o.r.d.
"""
OTHERS = ["correct horse battery staple", "pass word pass word", "\N{KEY}" * 15, "../" * 15]


@pytest.mark.parametrize(
    "password", [*SPELLINGS.split(), *OTHERS, "passw\N{ZERO WIDTH SPACE}ord12345678"]
)
def test_another_spelling_or_order_is_as_easy(password: str) -> None:
    assert EASY in reason(password)


@pytest.mark.parametrize(
    "password", ["gardenshed-kx7tq9zv", "Garden_Shed kx7tq9zv", "adalovelace-kx7tq9zv"]
)
def test_a_name_counts_with_other_signs_between_its_words_too(password: str) -> None:
    assert "must not contain your name" in reason(password)


def test_a_name_of_one_word_is_not_found_across_two_words() -> None:
    assert len("anna") >= MIN_NAME
    assert why_password_refused("older than nature itself", "anna") is None


def test_half_as_many_pieces_as_characters_are_demanded_and_at_most_eight() -> None:
    four, eight = "kx7t", "kx7tq9zv"
    assert [is_easy_to_guess(four, 8), is_easy_to_guess(four[:3] * 3, 8)] == [False, True]
    assert [
        is_easy_to_guess(eight * 7 + eight[::-1], 64),
        is_easy_to_guess(eight[:7] * 10, 64),
    ] == [False, True]


@pytest.mark.parametrize("password", ["a" * MAX_LENGTH, "\ufdfb" * MAX_LENGTH, "abc" * 341])
def test_the_longest_one_is_judged_too(password: str) -> None:
    """U+FDFB stands for eight letters, of which five are different."""
    assert EASY in reason(password)
