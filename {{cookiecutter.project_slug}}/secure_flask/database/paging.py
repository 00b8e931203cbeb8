"""Reads a table page by page, so that a large one needs no more memory than a small one."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa

PAGE = 500  # rows

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
