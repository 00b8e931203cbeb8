"""Encryption at rest: protects values in a stolen database or backup.

All functions need the app context, which provides the keys. See
docs/encryption.md.
"""

from secure_flask.crypto.blind_indexes import blind_index
from secure_flask.crypto.encrypted_columns import encrypted_column
from secure_flask.crypto.encrypted_types import EncryptedBytes, EncryptedJSON, EncryptedString
from secure_flask.crypto.encryption import DecryptionError, decrypt, encrypt
from secure_flask.crypto.streams import decrypt_stream, encrypt_stream

__all__ = [
    "DecryptionError",
    "EncryptedBytes",
    "EncryptedJSON",
    "EncryptedString",
    "blind_index",
    "decrypt",
    "decrypt_stream",
    "encrypt",
    "encrypt_stream",
    "encrypted_column",
]
