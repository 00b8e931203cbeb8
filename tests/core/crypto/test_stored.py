"""Stored ciphertexts: each is read once, and swapped only where nobody wrote in between."""

from dataclasses import replace

import pytest
from secure_flask.auth import users
from secure_flask.crypto import stored
from secure_flask.crypto.stored import Row, Stored
from secure_flask.crypto.stored_columns import find_all
from secure_flask.database import db
from sqlalchemy import select

from core.conftest import PASSWORD
from core.site import User

NAMES = ["bob", "eve", "ivy", "joe", "kim"]


@pytest.fixture
def addresses(monkeypatch: pytest.MonkeyPatch) -> Stored:
    """Those of five users; one more has none."""
    monkeypatch.setattr(stored, "PAGE", 2)
    for name in NAMES:
        users.create_user(name, PASSWORD, email=f"{name}@example.org")
    [described] = [stored for stored in find_all() if stored.name == "users.email"]
    return described


def rows_of(column: Stored) -> list[Row]:
    return [row for page in column.pages() for row in page]


def test_each_row_is_visited_once_in_either_order(addresses: Stored) -> None:
    for order in (addresses.order, addresses.keys):
        pages = replace(addresses, order=order).pages()
        visited = {tuple(row.key): len(page) for page in pages for row in page}
        assert sorted(visited.values()) == [1, 2, 2, 2, 2]


def test_only_values_that_are_still_what_was_read_are_swapped(addresses: Stored) -> None:
    rows = rows_of(addresses)
    eve = db.session.scalars(select(User).filter_by(name="eve")).one()
    eve.email = "new@example.org"
    db.session.commit()
    addresses.compare_and_swap(addresses.value, [(row, b"swapped") for row in rows])
    kept = [row.key for row in rows_of(addresses) if row.value != b"swapped"]
    assert kept == [[eve.id]]
    assert eve.email == "new@example.org"
