"""`flask crypto`: key rotation re-encrypts rows while the app runs.

It is safe to interrupt and run again. A row is updated only if its value is still the one that was
read, so a concurrent write is never lost: the app already writes with the new key. A row that fails
is named and stays as it is, and the others go on.
Source: OWASP ASVS 11.2.2; NIST SP 800-57.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import click
import sqlalchemy as sa
from flask import Flask, current_app
from secure_flask.crypto import encryption
from secure_flask.crypto.blind_indexes import INDEX_PREFIX, blind_index
from secure_flask.crypto.encrypted_columns import EncryptedColumn
from secure_flask.crypto.encrypted_types import Encrypted
from secure_flask.crypto.encryption import DecryptionError, decrypt, encrypt
from secure_flask.crypto.keyring import blind_index_keys, current_key, encryption_keys
from secure_flask.database import db
from secure_flask.database.command_group import CommandGroup, add_command
from secure_flask.database.database import all_mappers
from secure_flask.database.paging import pages_of_rows
from secure_flask.settings import keyrings
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapper

crypto_commands = CommandGroup("crypto", help="Manage encrypted columns and their keys.")


@crypto_commands.command("generate-key")
def generate_key() -> None:
    """Print a new key for ENCRYPTION_KEYS, BLIND_INDEX_KEYS or TOKEN_KEYS, to add at the end."""
    newest = max(*encryption_keys(), *blind_index_keys(), *_numbers_of_token_keys())
    click.echo(keyrings.new_key(str(max(newest + 1, int(keyrings.key_id_of_today())))))


def _numbers_of_token_keys() -> list[int]:
    """The ids of TOKEN_KEYS that a generated key could have; others are words or larger."""
    ring = current_app.config["TOKEN_KEYS"]
    ids = keyrings.read_keyring(ring) if ring else ()
    numbers = [int(key_id) for key_id in ids if keyrings.NUMBER.fullmatch(key_id)]
    return [number for number in numbers if number < keyrings.MAX_NUMBER]


@crypto_commands.command("status")
def status_command() -> None:
    """Count the encrypted values of each column by key. Encrypted files are not included."""
    for stored in encrypted_columns():
        _count_by_key(stored.name, stored.raw, encryption.PREFIX.size, encryption_keys())
        if stored.index is not None:
            _count_by_key(
                f"{stored.name} (index)", stored.index, INDEX_PREFIX.size, blind_index_keys()
            )


@crypto_commands.command("rotate")
def rotate_command() -> None:
    """Re-encrypt columns by the first keys, blind indexes too, but not files.

    Safe to interrupt and run again.
    """
    if failures := sum(_rotate_column(stored) for stored in encrypted_columns()):
        raise click.ClickException(f"{failures} values failed; the lines above name them.")


def init_app(app: Flask) -> None:
    add_command(app, crypto_commands)


@dataclass(frozen=True)
class Stored:
    """An encrypted column, and the column of its blind index if it has one."""

    value: sa.Column[Any]
    context_of: Callable[[list[object]], str]
    index: sa.Column[Any] | None = None
    index_context: str = ""

    @property
    def name(self) -> str:
        return f"{self.value.table}.{self.value.name}"

    @property
    def raw(self) -> sa.ColumnElement[bytes]:
        """The column as bytes, so that its type does not decrypt the values."""
        return sa.type_coerce(self.value, sa.LargeBinary)

    @property
    def outdated(self) -> sa.ColumnElement[bool]:
        """Whether a row's value or index is not by the first key, or its index is missing."""
        key = encryption.PREFIX.pack(encryption.VERSION, current_key(encryption_keys())[0])
        conditions = [sa.func.substr(self.raw, 1, len(key)) != key]
        if self.index is not None:
            key = INDEX_PREFIX.pack(current_key(blind_index_keys())[0])
            conditions += [self.index.is_(None), sa.func.substr(self.index, 1, len(key)) != key]
        return sa.and_(self.raw.is_not(None), sa.or_(*conditions))


def encrypted_columns() -> list[Stored]:
    """The encrypted columns of all models, sorted by name."""
    found = {stored.name: stored for mapper in all_mappers() for stored in _columns_of(mapper)}
    return [found[name] for name in sorted(found)]


