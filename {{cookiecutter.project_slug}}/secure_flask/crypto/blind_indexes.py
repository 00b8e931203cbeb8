"""Blind indexes: find rows by an encrypted value that the database cannot read.

An index is a keyed hash, so equal values have equal indexes. Anybody who reads the table
sees which rows have the same value, and anybody with the key can test guesses. Do not index
a column with few different values, such as yes and no.
Source: RFC 2104; CipherSweet's design; OWASP ASVS 11.4.1.
"""

import hmac
import struct
import unicodedata
from operator import eq, ne
from typing import Any, cast

from secure_flask.crypto.encryption import blind_index_keys, derive_key, key_in_force
from sqlalchemy import ColumnElement, inspect
from sqlalchemy.ext.hybrid import ExprComparator, hybrid_property
from sqlalchemy.sql.operators import OperatorType, in_op, is_, is_not, not_in_op

INDEX_PREFIX = struct.Struct(">I")  # the id of the key


def blind_index(value: str, *, context: str) -> bytes:
    """The index to store with a value, in 36 bytes: the id of the key, and an HMAC-SHA256.

    `blind_index(phone, context="users.phone")`. Values that differ only in case or Unicode form
    have the same index, and so do `ß` and `ss`. So send a message to the stored address of a row,
    not to the address searched for.
    """
    return _index_by_key(value, context, *key_in_force(blind_index_keys()))


def blind_indexes(value: str, *, context: str) -> list[bytes]:
    """The possible indexes of a value, one for each key in the ring."""
    return [_index_by_key(value, context, *item) for item in blind_index_keys().items()]


def normalised_value(value: str) -> str:
    """Normalise case and Unicode form. Source: The Unicode Standard, D146."""
    folded = unicodedata.normalize("NFD", value).casefold()
    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", folded).casefold())


class BlindIndexSearch(ExprComparator[Any]):
    """Finds rows by the blind index; any other comparison raises TypeError.

    Equal values have different ciphertexts, so a comparison of these would find no row.
    """

    def __init__(self, model: Any, column: Any, hybrid: hybrid_property[Any]) -> None:
        super().__init__(model, model, hybrid)
        self.model = model
        self.column = column

    def __clause_element__(self) -> Any:
        self.column.refuse()

    def operate(self, op: OperatorType, *other: Any, **kwargs: Any) -> ColumnElement[Any]:
        [value] = other
        if value is None and op in (eq, ne, is_, is_not):
            stored = getattr(self.model, self.column.encrypted)
            return cast(ColumnElement[Any], op(stored, None))
        if not self.column.indexed or op not in (eq, ne, in_op, not_in_op):
            self.column.refuse()
        values = value if op in (in_op, not_in_op) else [value]
        context = self.column.context_in(inspect(self.model).mapper)
        indexes = [index for text in values for index in blind_indexes(text, context=context)]
        stored = getattr(self.model, self.column.index)
        found = stored.in_(indexes) if op in (eq, in_op) else stored.not_in(indexes)
        return cast(ColumnElement[Any], found)


def _index_by_key(value: str, context: str, key_id: int, root: bytes) -> bytes:
    key = derive_key(root, b"blind index of " + context.encode())
    # surrogatepass: a lone surrogate must not raise here; it simply finds no row.
    text = normalised_value(value).encode("utf-8", "surrogatepass")
    return INDEX_PREFIX.pack(key_id) + hmac.digest(key, text, "sha256")
