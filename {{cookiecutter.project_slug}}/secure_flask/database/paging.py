"""Reads a table page by page, so that a large one needs no more memory than a small one."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from flask import request

PAGE = 500  # rows
# A list has no such page, and a database can count to its first row, which it cannot for any number.
LAST_PAGE = 10**12
# `int` would accept the digits of other scripts, signs and spaces too.
_DIGITS = re.compile("[0-9]+")

Execute = Callable[[sa.Select[Any]], sa.Result[Any]]


def pages_of_rows(
    execute: Execute, found: sa.Select[*tuple[Any, ...]], keys: list[Any]
) -> Iterator[Sequence[Any]]:
    """The rows of `found`, page by page. Each row begins with `keys`, which identify it."""
    page = found.order_by(*keys).limit(PAGE)
    rows = execute(page).all()
    while rows:
        yield rows
        last = sa.tuple_(*rows[-1][: len(keys)], types=[key.type for key in keys])
        rows = execute(page.where(sa.tuple_(*keys) > last)).all()


def page_number(given: int | None) -> int:
    """The number of a page that a view gives, or else that of `?page=2`; 0 for a text that is none.

    A larger one than LAST_PAGE is LAST_PAGE.
    """
    if given is None:
        text = request.args.get("page", "1") if request else "1"
        # Python converts no text of more than 4,300 digits, and 13 are too many for a page.
        given = int(text[:13]) if _DIGITS.fullmatch(text) else 0
    return min(given, LAST_PAGE)
