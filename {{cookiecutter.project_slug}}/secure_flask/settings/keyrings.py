"""Keyrings in settings: `2:…,1:…`, the current key first.

Key rotation: add the new key at the end in every process, then move it to the front. So no
process meets a key that it lacks. Old keys still decrypt and verify until they are removed.
Source: OWASP ASVS 11.2.2, 13.3.4.
"""

import os
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator, SecretStr

KEY_SIZE = 32  # bytes
# A secret needs at least this many different steps between its bytes. 32 random hexadecimal digits
# have 12 or more.
MIN_STEPS = 11
MAX_NUMBER = 2**32 - 1  # a ciphertext stores the id in four bytes; a date like 20261125 fits
NUMBER = re.compile(r"[1-9][0-9]{0,9}")
HOW_TO_MAKE_ONE = """python -c 'import secrets; print("1:" + secrets.token_urlsafe(32))'"""
NO_TOKEN_KEYS = (
    "TOKEN_KEYS is missing, which this token type signs with: in development run `python -m "
    f"secure_flask.settings`; in production set it to the output of: {HOW_TO_MAKE_ONE}"
)


def key_id_of_today() -> str:
    """The id of a key created today, such as 20261125, which shows its age."""
    return datetime.now(UTC).strftime("%Y%m%d")


def new_key(key_id: str = "") -> str:
    """Generate a key for settings: an id, a colon, 32 random bytes in base64url."""
    return f"{key_id or key_id_of_today()}:{urlsafe_b64encode(os.urandom(KEY_SIZE)).decode().rstrip('=')}"


def read_keyring(text: str) -> dict[str, bytes]:
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


def read_numbered_keyring(text: str) -> dict[int, bytes]:
    """Parse `2:key,1:key`, where each id is a number; the first key encrypts.

    :raises ValueError: a key is unusable or an id is not a number; the message contains no key.
    """
    ring = read_keyring(text)
    if not all(NUMBER.fullmatch(key_id) and int(key_id) <= MAX_NUMBER for key_id in ring):
        raise ValueError(f"must give each key a number up to {MAX_NUMBER} as its id: 2:key,1:key")
    return {int(key_id): key for key_id, key in ring.items()}


def is_guessable_secret(secret: bytes) -> bool:
    """Whether a secret repeats itself or counts up. No check can prove that it is random."""
    return len({after - before for before, after in pairwise(secret)}) < MIN_STEPS


def _read_one(key_id: str, encoded: str) -> bytes:
    key = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    weak = len(key) != KEY_SIZE or is_guessable_secret(key)
    if weak or not (key_id.isascii() and key_id.isalnum()):
        raise ValueError("unusable")
    return key


def _readable(read: Callable[[str], object]) -> AfterValidator:
    def check(ring: SecretStr) -> SecretStr:
        read(ring.get_secret_value())
        return ring

    return AfterValidator(check)


# The first is the type of ENCRYPTION_KEYS and BLIND_INDEX_KEYS, the second of TOKEN_KEYS.
NumberedKeyring = Annotated[SecretStr, _readable(read_numbered_keyring)]
Keyring = Annotated[SecretStr, _readable(read_keyring)]
