"""Finds all encrypted columns, and reads and updates their ciphertexts as raw bytes.

Updates are compare-and-swap: a value that has changed since it was read is left alone, so
that no concurrent write is lost.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    ColumnClause,
    ColumnElement,
    LargeBinary,
    Table,
    bindparam,
    column,
    func,
    inspect,
    select,
    table,
    tuple_,
    update,
)
from sqlalchemy.orm import Mapper

from app.crypto.encrypted_columns import EncryptedColumn
from app.crypto.encrypted_types import Encrypted
from app.db import Model, db

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


def find_all() -> list[Stored]:
    """All encrypted columns of all models, sorted by name."""
    found = {
        stored.name: stored
        for mapper in Model.registry.mappers
        for stored in (*_by_attribute(mapper), *_by_type(cast(Table, mapper.local_table)))
    }
    return [found[name] for name in sorted(found)]


def _by_attribute(mapper: Mapper[Any]) -> Iterator[Stored]:
    keys, raw = _raw(cast(Table, mapper.local_table))
    for attribute in mapper.all_orm_descriptors:
        described: EncryptedColumn | None = getattr(attribute, "info", {}).get("encrypted_column")
        if described:
            yield Stored(
                name=f"{mapper.local_table}.{described.name}",
                keys=keys,
                order=_order(cast(Table, mapper.local_table), keys),
                value=raw[mapper.columns[described.encrypted].name],
                index=raw[mapper.columns[described.index].name] if described.indexed else None,
                context_of=partial(described.context_of, mapper),
                index_context=described.context_in(mapper),
            )


def _by_type(described: Table) -> Iterator[Stored]:
    keys, raw = _raw(described)
    for each in described.columns:
        if isinstance(each.type, Encrypted):
            context_of = partial(_constant_context, each.type.context)
            order, value = _order(described, keys), raw[each.name]
            yield Stored(str(each), keys, order, value, None, context_of, "")


def _constant_context(context: str, key: Key) -> str:
    return context


def _order(described: Table, keys: list[ColumnClause[Any]]) -> list[ColumnClause[Any]]:
    """The primary key. On SQLite the order in the file, where rows of random keys lie anywhere."""
    on_disk = db.engine.dialect.name == "sqlite" and _has_rowid(described)
    return [column("rowid", BigInteger())] if on_disk else keys


def _has_rowid(described: Table) -> bool:
    is_view = described.name not in inspect(db.engine).get_table_names(described.schema)
    is_hidden = any(each.name.lower() == "rowid" for each in described.columns)
    with_rowid = described.dialect_options["sqlite"]["with_rowid"]
    return bool(with_rowid) and not is_view and not is_hidden


def _raw(described: Table) -> tuple[list[ColumnClause[Any]], dict[str, ColumnClause[bytes]]]:
    """The primary key columns of a table, and all columns by name as raw bytes."""
    columns = [
        column(each.name, each.type if each.primary_key else LargeBinary())
        for each in described.columns
    ]
    raw = table(described.name, *columns, schema=described.schema)
    by_name = {each.name: raw.c[each.name] for each in columns}
    return [by_name[key.name] for key in described.primary_key], by_name
