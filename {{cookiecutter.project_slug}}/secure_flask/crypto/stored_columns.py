"""Finds the encrypted columns of all models, so that commands reach each value that is stored."""

from collections.abc import Iterator
from functools import partial
from typing import Any, cast

from secure_flask.crypto.encrypted_columns import EncryptedColumn
from secure_flask.crypto.encrypted_types import Encrypted
from secure_flask.crypto.stored import Key, Stored
from secure_flask.database import Model, db
from sqlalchemy import BigInteger, ColumnClause, LargeBinary, Table, column, inspect, table
from sqlalchemy.orm import Mapper


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
    """The columns that order the pages: the primary key, or on SQLite the position in the file.

    Rows with random keys lie anywhere in the file: by their keys, a page would read many parts of it.
    """
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
