"""Encrypts values by AES-256-GCM, with a separate key for each message, bound to a context.

A message is, in bytes: version 1, key id 4, salt 16, nonce 12, ciphertext, tag 16. Its
key is HKDF-SHA256 of the root key and the salt; header and context are authenticated.
The root keys for encryption and for blind indexes are separate from each other and from SECRET_KEY.
HKDF derives a separate key from a root key for each purpose, so that a leaked derived key compromises
no other purpose. The Extract step of HKDF is omitted, since root keys are random.
Source: NIST SP 800-38D; RFC 5869, section 3.3; OWASP ASVS 11.2.2, 11.3.2, 11.3.3, 13.3.4.
"""

import os
import struct
from io import BytesIO
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from flask import Flask, current_app
from flask.typing import ResponseReturnValue
from secure_flask.settings import keyrings
from secure_flask.state import StateKey, app_state
from secure_flask.web import audit
from secure_flask.web.errors import response_for
from werkzeug.exceptions import InternalServerError

Keyring = dict[int, bytes]

ENCRYPTION_KEYS = StateKey[Keyring]("encryption keys")
BLIND_INDEX_KEYS = StateKey[Keyring]("blind index keys")

VERSION = 1
PURPOSE = b"message"
TAG = 16  # bytes
HEADER = struct.Struct(">BI16s12s")
# The version and the key id, by which a query finds the values of other keys.
PREFIX = struct.Struct(">BI")


class DecryptionError(Exception):
    """The ciphertext is altered, truncated, from another context, or its key is not in the ring.

    `except DecryptionError as error`: the message does not say which. It contains the context,
    `error.context` (str), never the value. Without a handler it is a 500.
    """

    def __init__(self, context: str) -> None:
        super().__init__(f"Cannot decrypt {context!r}")
        self.context = context


def encrypt(plaintext: bytes, *, context: str) -> bytes:
    """Encrypt for one context: `encrypt(iban.encode(), context="invoices.iban")`.

    The ciphertext has 49 bytes more than the plaintext.
    """
    key_id, root = key_in_force(encryption_keys())
    salt = os.urandom(16)
    nonce = os.urandom(12)
    header = HEADER.pack(VERSION, key_id, salt, nonce)
    cipher = AESGCM(derive_key(root, PURPOSE, salt))
    # Encrypting into the buffer behind the header avoids a copy, which would take longer
    # than encrypting a large value.
    message = BytesIO(header.ljust(HEADER.size + len(plaintext) + TAG))
    with message.getbuffer() as view:
        cipher.encrypt_into(nonce, plaintext, header + context.encode(), view[HEADER.size :])
    return message.getvalue()


def decrypt(ciphertext: bytes, *, context: str) -> bytes:
    """Decrypt a value that was encrypted for the same context.

    The result is bytes: `decrypt(ciphertext, context="invoices.iban").decode()`.

    :raises DecryptionError: the ciphertext or its context is wrong.
    """
    try:
        version, key_id, salt, nonce = HEADER.unpack_from(ciphertext)
        root = encryption_keys()[key_id]
    except (struct.error, KeyError):
        raise DecryptionError(context) from None
    if version != VERSION:
        raise DecryptionError(context)
    header = ciphertext[: HEADER.size]
    cipher = AESGCM(derive_key(root, PURPOSE, salt))
    try:
        # A memoryview avoids a copy, which would take longer than decrypting a large value.
        sealed = memoryview(ciphertext)[HEADER.size :]
        return cipher.decrypt(nonce, sealed, header + context.encode())
    except InvalidTag:
        raise DecryptionError(context) from None


def readable_value(row: object, name: str) -> Any:
    """The attribute of a row; None, and a line in the log, if it does not decrypt.

    A page that must work after a key was removed uses this, such as the list of logins.
    """
    try:
        return getattr(row, name, None)
    except DecryptionError as error:
        audit.record(audit.DECRYPT_FAIL, context=error.context)
        return None


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
    app.register_error_handler(DecryptionError, _handle_decryption_error)


def _handle_decryption_error(error: DecryptionError) -> ResponseReturnValue:
    # Log no stack trace, which might show more than the context of the row.
    audit.record(audit.DECRYPT_FAIL, context=error.context)
    return response_for(InternalServerError())
