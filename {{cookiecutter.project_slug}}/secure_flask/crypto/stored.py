"""Reads and updates the ciphertexts of an encrypted column as raw bytes.

Updates are compare-and-swap: a value that has changed since it was read is left alone, so
that no concurrent write is lost.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from secure_flask.database import db
from sqlalchemy import ColumnClause, ColumnElement, bindparam, func, select, tuple_, update

PAGE = 500  # rows

Key = list[Any]


@dataclass(frozen=True)
class Row:
    key: Key
    value: bytes
    index: bytes | None
    position: list[Any]  # in `Stored.order`


@dataclass(frozen=True)
class Stored:
    """An encrypted column, and the column of its blind index if it has one."""

    name: str
    keys: list[ColumnClause[Any]]
    order: list[ColumnClause[Any]]  # of the pages
    value: ColumnClause[bytes]
    index: ColumnClause[bytes] | None
    context_of: Callable[[Key], str]
    index_context: str

    def count(self, *conditions: ColumnElement[bool]) -> int:
        """The number of rows that have a value and meet the conditions."""
        found = select(func.count(self.value)).where(*conditions)
        return db.session.scalar(found) or 0

    def counts(self, stored: ColumnClause[bytes], prefix_size: int) -> dict[bytes, int]:
        """The number of values by prefix, which contains the key id."""
        prefix = func.substr(stored, 1, prefix_size)
        found = select(prefix, func.count()).where(self.value.is_not(None)).group_by(prefix)
        return {bytes(start or b""): count for start, count in db.session.execute(found)}

    def pages(self, *conditions: ColumnElement[bool]) -> Iterator[list[Row]]:
        """The rows that have a value and meet the conditions, page by page."""
        index = self.value if self.index is None else self.index
        page = select(*self.keys, self.value, index, *self.order)
        page = page.where(self.value.is_not(None), *conditions).order_by(*self.order).limit(PAGE)
        rows = self._read(page)
        while rows:
            yield rows
            last = tuple_(*rows[-1].position, types=[each.type for each in self.order])
            rows = self._read(page.where(tuple_(*self.order) > last))

    def compare_and_swap(self, stored: ColumnClause[bytes], swaps: list[tuple[Row, bytes]]) -> None:
        """Store the new bytes in each row whose value has not changed since it was read."""
        if not swaps:
            return
        names = [f"key_{number}" for number in range(len(self.keys))]
        same = [key == bindparam(name) for key, name in zip(self.keys, names, strict=True)]
        swapped = update(self.value.table).where(*same, self.value == bindparam("seen"))  # type: ignore[arg-type]
        parameters = [
            {**dict(zip(names, row.key, strict=True)), "seen": row.value, "new": new}
            for row, new in swaps
        ]
        swapped = swapped.values({stored.name: bindparam("new")})
        db.session.connection().execute(swapped, parameters)
        db.session.commit()

    def _read(self, page: Any) -> list[Row]:
        rows = [self._row(found) for found in db.session.execute(page)]
        # Ends the read transaction: SQLite refuses to write in one that began before another write.
        db.session.commit()
        return rows

    def _row(self, found: Sequence[Any]) -> Row:
        size = len(self.keys)
        value, index = found[size : size + 2]
        return Row(list(found[:size]), value, index, list(found[size + 2 :]))
