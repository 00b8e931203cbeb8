"""Blind indexes: find rows by an encrypted value that the database cannot read.

An index is a keyed hash, so equal values have equal indexes. Anybody who reads the table
sees which rows have the same value, and anybody with the key can test guesses. Do not index
a column with few different values, such as yes and no.
Source: RFC 2104; CipherSweet's design; OWASP ASVS 11.4.1.
"""

import hmac
import struct
import unicodedata

from secure_flask.crypto.keyring import blind_index_keys, current, derive

PREFIX = struct.Struct(">I")  # the id of the key


def blind_index(value: str, *, context: str) -> bytes:
    """The index to store with a value: the key id in 4 bytes and an HMAC-SHA256.

    Values that differ only in case or Unicode form have the same index, and so do `ß` and
    `ss`. So send a message to the stored address of a row, not to the address searched for.
    """
    return _index(value, context, *current(blind_index_keys()))


def blind_indexes(value: str, *, context: str) -> list[bytes]:
    """The possible indexes of a value, one for each key in the ring."""
    return [_index(value, context, *item) for item in blind_index_keys().items()]


def normalise(value: str) -> str:
    """Normalise case and Unicode form. Source: The Unicode Standard, D146."""
    folded = unicodedata.normalize("NFD", value).casefold()
    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", folded).casefold())


def _index(value: str, context: str, key_id: int, root: bytes) -> bytes:
    key = derive(root, b"blind index of " + context.encode())
    # surrogatepass: a lone surrogate must not raise here; it simply finds no row.
    text = normalise(value).encode("utf-8", "surrogatepass")
    return PREFIX.pack(key_id) + hmac.digest(key, text, "sha256")
