"""For migrations: what a table holds in plain text becomes an encrypted column of that name."""

from typing import Any

from sqlalchemy import Connection, LargeBinary, String, column, select, table, tuple_, update

from app.crypto.encrypted_columns import EncryptedColumn

PAGE = 500  # rows


def encrypt_plain(connection: Connection, model: Any, name: str) -> None:
    """Fill a new `encrypted_column` of the model from the plain column of the same name.

    Between adding the new columns and dropping the plain one, in the migration's own
    transaction, so that nobody sees half of it: `encrypt_plain(op.get_bind(), User, "phone")`.
    """
    described: EncryptedColumn = model.__mapper__.all_orm_descriptors[name].info["encrypted_column"]
    keys = [column(key.name, key.type) for key in model.__table__.primary_key]
    new = [column(name, LargeBinary()) for name in (described.encrypted, described.index)]
    raw = table(model.__table__.name, *keys, column(name, String()), *new)
    page = select(*keys, raw.c[name]).where(raw.c[name].is_not(None)).order_by(*keys).limit(PAGE)
    rows = connection.execute(page).all()
    while rows:
        for *key, plaintext in rows:
            values = {described.encrypted: described.encrypt(plaintext, key)}
            if described.indexed:
                values[described.index] = described.index_of(plaintext)
            same_row = [column == value for column, value in zip(keys, key, strict=True)]
            connection.execute(update(raw).where(*same_row).values(values))
        last = tuple_(*rows[-1][:-1], types=[key.type for key in keys])
        rows = connection.execute(page.where(tuple_(*keys) > last)).all()
