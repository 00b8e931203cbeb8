"""The root keys for encryption and for blind indexes, separate from each other and SECRET_KEY.

HKDF derives a separate key from a root key for each purpose, so that a leaked derived key
compromises no other purpose. The Extract step of HKDF is omitted, since root keys are random.
Source: RFC 5869, section 3.3; OWASP ASVS 11.2.2, 13.3.4.
"""

from typing import cast

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from flask import Flask, current_app
from secure_flask.settings import keyrings

Keyring = dict[int, bytes]


def encryption_keys() -> Keyring:
    """This app's encryption keys by id: the first one encrypts, all of them decrypt."""
    return cast(Keyring, current_app.extensions["encryption_keys"])


def blind_index_keys() -> Keyring:
    """This app's keys for blind indexes by id: the first one makes new indexes."""
    return cast(Keyring, current_app.extensions["blind_index_keys"])


def current_key(ring: Keyring) -> tuple[int, bytes]:
    """The current key, which is the first one, with its id."""
    return next(iter(ring.items()))


def derive_key(root: bytes, purpose: bytes, salt: bytes = b"") -> bytes:
    """Derive a key of 32 bytes for one purpose and an optional salt."""
    return HKDFExpand(SHA256(), keyrings.KEY_SIZE, purpose + salt).derive(root)


def init_app(app: Flask) -> None:
    app.extensions["encryption_keys"] = keyrings.read_numbered_keyring(
        app.config["ENCRYPTION_KEYS"]
    )
    app.extensions["blind_index_keys"] = keyrings.read_numbered_keyring(
        app.config["BLIND_INDEX_KEYS"]
    )