def _columns_of(mapper: Mapper[Any]) -> Iterator[Stored]:
    for attribute in mapper.all_orm_descriptors:
        described: EncryptedColumn | None = getattr(attribute, "info", {}).get("encrypted_column")
        if described:
            value = mapper.columns[described.encrypted]
            index = mapper.columns[described.index] if described.indexed else None
            context_of = partial(described.context_of, mapper)
            yield Stored(value, context_of, index, described.context_in(mapper))
    for column in mapper.columns:
        if isinstance(column.type, Encrypted):
            yield Stored(column, column.type.context_of)


def _count_by_key(
    name: str, column: sa.ColumnElement[bytes], size: int, ring: dict[int, bytes]
) -> None:
    prefix = sa.func.substr(column, 1, size)
    counted = sa.select(prefix, sa.func.count()).where(column.is_not(None)).group_by(prefix)
    for start, number in db.session.execute(counted):
        key_id = int.from_bytes(bytes(start)[-4:])
        known = "old" if key_id in ring else "missing"
        state = "current" if key_id == current_key(ring)[0] else known
        click.echo(f"{name}\tkey {key_id}\t{state}\t{number}")


def _rotate_column(stored: Stored) -> int:
    """Re-encrypt a column page by page; return the number of values that failed."""
    done = 0
    failed = 0
    keys = list(stored.value.table.primary_key)
    found = sa.select(*keys, stored.raw).where(stored.outdated)
    for rows in pages_of_rows(db.session.execute, found, keys):
        for failure in _renew_rows(stored, rows):
            failed += 1
            click.echo(failure, err=True)
        done += len(rows)
        click.echo(f"{stored.name}: {done} values")
    click.echo(f"{stored.name}: done, {done} values")
    return failed


def _renew_rows(stored: Stored, rows: Sequence[Any]) -> list[str]:
    """Store values in one transaction; return a sentence for each that failed.

    If a constraint refuses a row, each row gets a separate transaction, so that only this row
    fails. Savepoints would do the same, but cost two more statements for each row.
    """
    # End the read transaction: SQLite refuses to write in one that began before another write.
    db.session.commit()
    try:
        reasons = [_renew_value(stored, key, seen) for *key, seen in rows]
        db.session.commit()
    except IntegrityError as error:
        db.session.rollback()
        if len(rows) > 1:
            return [failure for row in rows for failure in _renew_rows(stored, [row])]
        [[*key, seen]] = rows
        reasons = [_explain_conflict(stored, key, seen, error)]
    failed = [(key, reason) for (*key, _), reason in zip(rows, reasons, strict=True) if reason]
    return [f"{stored.name} of {_key_text(key)}: {reason}" for key, reason in failed]


def _renew_value(stored: Stored, key: list[object], seen: bytes) -> str:
    """Store a value under the first keys; return why it failed, or an empty text."""
    context = stored.context_of(key)
    try:
        plaintext = decrypt(seen, context=context)
    except DecryptionError:
        return "not decrypted, left as it is"
    # The type of this literal replaces the column's, which would encrypt the value again.
    sealed = sa.literal(encrypt(plaintext, context=context), sa.LargeBinary())
    new: dict[Any, Any] = {stored.value: sealed}
    if stored.index is not None:
        new[stored.index] = blind_index(plaintext.decode(), context=stored.index_context)
    table = stored.value.table
    same_row = [column == part for column, part in zip(table.primary_key, key, strict=True)]
    unchanged = sa.update(table).where(*same_row, stored.raw == seen)
    db.session.execute(unchanged.values(new))
    return ""


def _explain_conflict(stored: Stored, key: list[object], seen: bytes, error: IntegrityError) -> str:
    """Say which row has the same value, since nobody can find it by SQL."""
    if stored.index is not None:
        value = decrypt(seen, context=stored.context_of(key)).decode()
        index = blind_index(value, context=stored.index_context)
        same_value = sa.select(*stored.value.table.primary_key).where(stored.index == index)
        if other := db.session.execute(same_value).first():
            why = f"left as it is, since {_key_text(other)} has this value too"
            return f"{why}: change or delete one of the two, and rotate again"
    # Only the first line is shown: PostgreSQL adds lines with values.
    return f"left as it is, since the tables forbid a change: {str(error.orig).splitlines()[0]}"


def _key_text(key: Sequence[object]) -> str:
    """A primary key as an operator reads it."""
    return ", ".join(map(str, key))
