"""How many mails one address gets."""

from collections.abc import Iterator

import pytest
from flask import Flask

from app.accounts.mail.mail_limits import LIMIT, NOTHING, may_send
from tests.conftest import Wait

KIND = "reset"


@pytest.fixture(autouse=True)
def _in_app(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def test_an_address_gets_a_few_mails_in_a_window_however_it_is_spelled(wait: Wait) -> None:
    spellings = ["ada@example.org", "ADA@Example.org"]
    allowed = [may_send(KIND, spellings[number % 2]) for number in range(LIMIT.amount + 1)]
    assert allowed == [True] * LIMIT.amount + [False]
    assert may_send(KIND, "eve@example.org")
    wait(LIMIT.get_expiry() + 1)
    assert may_send(KIND, "ada@example.org")


def test_mails_of_one_kind_suppress_none_of_another() -> None:
    assert not all(may_send(NOTHING, "ada@example.org") for _ in range(LIMIT.amount + 1))
    assert may_send(KIND, "ada@example.org")


def test_text_that_is_no_address_is_counted_too() -> None:
    for text in ("", "\udcff", "x" * 100_000):
        assert may_send(KIND, text)
