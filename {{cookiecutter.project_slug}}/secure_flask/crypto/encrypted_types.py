"""Encrypted column types, whose values are bound to their column but not to their row.

Anybody with write access to the database can still move such a value to another row. Where
that matters, use `encrypted_column`. Source: OWASP ASVS 11.3.3.
"""

import json
from collections.abc import Mapping
from operator import eq, ne
from typing import Any, TypeVar, cast

from secure_flask.crypto.encrypted_columns import claim_context
from secure_flask.crypto.encryption import decrypt, encrypt
from sqlalchemy import ClauseElement, Column, ColumnElement, Dialect, LargeBinary, Table, event
from sqlalchemy.sql.operators import OperatorType, is_, is_not
from sqlalchemy.types import TypeDecorator, TypeEngine

Value = TypeVar("Value")


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
