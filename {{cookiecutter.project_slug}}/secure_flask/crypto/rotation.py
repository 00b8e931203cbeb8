"""`flask crypto`: key rotation re-encrypts rows while the app runs.

It is safe to interrupt and run again. A row is updated only if its value is still the one that was
read, so a concurrent write is never lost: the app already writes with the new key. A row that fails
is named and stays as it is, and the others go on.
Source: OWASP ASVS 11.2.2; NIST SP 800-57.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
import sqlalchemy as sa
from flask import Flask, current_app
from secure_flask.crypto import encryption
from secure_flask.crypto.blind_indexes import INDEX_PREFIX, blind_index
from secure_flask.crypto.encryption import DecryptionError, decrypt, encrypt
from secure_flask.crypto.keyring import blind_index_keys, encryption_keys, key_in_force
from secure_flask.crypto.stored_columns import Stored, encrypted_columns
from secure_flask.database import db
from secure_flask.database.command_group import (
    CommandGroup,
    add_command,
    explained_database_error,
)
from secure_flask.database.paging import pages_of_rows
from secure_flask.settings import keyrings
from sqlalchemy.exc import DBAPIError, IntegrityError, TimeoutError

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
    """Count the encrypted values of each column by key. Encrypted files are not included.

    Names each column that `rotate` cannot reach, and exits with 1 then.
    """
    columns, unreachable = encrypted_columns()
    values = 0
    for stored in columns:
        with _going_on(stored, unreachable):
            values += _count_by_key(
                stored, stored.name, stored.raw, encryption.PREFIX.size, encryption_keys()
            )
            if stored.index is not None:
                name = f"{stored.name} (index)"
                _count_by_key(stored, name, stored.index, INDEX_PREFIX.size, blind_index_keys())
    _report_failures(0, unreachable)
    if not values:
        click.echo("No value is encrypted.")


@crypto_commands.command("rotate")
def rotate_command() -> None:
    """Re-encrypt columns by the first keys, blind indexes too, but not files.

    Safe to interrupt and run again. Names what it cannot re-encrypt, goes on, and exits with 1 then.
    """
    columns, unreachable = encrypted_columns()
    failed = 0
    for stored in columns:
        with _going_on(stored, unreachable):
            failed += _rotate_column(stored)
    _report_failures(failed, unreachable)


def init_app(app: Flask) -> None:
    add_command(app, crypto_commands)


@contextmanager
def _going_on(stored: Stored, unreachable: dict[str, str]) -> Iterator[None]:
    """Note what the database says of a column, such as that the table is missing; others go on."""
    try:
        yield
    except (DBAPIError, TimeoutError) as error:
        explained = explained_database_error(error)
        if not isinstance(explained, click.ClickException):
            raise
        db.session.rollback()
        unreachable[stored.name] = explained.message


def _report_failures(values: int, columns: dict[str, str]) -> None:
    """
    :raises ClickException: values or columns failed.
    """
    for name, reason in columns.items():
        click.echo(f"{name} cannot be rotated. {reason}", err=True)
    numbers = {"values failed": values, "columns cannot be rotated": len(columns)}
    if said := " and ".join(f"{number} {what}" for what, number in numbers.items() if number):
        raise click.ClickException(f"{said}; the lines above name them.")


def _count_by_key(
    stored: Stored, name: str, column: sa.ColumnElement[bytes], size: int, ring: dict[int, bytes]
) -> int:
    """Print the number of values of each key; return that of all."""
    values = 0
    prefix = sa.func.substr(column, 1, size)
    counted = sa.select(prefix, sa.func.count()).where(column.is_not(None)).group_by(prefix)
    for start, number in stored.execute(counted):
        key_id = int.from_bytes(bytes(start)[-4:])
        known = "old" if key_id in ring else "missing"
        state = "current" if key_id == key_in_force(ring)[0] else known
        click.echo(f"{name}\tkey {key_id}\t{state}\t{number}")
        values += number
    return values


def _rotate_column(stored: Stored) -> int:
    """Re-encrypt a column page by page; return the number of values that failed."""
    done = 0
    failed = 0
    keys = list(stored.value.table.primary_key)
    found = sa.select(*keys, stored.raw).where(stored.outdated)
    for rows in pages_of_rows(stored.execute, found, keys):
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
    stored.execute(unchanged.values(new))
    return ""


def _explain_conflict(stored: Stored, key: list[object], seen: bytes, error: IntegrityError) -> str:
    """Say which row has the same value, since nobody can find it by SQL."""
    if stored.index is not None:
        value = decrypt(seen, context=stored.context_of(key)).decode()
        index = blind_index(value, context=stored.index_context)
        same_value = sa.select(*stored.value.table.primary_key).where(stored.index == index)
        if other := stored.execute(same_value).first():
            why = f"left as it is, since {_key_text(other)} has this value too"
            return f"{why}: change or delete one of the two, and rotate again"
    # Only the first line is shown: PostgreSQL adds lines with values.
    return f"left as it is, since the tables forbid a change: {str(error.orig).splitlines()[0]}"


def _key_text(key: Sequence[object]) -> str:
    """A primary key as an operator reads it."""
    return ", ".join(map(str, key))
