"""Files and uploads of any length in constant memory: AES-256-GCM by the chunk.

A stream is, in bytes: version 1, key id 4, salt 16, nonce prefix 7, then chunks of
64 KiB, each with a tag of 16. Each nonce is the prefix, the chunk's number and whether
it is the last, so that none can be moved, dropped, repeated or cut off unnoticed.
Source: the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizar, 2015, as in
Tink and age; NIST SP 800-38D; OWASP ASVS 11.3.2, 11.3.3.
"""

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.crypto.encryption import DecryptionError
from app.crypto.keyring import current, derive, encryption_keys

VERSION = 2  # no stream is ever taken for a message, nor the other way round
PURPOSE = b"stream"
HEADER = struct.Struct(">BI16s7s")
NONCE = struct.Struct(">7sI?")
CHUNK, TAG = 64 * 1024, 16


def encrypt_stream(source: BinaryIO, target: BinaryIO, *, context: str) -> None:
    """Encrypt all that `source` gives into `target`, for one context. At most 256 TiB."""
    key_id, root = current(encryption_keys())
    salt, prefix = os.urandom(16), os.urandom(7)
    header = HEADER.pack(VERSION, key_id, salt, prefix)
    cipher = AESGCM(derive(root, PURPOSE, salt))
    target.write(header)
    for number, (chunk, last) in enumerate(_chunks(source, CHUNK)):
        nonce = NONCE.pack(prefix, number, last)
        target.write(cipher.encrypt(nonce, chunk, header + context.encode()))


def decrypt_stream(source: BinaryIO, target: BinaryIO, *, context: str) -> None:
    """Decrypt into `target` what was encrypted for the same context.

    Each chunk is checked before it is written, the end of the stream only at the end:
    on an error `target` holds a true beginning. Throw it away, or write to a temporary
    file and rename that, so that nobody takes it for the whole.

    :raises DecryptionError: for anything that is not such a stream, whole and unaltered.
    """
    header = _read(source, HEADER.size)
    try:
        version, key_id, salt, prefix = HEADER.unpack(header)
        root = encryption_keys()[key_id]
    except (struct.error, KeyError):
        raise DecryptionError(context) from None
    if version != VERSION:
        raise DecryptionError(context)
    cipher = AESGCM(derive(root, PURPOSE, salt))
    for number, (chunk, last) in enumerate(_chunks(source, CHUNK + TAG)):
        nonce = NONCE.pack(prefix, number, last)
        try:
            plaintext = cipher.decrypt(nonce, chunk, header + context.encode())
        except InvalidTag:
            raise DecryptionError(context) from None
        target.write(plaintext)


def _chunks(source: BinaryIO, size: int) -> Iterator[tuple[bytes, bool]]:
    """The chunks of a stream, each with whether it is the last; an empty stream has one."""
    chunk = _read(source, size)
    while following := _read(source, size):
        yield chunk, False
        chunk = following
    yield chunk, True


def _read(source: BinaryIO, size: int) -> bytes:
    """So many bytes, fewer only at the end: sockets and pipes give what they have."""
    parts, missing = [], size
    while part := source.read(missing):
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)
