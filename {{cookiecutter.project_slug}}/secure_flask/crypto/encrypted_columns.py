"""Encrypted columns: `encrypted_column` binds each value to its row, the types to their column.

A ciphertext of `encrypted_column` that is copied to another row or column in the database does not
decrypt there. An optional blind index finds rows by equality. `EncryptedString`, `EncryptedBytes` and
`EncryptedJSON` need no primary key before the insert. Anybody with write access to the database can
still move such a value to another row. Where that matters, use `encrypted_column`.
Source: OWASP ASVS 11.3.3.
"""

import json
from collections.abc import Mapping
from functools import partial
from operator import eq, ne
from typing import Any, NoReturn, TypeVar, cast

from secure_flask.crypto.blind_indexes import BlindIndexSearch, blind_index, blind_indexes
from secure_flask.crypto.encryption import blind_index_keys, decrypt, encrypt
from secure_flask.database import db
from sqlalchemy import (
    ClauseElement,
    Column,
    ColumnElement,
    Connection,
    Dialect,
    LargeBinary,
    Table,
    event,
    func,
    inspect,
    select,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import DeclarativeBase, Mapper, mapped_column
from sqlalchemy.sql.operators import OperatorType, is_, is_not
from sqlalchemy.types import TypeDecorator, TypeEngine

# The key of `Column.info` under which a stored column has its EncryptedColumn.
VALUE_OF = "encrypted_value_of"

Value = TypeVar("Value")


def encrypted_column(
    *, index: bool = False, unique: bool = False, context: str = ""
) -> hybrid_property[str | None]:
    """An attribute of text or None, stored as ciphertext.

    `phone = encrypted_column(index=True)` creates the columns `phone_encrypted` and
    `phone_index`. With `index`, the operators `==`, `!=` and `in_` find rows by the normalised
    value; see `blind_index`. With `unique`, which implies `index`, no two rows have the same one: a
    flush raises IntegrityError. While `BLIND_INDEX_KEYS` has several keys, two things can still store
    an equal value, and `flask crypto rotate` names the rows: a bulk statement, and two processes with
    different first keys at the same moment.

    The encryption context consists of the table name, the attribute name and the primary key,
    which must be known before the insert (`default=uuid4`). When you rename the table or the
    attribute, pass the old `table.name` as `context`. In a mixin, each table has its own context.

    :raises TypeError: at import, if another column has the same context, such as that of a table
        of the same name in another bind.
    """
    return cast("hybrid_property[str | None]", EncryptedColumn(index or unique, unique, context))


def column_name(table: Table, name: str) -> str:
    """The name of a column or attribute for people, as in `cards.iban` or `cards.iban (bind archive)`."""
    bind = next((key for key, each in db.metadatas.items() if each is table.metadata), None)
    return f"{table.fullname}.{name}{f' (bind {bind})' if bind else ''}"


def claim_context(context: str, table: Table, name: str) -> None:
    """Reserve a context for one column, since values could be copied between two that share it.

    :raises TypeError: another column has this context, in the same metadata or in another bind.
    """
    column = column_name(table, name)
    # Each bind has its own metadata. A migration has its own too, and may use contexts again.
    shared = db.metadata if table.metadata in db.metadatas.values() else table.metadata
    owner = shared.info.setdefault("encryption contexts", {}).setdefault(context, column)
    if owner != column:
        raise TypeError(
            f"{column} and {owner} have the same encryption context, {context!r}: give one of them "
            "another by `context=`."
        )


def row_context(context: str, key: list[object]) -> str:
    """The context of a column's value in the row with this primary key."""
    return f"{context} of {json.dumps([str(part) for part in key])}"


class EncryptedColumn:
    """Describes an encrypted column; `__set_name__` replaces it by a hybrid attribute."""

    def __init__(self, indexed: bool, unique: bool, context: str) -> None:
        self.indexed = indexed
        self.unique = unique
        self.given_context = context

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        self.encrypted = f"{name}_encrypted"
        self.index = f"{name}_index"
        value = mapped_column(LargeBinary, nullable=True, info={VALUE_OF: self})
        setattr(owner, self.encrypted, value)
        if self.indexed:
            unique = self.unique or None
            index = mapped_column(LargeBinary(36), index=True, unique=unique, nullable=True)
            setattr(owner, self.index, index)
        column: hybrid_property[str | None] = hybrid_property(
            self.read,
            self.write,
            custom_comparator=lambda model: BlindIndexSearch(model, self, column),  # type: ignore[arg-type]
            update_expr=lambda model, value: self.refuse(),
            bulk_dml_setter=lambda model, row, value: self.write_row(model.__mapper__, row, value),
        )
        column.info["encrypted_column"] = self
        setattr(owner, name, column)
        event.listen(owner, "after_mapper_constructed", self.follow, propagate=True)
        event.listen(owner, "before_insert", self.check, propagate=True)
        if self.unique:
            event.listen(owner, "after_insert", self.refuse_duplicate, propagate=True)
            event.listen(owner, "after_update", self.refuse_duplicate, propagate=True)

    def read(self, instance: DeclarativeBase) -> str | None:
        ciphertext = getattr(instance, self.encrypted)
        if ciphertext is None:
            return None
        context = self.context_of(instance.__mapper__, _key_of_row(instance))
        return decrypt(ciphertext, context=context).decode()

    def write(self, instance: DeclarativeBase, value: str | None) -> None:
        row = {name: getattr(instance, name) for name in _key_names(instance.__mapper__)}
        self.write_row(instance.__mapper__, row, value)
        for name in row.keys() - {self.name}:
            setattr(instance, name, row[name])

    def write_row(self, mapper: Mapper[Any], row: dict[str, object], value: str | None) -> None:
        """Set the stored columns of a value in the dict `row`, and its primary key if unset."""
        for name in _key_names(mapper):
            if row.get(name) is None:
                row[name] = _new_key(mapper.columns[name])
        row |= self.stored(mapper, [row[name] for name in _key_names(mapper)], value)

    def stored(
        self, mapper: Mapper[Any], key: list[object], value: str | None
    ) -> dict[str, object]:
        """The columns to store for a value in the row with this primary key."""
        context = self.context_of(mapper, key)
        encrypted = None if value is None else encrypt(value.encode(), context=context)
        if not self.indexed:
            return {self.encrypted: encrypted}
        index = None if value is None else blind_index(value, context=self.context_in(mapper))
        return {self.encrypted: encrypted, self.index: index}

    def context_in(self, mapper: Mapper[Any]) -> str:
        """The context of the column of a class."""
        return self.context_in_table(mapper.columns[self.encrypted].table)

    def context_in_table(self, table: Any) -> str:
        """The context of the column: `table.name`, with the schema if there is one."""
        # The parts are written as JSON, since names may contain dots.
        parts = json.dumps([table.schema, table.name, self.name])
        return self.given_context or (parts if table.schema else f"{table.name}.{self.name}")

    def context_of(self, mapper: Mapper[Any], key: list[object]) -> str:
        """The context of the row with this primary key."""
        return row_context(self.context_in(mapper), key)

    def follow(self, mapper: Mapper[Any], model: type) -> None:
        """Re-encrypt the value whenever the object's primary key changes, such as in a copy."""
        for position, name in enumerate(_key_names(mapper)):
            event.listen(getattr(model, name), "set", partial(self.rebind, position))

    def rebind(self, position: int, instance: DeclarativeBase, part: object, *rest: object) -> None:
        key = _key_of_row(instance)
        if None not in key and key[position] != part:
            value = self.read(instance)
            key[position] = part
            for stored, new in self.stored(instance.__mapper__, key, value).items():
                setattr(instance, stored, new)

    def check(self, mapper: Mapper[Any], connection: object, instance: DeclarativeBase) -> None:
        """Refuse to insert a ciphertext that was copied from another object: it cannot decrypt."""
        self.read(instance)

    def refuse_duplicate(
        self, mapper: Mapper[Any], connection: Connection, instance: DeclarativeBase
    ) -> None:
        """Refuse a value that another row has under another key, which the constraint cannot see.

        :raises IntegrityError: as the constraint does for a value under the same key.
        """
        state = inspect(instance)
        unchanged = state.has_identity and not state.attrs[self.index].history.has_changes()
        if unchanged or len(blind_index_keys()) == 1:
            return
        value = self.read(instance)
        if value is None:
            return
        index = mapper.columns[self.index]
        indexes = blind_indexes(value, context=self.context_in(mapper))
        same_value = select(func.count()).where(index.in_(indexes))
        if connection.execute(same_value).scalar_one() > 1:
            refused = ValueError(f"UNIQUE constraint failed: {index}, by another key")
            raise IntegrityError(None, None, refused)

    def refuse(self) -> NoReturn:
        raise TypeError(
            f"{self.name} is encrypted: select and change whole objects. Comparing works only by "
            "==, != and in_, and needs index=True"
        )


@event.listens_for(Column, "after_parent_attach")
def _claim_context(column: Column[Any], parent: object) -> None:
    described: EncryptedColumn | None = column.info.get(VALUE_OF)
    if described and isinstance(parent, Table):
        claim_context(described.context_in_table(parent), parent, described.name)


class Encrypted(TypeDecorator[Value]):
    """`mapped_column(EncryptedString("notes.text"))`; the context must never change."""

    impl = LargeBinary

    def __init__(self, context: str) -> None:
        super().__init__()
        self.context = context

    def context_of(self, key: list[object]) -> str:
        """The context of each row, which does not depend on its primary key."""
        return self.context

    def process_bind_param(self, value: Value | None, dialect: Dialect) -> bytes | None:
        return None if value is None else encrypt(self.dump(value), context=self.context)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Value | None:
        return None if value is None else self.load(decrypt(value, context=self.context))

    def dump(self, value: Value) -> bytes:
        """The plaintext of a value; `load` is its reverse."""
        return cast(bytes, value)

    def load(self, plaintext: bytes) -> Value:
        return cast(Value, plaintext)

    class comparator_factory(TypeDecorator.Comparator[Any]):
        def operate(self, op: OperatorType, *other: Any, **kwargs: Any) -> ColumnElement[Any]:
            # Equal values have different ciphertexts, so a comparison would never match.
            # SQLAlchemy itself compares columns with each other.
            allowed = all(each is None or isinstance(each, ClauseElement) for each in other)
            if not allowed or op not in (eq, ne, is_, is_not):
                raise TypeError("An encrypted column compares to None alone; see encrypted_column")
            return super().operate(op, *other, **kwargs)


class EncryptedBytes(Encrypted[bytes]):
    """A column of bytes or None: `mapped_column(EncryptedBytes("files.key"))`.

    The context is `table.column`, and must never change. The database can compare it to None alone.

    :raises DecryptionError: at reading, the value is altered, or from another context or key.
    :raises TypeError: at import, another column has the context; in a query, it is compared.
    """

    cache_ok = True


class EncryptedString(Encrypted[str]):
    """A column of text or None: `mapped_column(EncryptedString("notes.text"))`.

    See `EncryptedBytes`.
    """

    cache_ok = True

    def dump(self, value: str) -> bytes:
        return value.encode()

    def load(self, plaintext: bytes) -> str:
        return plaintext.decode()


class EncryptedJSON(Encrypted[Any]):
    """A column of what JSON can hold: `mapped_column(EncryptedJSON("notes.tags"))`.

    See `EncryptedBytes`. To track changes inside the value, use
    `MutableDict.as_mutable(EncryptedJSON("notes.facts"))`.
    """

    cache_ok = True

    def dump(self, value: object) -> bytes:
        return json.dumps(value).encode()

    def load(self, plaintext: bytes) -> Any:
        return json.loads(plaintext)


def encrypted_types_in(outer: TypeEngine[Any], database: str | None = None) -> list[Encrypted[Any]]:
    """The encrypted types in a type, such as in a list or in a TypeDecorator, itself included.

    With the name of a database, such as `sqlite`, a variant for another one does not count.
    """
    found = [outer]
    # The list grows meanwhile, so that types inside of the inner ones are found too.
    for each in found:
        for part in vars(each).values():
            # A type has its variants in a mapping, by the names of databases.
            variants = part if isinstance(part, Mapping) else {database: part}
            inner = [one for name, one in variants.items() if database in (None, name)]
            found += [one for one in inner if isinstance(one, TypeEngine) and one not in found]
    return [each for each in found if isinstance(each, Encrypted)]


@event.listens_for(Column, "after_parent_attach")
def _claim_contexts(column: Column[Any], parent: object) -> None:
    if isinstance(parent, Table):
        for encrypted in encrypted_types_in(column.type):
            claim_context(encrypted.context, parent, column.name)


def _key_of_row(instance: DeclarativeBase) -> list[object]:
    """The primary key of an object, in the order of its columns."""
    return [getattr(instance, name) for name in _key_names(instance.__mapper__)]


def _key_names(mapper: Mapper[Any]) -> list[str]:
    return [mapper.get_property_by_column(column).key for column in mapper.primary_key]


def _new_key(column: Column[Any]) -> object:
    if column.default is None or not column.default.is_callable:
        raise TypeError(
            f"{column} must be known before the insert: give it default=uuid4, or use EncryptedString"
        )
    return column.default.arg(None)  # type: ignore[attr-defined]
