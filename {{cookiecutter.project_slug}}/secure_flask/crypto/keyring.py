"""The root keys for encryption and for blind indexes, separate from each other and SECRET_KEY.

HKDF derives a separate key from a root key for each purpose, so that a leaked derived key
compromises no other purpose. The Extract step of HKDF is omitted, since root keys are random.
Source: RFC 5869, section 3.3; OWASP ASVS 11.2.2, 13.3.4.
"""

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from flask import Flask, current_app
from secure_flask.settings import keyrings
from secure_flask.state import Key, app_state

Keyring = dict[int, bytes]

ENCRYPTION_KEYS = Key[Keyring]("encryption keys")
BLIND_INDEX_KEYS = Key[Keyring]("blind index keys")


def encryption_keys() -> Keyring:
    """This app's encryption keys by id: the first one encrypts, all of them decrypt."""
    return app_state(current_app)[ENCRYPTION_KEYS]


def blind_index_keys() -> Keyring:
    """This app's keys for blind indexes by id: the first one makes new indexes."""
    return app_state(current_app)[BLIND_INDEX_KEYS]


def key_in_force(ring: Keyring) -> tuple[int, bytes]:
    """The current key, which is the first one, with its id."""
    return next(iter(ring.items()))


def derive_key(root: bytes, purpose: bytes, salt: bytes = b"") -> bytes:
    """Derive a key of 32 bytes for one purpose and an optional salt."""
    return HKDFExpand(SHA256(), keyrings.KEY_SIZE, purpose + salt).derive(root)


def init_app(app: Flask) -> None:
    state = app_state(app)
    state[ENCRYPTION_KEYS] = keyrings.read_numbered_keyring(app.config["ENCRYPTION_KEYS"])
    state[BLIND_INDEX_KEYS] = keyrings.read_numbered_keyring(app.config["BLIND_INDEX_KEYS"])
