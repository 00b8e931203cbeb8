"""Values at rest: AES-256-GCM, each message under a key of its own, bound to its context.

A message is, in bytes: version 1, key id 4, salt 16, nonce 12, ciphertext, tag 16. Its
key is HKDF-SHA256 of the root key and the salt; header and context are authenticated.
Source: NIST SP 800-38D, RFC 5869; OWASP ASVS 11.3.2, 11.3.3.
"""

import os
import struct
from io import BytesIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from flask import Flask
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import InternalServerError

from app.crypto.keyring import current, derive, encryption_keys
from app.security import audit
from app.security.errors import response_for

VERSION = 1
PURPOSE = b"message"
TAG = 16  # bytes
HEADER = struct.Struct(">BI16s12s")
# Version and key id: by these a database finds what another key encrypted.
PREFIX = struct.Struct(">BI")


class DecryptionError(Exception):
    """Altered, cut off, of another context, or of a key that is not in the ring: never said which.

    It names the context and never the value.
    """

    def __init__(self, context: str) -> None:
        super().__init__(f"Cannot decrypt {context!r}")
        self.context = context


def encrypt(plaintext: bytes, *, context: str) -> bytes:
    """Encrypt for one context, such as `"invoices.iban"`; 49 bytes longer than the plaintext."""
    key_id, root = current(encryption_keys())
    salt, nonce = os.urandom(16), os.urandom(12)
    header = HEADER.pack(VERSION, key_id, salt, nonce)
    cipher = AESGCM(derive(root, PURPOSE, salt))
    # To put the header before a large value takes longer than to encrypt it, unless it
    # is encrypted right behind it: BytesIO gives its buffer away without a copy.
    message = BytesIO(header.ljust(HEADER.size + len(plaintext) + TAG))
    with message.getbuffer() as view:
        cipher.encrypt_into(nonce, plaintext, header + context.encode(), view[HEADER.size :])
    return message.getvalue()


def decrypt(ciphertext: bytes, *, context: str) -> bytes:
    """Give back what was encrypted for the same context, whole.

    :raises DecryptionError: for anything else.
    """
    try:
        version, key_id, salt, nonce = HEADER.unpack_from(ciphertext)
        root = encryption_keys()[key_id]
    except (struct.error, KeyError):
        raise DecryptionError(context) from None
    if version != VERSION:
        raise DecryptionError(context)
    header = ciphertext[: HEADER.size]
    cipher = AESGCM(derive(root, PURPOSE, salt))
    try:
        # A view, since to copy a large value takes longer than to decrypt it.
        sealed = memoryview(ciphertext)[HEADER.size :]
        return cipher.decrypt(nonce, sealed, header + context.encode())
    except InvalidTag:
        raise DecryptionError(context) from None


def init_app(app: Flask) -> None:
    app.register_error_handler(DecryptionError, _undecryptable)


def _undecryptable(error: DecryptionError) -> ResponseReturnValue:
    # One line, which names the row; a stack trace might show more than that.
    audit.record(audit.DECRYPT_FAIL, context=error.context)
    return response_for(InternalServerError())
