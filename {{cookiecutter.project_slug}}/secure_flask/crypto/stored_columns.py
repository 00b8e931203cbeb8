"""Finds the columns that hold encrypted values, in all tables of all databases of `db`.

A column whose values cannot be rotated is found too, with the reason. Its values would be lost with
the old key.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import sqlalchemy as sa
from secure_flask.crypto import encryption
from secure_flask.crypto.blind_indexes import INDEX_PREFIX
from secure_flask.crypto.encrypted_columns import (
    VALUE_OF,
    EncryptedColumn,
    column_name,
    row_context,
)
from secure_flask.crypto.encrypted_types import Encrypted, encrypted_types_in
from secure_flask.crypto.keyring import blind_index_keys, encryption_keys, key_in_force
from secure_flask.database import db
from sqlalchemy.exc import UnboundExecutionError
from sqlalchemy.types import TypeDecorator, TypeEngine


class UnreachableValues(Exception):
    """Says in sentences why the values of a column cannot be rotated, and what to change."""


@dataclass(frozen=True)
class Stored:
    """An encrypted column, and the column of its blind index if it has one."""

    value: sa.Column[Any]
    context_of: Callable[[list[object]], str]
    index: sa.Column[Any] | None = None
    index_context: str = ""

    @property
    def name(self) -> str:
        return column_name(self.value.table, self.value.name)

    @property
    def raw(self) -> sa.ColumnElement[bytes]:
        """The column as bytes, so that its type does not decrypt the values."""
        return sa.type_coerce(self.value, sa.LargeBinary)

    @property
    def outdated(self) -> sa.ColumnElement[bool]:
        """Whether a row's value or index is not by the first key, or its index is missing."""
        key = encryption.PREFIX.pack(encryption.VERSION, key_in_force(encryption_keys())[0])
        conditions = [sa.func.substr(self.raw, 1, len(key)) != key]
        if self.index is not None:
            key = INDEX_PREFIX.pack(key_in_force(blind_index_keys())[0])
            conditions += [self.index.is_(None), sa.func.substr(self.index, 1, len(key)) != key]
        return sa.and_(self.raw.is_not(None), sa.or_(*conditions))

    def execute(self, statement: sa.Executable) -> Any:
        """Run a statement in the session, in the database of the column's table."""
        # The session sends a SELECT of single columns to the database of DATABASE_URL otherwise.
        return db.session.execute(statement, bind_arguments={"clause": self.value.table})


def encrypted_columns() -> tuple[list[Stored], dict[str, str]]:
    """The columns that can be rotated, and the reason for each of the others; both by name."""
    columns = {
        column_name(table, column.name): column
        for metadata in db.metadatas.values()
        for table in metadata.tables.values()
        for column in table.columns
    }
    found: list[Stored] = []
    unreachable: dict[str, str] = {}
    for name in sorted(columns):
        try:
            found += _stored_in(columns[name])
        except UnreachableValues as why:
            unreachable[name] = str(why)
    return found, unreachable


def _stored_in(column: sa.Column[Any]) -> Iterator[Stored]:
    """
    :raises UnreachableValues: the column is encrypted, and cannot be rotated.
    """
    described: EncryptedColumn | None = column.info.get(VALUE_OF)
    if described:
        _require_database_and_key(column.table)
        context = described.context_in_table(column.table)
        index = column.table.columns[described.index] if described.indexed else None
        yield Stored(column, partial(row_context, context), index, context)
    elif encrypted_types_in(column.type):
        dialect = _require_database_and_key(column.table)
        if found := _stored_type(column.type, dialect):
            yield Stored(column, found.context_of)


def _require_database_and_key(table: sa.Table) -> sa.Dialect:
    try:
        dialect = db.session.get_bind(clause=table).dialect
    except UnboundExecutionError:
        raise UnreachableValues("SQLALCHEMY_BINDS does not have its bind: add it.") from None
    if not table.primary_key.columns:
        raise UnreachableValues("Its table has no primary key, which identifies a row: add one.")
    if any(encrypted_types_in(key.type) for key in table.primary_key):
        raise UnreachableValues(
            "The primary key of its table is encrypted, so no row can be found: use another one."
        )
    return dialect


def _stored_type(column_type: TypeEngine[Any], dialect: sa.Dialect) -> Encrypted[Any] | None:
    """The type whose ciphertext this database stores, without the types around it; None if no one.

    :raises UnreachableValues: the database stores something else that contains a ciphertext.
    """
    stored = column_type.dialect_impl(dialect)
    inside = encrypted_types_in(stored, dialect.name)
    while isinstance(stored, TypeDecorator) and not isinstance(stored, Encrypted):
        stored = cast(TypeEngine[Any], stored.impl)
    if inside and inside != [stored]:
        raise UnreachableValues(
            f"Its type {type(column_type).__name__} stores an encrypted value inside another one: "
            "use one encrypted type alone, such as EncryptedJSON for a list."
        )
    return inside[0] if inside else None
