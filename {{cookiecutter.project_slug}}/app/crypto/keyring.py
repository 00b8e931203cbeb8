"""The root keys for encryption and for blind indexes, separate from each other and SECRET_KEY.

HKDF derives a separate key from a root key for each purpose, so that a leaked derived key
compromises no other purpose. The Extract step of HKDF is omitted, since root keys are random.
Source: RFC 5869, section 3.3; OWASP ASVS 11.2.2, 13.3.4.
"""

from typing import Annotated

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from flask import Flask, current_app
from pydantic import AfterValidator, SecretStr

from app import key_settings

MAX_ID = 2**32 - 1  # a ciphertext stores the id in four bytes; a date like 20261125 fits

_SHA256 = SHA256()

Keyring = dict[int, bytes]


def read(text: str) -> Keyring:
    """Parse `2:key,1:key`; the first key encrypts.

    :raises ValueError: a key is unusable or an id is not a number; the message contains no key.
    """
    ring = key_settings.read(text)
    if not all(key_id.isdecimal() and 0 < int(key_id) <= MAX_ID for key_id in ring):
        raise ValueError(f"must give each key a number from 1 to {MAX_ID} as its id: 2:key,1:key")
    if len({int(key_id) for key_id in ring}) < len(ring):
        raise ValueError("must give each key a different number as its id: 2:key,1:key")
    return {int(key_id): key for key_id, key in ring.items()}


def encryption_keys() -> Keyring:
    """This app's encryption keys by id: the first one encrypts, all of them decrypt."""
    ring: Keyring = current_app.extensions["encryption_keys"]
    return ring


def blind_index_keys() -> Keyring:
    """This app's keys for blind indexes by id: the first one makes new indexes."""
    ring: Keyring = current_app.extensions["blind_index_keys"]
    return ring


def current(ring: Keyring) -> tuple[int, bytes]:
    """The current key, which is the first one, with its id."""
    return next(iter(ring.items()))


def derive(root: bytes, purpose: bytes, salt: bytes = b"") -> bytes:
    """Derive a key of 32 bytes for one purpose and an optional salt."""
    return HKDFExpand(_SHA256, key_settings.KEY_SIZE, purpose + salt).derive(root)


def init_app(app: Flask) -> None:
    app.extensions["encryption_keys"] = read(app.config["ENCRYPTION_KEYS"])
    app.extensions["blind_index_keys"] = read(app.config["BLIND_INDEX_KEYS"])


def _readable(ring: SecretStr) -> SecretStr:
    read(ring.get_secret_value())
    return ring


# The type of both settings.
KeyringText = Annotated[SecretStr, AfterValidator(_readable)]
