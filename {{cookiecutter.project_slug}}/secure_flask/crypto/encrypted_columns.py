"""An encrypted text column: each value is bound to its row and can be searched by equality.

A ciphertext that is copied to another row or column in the database does not decrypt there.
An optional blind index finds rows. Source: OWASP ASVS 11.3.3.
"""

import json
from typing import Any, cast

from secure_flask.crypto.blind_indexes import blind_index
from secure_flask.crypto.contexts import claim, context_of_column
from secure_flask.crypto.encrypted_search import Search, refuse
from secure_flask.crypto.encryption import decrypt, encrypt
from sqlalchemy import Column, LargeBinary, Table, event
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapper, mapped_column


def encrypted_column(
    *, index: bool = False, unique: bool = False, context: str = ""
) -> hybrid_property[str | None]:
    """An attribute of text or None, stored as ciphertext.

    `phone = encrypted_column(index=True)` creates the columns `phone_encrypted` and
    `phone_index`. With `index`, the operators `==`, `!=` and `in_` find rows by the normalised
    value; see `blind_index`. With `unique`, which implies `index`, no two rows have the same one.

    The encryption context consists of the table name, the attribute name and the primary key,
    which must be known before the insert (`default=uuid4`). When you rename the table or the
    attribute, pass the old `table.name` as `context`. In a mixin, each table has its own context.

    :raises TypeError: at import, if another column has the same context.
    """
    return cast("hybrid_property[str | None]", EncryptedColumn(index or unique, unique, context))


class EncryptedColumn:
    """Describes an encrypted column; `__set_name__` replaces it by a hybrid attribute."""

    def __init__(self, index: bool, unique: bool, context: str) -> None:
        self.indexed, self.unique, self.given_context = index, unique, context

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        self.encrypted, self.index = f"{name}_encrypted", f"{name}_index"
        setattr(owner, self.encrypted, mapped_column(LargeBinary, nullable=True))
        if self.indexed:
            index = mapped_column(
                LargeBinary(36), index=True, unique=self.unique or None, nullable=True
            )
            setattr(owner, self.index, index)
        column: hybrid_property[str | None] = hybrid_property(
            self.read,
            self.write,
            custom_comparator=lambda model: Search(model, self, column),  # type: ignore[arg-type]
            update_expr=lambda model, value: refuse(self.name),
            bulk_dml_setter=lambda model, row, value: self.write_row(model.__mapper__, row, value),
        )
        column.info["encrypted_column"] = self
        setattr(owner, name, column)
        event.listen(owner, "after_mapper_constructed", self.follow, propagate=True)
        event.listen(owner, "before_insert", self.check, propagate=True)

    def read(self, instance: Any) -> str | None:
        ciphertext = getattr(instance, self.encrypted)
        if ciphertext is None:
            return None
        context = self.context_of(instance.__mapper__, identity(instance))
        return decrypt(ciphertext, context=context).decode()

    def write(self, instance: Any, value: str | None) -> None:
        row = {name: getattr(instance, name) for name in _key_names(instance.__mapper__)}
        self.write_row(instance.__mapper__, row, value)
        for name in row.keys() - {self.name}:
            setattr(instance, name, row[name])

    def write_row(self, mapper: Mapper[Any], row: dict[str, Any], value: str | None) -> None:
        """Set the stored columns of a value in a row's attributes, and its primary key if unset."""
        for name in _key_names(mapper):
            if row.get(name) is None:
                row[name] = _new_key(mapper.columns[name])
        key = [row[name] for name in _key_names(mapper)]
        row |= self.stored(mapper, key, value)

    def stored(self, mapper: Mapper[Any], key: list[Any], value: str | None) -> dict[str, Any]:
        """The columns to store for a value in the row with this primary key."""
        context = self.context_of(mapper, key)
        encrypted = None if value is None else encrypt(value.encode(), context=context)
        if not self.indexed:
            return {self.encrypted: encrypted}
        index = None if value is None else blind_index(value, context=self.context_in(mapper))
        return {self.encrypted: encrypted, self.index: index}

    def context_in(self, mapper: Mapper[Any]) -> str:
        """The context of the column, in the table of the model that has it."""
        return self.given_context or context_of_column(self.table_in(mapper), self.name)

    def table_in(self, mapper: Mapper[Any]) -> Table:
        """The table that has the column, which may belong to a parent model."""
        return mapper.columns[self.encrypted].table

    def context_of(self, mapper: Mapper[Any], key: list[Any]) -> str:
        """The context of the row with this primary key."""
        return row_context(self.context_in(mapper), key)

    def follow(self, mapper: Mapper[Any], model: type) -> None:
        """Re-encrypt the value whenever the object's primary key changes, as in a copy."""
        claim(self.context_in(mapper), self.table_in(mapper), self.name)
        for name in _key_names(mapper):

            def rebind(instance: Any, key: Any, old: Any, initiator: Any, name: str = name) -> Any:
                known = dict(zip(_key_names(mapper), identity(instance), strict=True))
                if None in known.values() or known[name] == key:
                    return key
                row = {**known, name: key}
                self.write_row(mapper, row, self.read(instance))
                setattr(instance, self.encrypted, row[self.encrypted])
                return row[name]

            event.listen(getattr(model, name), "set", rebind, retval=True)

    def check(self, mapper: Mapper[Any], connection: Any, instance: Any) -> None:
        """Refuse to insert a ciphertext that was copied from another object: it cannot decrypt.

        :raises DecryptionError: copy the plain value instead.
        """
        self.read(instance)


def row_context(context: str, key: list[Any]) -> str:
    """The context of a column's value in the row with this primary key."""
    return f"{context} of {json.dumps([str(part) for part in key])}"


def identity(instance: Any) -> list[Any]:
    """The primary key of an object, in the order of its columns."""
    return [getattr(instance, name) for name in _key_names(instance.__mapper__)]


def _key_names(mapper: Mapper[Any]) -> list[str]:
    return [mapper.get_property_by_column(column).key for column in mapper.primary_key]


def _new_key(column: Column[Any]) -> Any:
    if column.default is None or not column.default.is_callable:
        raise TypeError(
            f"{column} must be known before the insert: give it default=uuid4, or use EncryptedString"
        )
    return column.default.arg(None)  # type: ignore[attr-defined]
