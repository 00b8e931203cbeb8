"""For migrations: values that are stored in another way become those of an encrypted column."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    ColumnClause,
    Connection,
    LargeBinary,
    String,
    column,
    select,
    table,
    tuple_,
    update,
)

from app.crypto.encrypted_columns import EncryptedColumn, row_context
from app.crypto.encryption import decrypt

PAGE = 500  # rows


def encrypt_plain(connection: Connection, model: Any, name: str) -> None:
    """Fill a new `encrypted_column` of the model from the plain column of the same name.

    Between adding the new columns and dropping the plain one, in the migration's own
    transaction, so that nobody sees half of it: `encrypt_plain(op.get_bind(), User, "phone")`.
    """
    _fill(connection, model, name, column(name, String()), lambda plaintext, key: plaintext)


def change_context(connection: Connection, model: Any, name: str, *, old: str) -> None:
    """Encrypt the values of an `encrypted_column` again that have another context.

    After a table or a column got another name, or for values that a mixin's column stored
    under the name of the mixin: `change_context(op.get_bind(), Card, "iban", old="Iban.iban")`.

    :raises DecryptionError: a value has another context than that; nothing is changed then.
    """

    def read(ciphertext: bytes, key: list[Any]) -> str:
        return decrypt(ciphertext, context=row_context(old, key)).decode()

    _fill(connection, model, name, column(f"{name}_encrypted", LargeBinary()), read)


def _fill(
    connection: Connection,
    model: Any,
    name: str,
    source: ColumnClause[Any],
    read: Callable[[Any, list[Any]], str],
) -> None:
    """Store what is read from the source of each row as the column stores it, page by page."""
    mapper, described = model.__mapper__, _described(model, name)
    keys = [column(key.name, key.type) for key in model.__table__.primary_key]
    targets = [column(each, LargeBinary()) for each in (described.encrypted, described.index)]
    columns = {each.name: each for each in (*keys, *targets, source)}
    raw = table(model.__table__.name, *columns.values(), schema=model.__table__.schema)
    page = select(*keys, source).where(source.is_not(None)).order_by(*keys).limit(PAGE)
    page = page.select_from(raw)
    rows = connection.execute(page).all()
    while rows:
        for *key, value in rows:
            values = described.stored(mapper, key, read(value, key))
            same_row = [column == part for column, part in zip(keys, key, strict=True)]
            connection.execute(update(raw).where(*same_row).values(values))
        last = tuple_(*rows[-1][:-1], types=[key.type for key in keys])
        rows = connection.execute(page.where(tuple_(*keys) > last)).all()


def _described(model: Any, name: str) -> EncryptedColumn:
    described: EncryptedColumn = model.__mapper__.all_orm_descriptors[name].info["encrypted_column"]
    return described
