"""Functions for migrations that encrypt stored values, or re-encrypt them for another context."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from secure_flask.crypto.encrypted_columns import EncryptedColumn, row_context
from secure_flask.crypto.encryption import decrypt
from secure_flask.database.paging import pages_of_rows
from sqlalchemy.orm import DeclarativeBase


def encrypt_plain(connection: sa.Connection, model: type[DeclarativeBase], name: str) -> None:
    """Fill a new `encrypted_column` of the model from the plain column of the same name.

    Call it between adding the new columns and dropping the plain one, in the transaction of
    the migration: `encrypt_plain(op.get_bind(), User, "phone")`.
    """
    _fill(connection, model, name, sa.column(name, sa.String()), lambda plaintext, key: plaintext)


def change_context(
    connection: sa.Connection, model: type[DeclarativeBase], name: str, *, old: str
) -> None:
    """Re-encrypt the values of an `encrypted_column` from the context `old` to the current one.

    Use it after renaming a table or column, or for values that a mixin stored with its own
    name: `change_context(op.get_bind(), Card, "iban", old="Iban.iban")`.

    :raises DecryptionError: a value does not have the context `old`.
    """

    def read(ciphertext: bytes, key: list[object]) -> str:
        return decrypt(ciphertext, context=row_context(old, key)).decode()

    _fill(connection, model, name, sa.column(f"{name}_encrypted", sa.LargeBinary()), read)


def _fill(
    connection: sa.Connection,
    model: Any,
    name: str,
    source: sa.ColumnClause[Any],
    read: Callable[[Any, list[object]], str],
) -> None:
    """Read the source of each row and store its value encrypted, page by page."""
    mapper = model.__mapper__
    described: EncryptedColumn = mapper.all_orm_descriptors[name].info["encrypted_column"]
    keys = [sa.column(key.name, key.type) for key in model.__table__.primary_key]
    targets = [sa.column(each, sa.LargeBinary()) for each in (described.encrypted, described.index)]
    columns = {each.name: each for each in (*keys, *targets, source)}
    raw = sa.table(model.__table__.name, *columns.values(), schema=model.__table__.schema)
    found = sa.select(*keys, source).where(source.is_not(None)).select_from(raw)
    for rows in pages_of_rows(connection.execute, found, keys):
        for *key, value in rows:
            values = described.stored(mapper, key, read(value, key))
            same_row = [column == part for column, part in zip(keys, key, strict=True)]
            connection.execute(sa.update(raw).where(*same_row).values(values))
