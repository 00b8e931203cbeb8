"""Blind indexes: a row is found by an encrypted value that the database cannot read.

An index is a keyed hash, so equal values have equal ones: who reads the table sees which
rows are alike, and who holds the key can try guesses. Do not index what has few values,
such as yes and no. Source: RFC 2104; CipherSweet's design; OWASP ASVS 11.4.1.
"""

import hmac
import struct
import unicodedata

from app.crypto.keyring import blind_index_keys, current, derive

PREFIX = struct.Struct(">I")  # the id of the key


def blind_index(value: str, *, context: str) -> bytes:
    """The index to store beside a value: 4 bytes of key id and an HMAC-SHA256.

    Values that differ in case or in how Unicode spells them have the same, as `ß` and `ss`:
    what is sent to a value that was found goes to the stored one, not to the one sought.
    """
    return _index(value, context, *current(blind_index_keys()))


def blind_indexes(value: str, *, context: str) -> list[bytes]:
    """What a row with this value may have stored: one index for each key in the ring."""
    return [_index(value, context, *item) for item in blind_index_keys().items()]


def normalise(value: str) -> str:
    """Drop what people write the same value with. Source: The Unicode Standard, D146."""
    folded = unicodedata.normalize("NFD", value).casefold()
    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", folded).casefold())


def _index(value: str, context: str, key_id: int, root: bytes) -> bytes:
    key = derive(root, b"blind index of " + context.encode())
    # A lone surrogate is no text that a client may send, and no reason to stop here.
    text = normalise(value).encode("utf-8", "surrogatepass")
    return PREFIX.pack(key_id) + hmac.digest(key, text, "sha256")
