"""The keys of encryption and of blind indexes, apart from each other and from SECRET_KEY.

No key encrypts anything itself: HKDF makes another from it for each use, so that one
purpose never gives away another's. HKDF's first step, which evens out what is not random,
is left out: these keys are. Source: RFC 5869, section 3.3; OWASP ASVS 11.2.2, 13.3.4.
"""

from typing import Annotated

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from flask import Flask, current_app
from pydantic import AfterValidator, SecretStr

from app import key_settings

MAX_ID = 2**32 - 1  # ids stand in the ciphertexts as four bytes; 20261125 serves well

_SHA256 = SHA256()

Keyring = dict[int, bytes]


def read(text: str) -> Keyring:
    """Read `2:key,1:key`, the key that encrypts first.

    :raises ValueError: for an unusable key, or an id that is no number; it repeats none.
    """
    ring = key_settings.read(text)
    if not all(key_id.isdecimal() and 0 < int(key_id) <= MAX_ID for key_id in ring):
        raise ValueError(f"must give each key a number from 1 to {MAX_ID} as its id: 2:key,1:key")
    if len({int(key_id) for key_id in ring}) < len(ring):
        raise ValueError("must give each key another number as its id: 2:key,1:key")
    return {int(key_id): key for key_id, key in ring.items()}


def encryption_keys() -> Keyring:
    """This app's keys by id; the first encrypts, all of them decrypt."""
    ring: Keyring = current_app.extensions["encryption_keys"]
    return ring


def blind_index_keys() -> Keyring:
    """This app's keys for blind indexes by id; the first is used for what is stored now."""
    ring: Keyring = current_app.extensions["blind_index_keys"]
    return ring


def current(ring: Keyring) -> tuple[int, bytes]:
    """The key that is used from now on, with its id."""
    return next(iter(ring.items()))


def derive(root: bytes, purpose: bytes, salt: bytes = b"") -> bytes:
    """A key of 32 bytes for one purpose, and one salt where it is given."""
    return HKDFExpand(_SHA256, key_settings.KEY_SIZE, purpose + salt).derive(root)


def init_app(app: Flask) -> None:
    app.extensions["encryption_keys"] = read(app.config["ENCRYPTION_KEYS"])
    app.extensions["blind_index_keys"] = read(app.config["BLIND_INDEX_KEYS"])


def _readable(ring: SecretStr) -> SecretStr:
    read(ring.get_secret_value())
    return ring


# For settings.
KeyringText = Annotated[SecretStr, AfterValidator(_readable)]
