"""Rings of keys, as settings hold them: `2:…,1:…`, the one that is used from now on first.

To change keys, add the new one at the end everywhere, then put it in front: no process
meets one that it lacks. The old one still reads what it made until it is dropped.
Source: OWASP ASVS 11.2.2, 13.3.4.
"""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime

KEY_SIZE = 32  # bytes
MIN_DIFFERENT_BYTES = 8  # a word or a row of zeros has fewer; 32 random bytes about 30
HOW_TO_MAKE_ONE = "python -c 'from app import key_settings; print(key_settings.new())'"


def today() -> str:
    """The id of a key made today, by which `flask check` tells its age: 20261125."""
    return datetime.now(UTC).strftime("%Y%m%d")


def new(key_id: str = "") -> str:
    """A fresh key as settings take it: an id, a colon, 32 random bytes in base64url."""
    return f"{key_id or today()}:{urlsafe_b64encode(os.urandom(KEY_SIZE)).decode().rstrip('=')}"


def read(text: str) -> dict[str, bytes]:
    """Read `id:key,id:key` into 32 bytes by id, in that order.

    :raises ValueError: for a missing, malformed or doubled key or id; it repeats none of them.
    """
    items = [item.strip().partition(":") for item in text.split(",") if item.strip()]
    try:
        ring = {key_id: _read_one(key_id, encoded) for key_id, _, encoded in items}
    except ValueError:
        ring = {}
    if not ring or len(set(ring.values())) < len(items):
        raise ValueError(
            f"must read id:key,id:key; for a key, use what this prints: {HOW_TO_MAKE_ONE}"
        )
    return ring


def _read_one(key_id: str, encoded: str) -> bytes:
    key = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    weak = len(key) != KEY_SIZE or len(set(key)) < MIN_DIFFERENT_BYTES
    if weak or not (key_id.isascii() and key_id.isalnum()):
        raise ValueError("unusable")
    return key
