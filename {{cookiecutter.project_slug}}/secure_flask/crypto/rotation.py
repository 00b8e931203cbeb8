"""Re-encrypts what is stored: `flask crypto` under new keys, migrations for another context.

`flask crypto` finds the columns that hold encrypted values, in all tables of all databases of `db`.
A column whose values cannot be rotated is named, with the reason: its values would be lost with the
old key. The rotation of keys runs while the app does, and is safe to interrupt and run again. A row
is updated only if its value is still the one that was read, so a concurrent write is never lost: the
app already writes with the new key. A row that fails is named and stays as it is, and the others go
on. A migration calls `encrypt_plain` and `change_context`, which run in its transaction.
Source: OWASP ASVS 11.2.2; NIST SP 800-57.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import click
import sqlalchemy as sa
from flask import Flask, current_app
from secure_flask.crypto import encryption
from secure_flask.crypto.blind_indexes import INDEX_PREFIX, blind_index
from secure_flask.crypto.encrypted_columns import (
    VALUE_OF,
    Encrypted,
    EncryptedColumn,
    column_name,
    encrypted_types_in,
    row_context,
)
from secure_flask.crypto.encryption import (
    DecryptionError,
    blind_index_keys,
    decrypt,
    encrypt,
    encryption_keys,
    key_in_force,
)
from secure_flask.database import db
from secure_flask.database.command_group import (
    CommandGroup,
    add_command,
    explained_database_error,
)
from secure_flask.database.database import pages_of_rows
from secure_flask.settings import keyrings
from sqlalchemy.exc import DBAPIError, IntegrityError, TimeoutError, UnboundExecutionError
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator, TypeEngine

crypto_commands = CommandGroup("crypto", help="Manage encrypted columns and their keys.")


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


def init_app(app: Flask) -> None:
    add_command(app, crypto_commands)


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
