"""Keyrings in settings: `2:…,1:…`, the current key first.

Key rotation: add the new key at the end in every process, then move it to the front. So no
process meets a key that it lacks. Old keys still decrypt and verify until they are removed.
Source: OWASP ASVS 11.2.2, 13.3.4.
"""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime

from app.programs import PYTHON

KEY_SIZE = 32  # bytes
MIN_DIFFERENT_BYTES = 8  # 32 random bytes have about 30 different values
HOW_TO_MAKE_ONE = f"{PYTHON} -c 'from app import key_settings; print(key_settings.new())'"


def today() -> str:
    """The id of a key created today, such as 20261125; `flask check` reads the age from it."""
    return datetime.now(UTC).strftime("%Y%m%d")


def new(key_id: str = "") -> str:
    """Generate a key for settings: an id, a colon, 32 random bytes in base64url."""
    return f"{key_id or today()}:{urlsafe_b64encode(os.urandom(KEY_SIZE)).decode().rstrip('=')}"


def read(text: str) -> dict[str, bytes]:
    """Parse `id:key,id:key` into keys of 32 bytes by id, in that order.

    :raises ValueError: a key or id is missing, malformed or duplicated; the message repeats none.
    """
    items = [item.strip().partition(":") for item in text.split(",") if item.strip()]
    try:
        ring = {key_id: _read_one(key_id, encoded) for key_id, _, encoded in items}
    except ValueError:
        ring = {}
    if not ring or len(set(ring.values())) < len(items):
        raise ValueError(f"must read id:key,id:key; to generate a key, run: {HOW_TO_MAKE_ONE}")
    return ring


def _read_one(key_id: str, encoded: str) -> bytes:
    key = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    weak = len(key) != KEY_SIZE or len(set(key)) < MIN_DIFFERENT_BYTES
    if weak or not (key_id.isascii() and key_id.isalnum()):
        raise ValueError("unusable")
    return key
