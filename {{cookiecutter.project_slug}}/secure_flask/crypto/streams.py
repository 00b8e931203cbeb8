"""Encrypts files and uploads of any length in constant memory: AES-256-GCM in chunks.

A stream is, in bytes: version 1, key id 4, salt 16, nonce prefix 7, then chunks of 64 KiB,
each with a tag of 16. The nonce of a chunk consists of the prefix, the chunk's number and a
flag for the last chunk. So moved, dropped, repeated or truncated chunks are detected.
Source: the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizar, 2015, as in
Tink and age; NIST SP 800-38D; OWASP ASVS 11.3.2, 11.3.3.
"""

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from secure_flask.crypto.encryption import (
    DecryptionError,
    derive_key,
    encryption_keys,
    key_in_force,
)

VERSION = 2  # differs from encryption.VERSION, so that streams and messages are not confused
PURPOSE = b"stream"
HEADER = struct.Struct(">BI16s7s")
NONCE = struct.Struct(">7sI?")
CHUNK = 64 * 1024
TAG = 16


def encrypt_stream(source: BinaryIO, target: BinaryIO, *, context: str) -> None:
    """Encrypt `source` into `target`, two binary files, for one context. At most 256 TiB.

    `encrypt_stream(body_stream(), target, context=f"files of {file.id}")`. Each 64 KiB grow by 16
    bytes, and the whole by 28.
    """
    key_id, root = key_in_force(encryption_keys())
    salt = os.urandom(16)
    prefix = os.urandom(7)
    header = HEADER.pack(VERSION, key_id, salt, prefix)
    cipher = AESGCM(derive_key(root, PURPOSE, salt))
    target.write(header)
    for number, (chunk, last) in enumerate(_chunks(source, CHUNK)):
        nonce = NONCE.pack(prefix, number, last)
        target.write(cipher.encrypt(nonce, chunk, header + context.encode()))


def decrypt_stream(source: BinaryIO, target: BinaryIO, *, context: str) -> None:
    """Decrypt `source`, which was encrypted for the same context, into `target`.

    `decrypt_stream(source, target, context=f"files of {file.id}")`. Each chunk is verified before
    it is written, but a truncated stream is detected only at its end. After an error `target` holds
    a genuine but incomplete beginning. So write to a temporary file, and rename it after success.

    :raises DecryptionError: the stream is altered or truncated, or has another context or key.
    """
    header = _read(source, HEADER.size)
    try:
        version, key_id, salt, prefix = HEADER.unpack(header)
        root = encryption_keys()[key_id]
    except (struct.error, KeyError):
        raise DecryptionError(context) from None
    if version != VERSION:
        raise DecryptionError(context)
    cipher = AESGCM(derive_key(root, PURPOSE, salt))
    for number, (chunk, last) in enumerate(_chunks(source, CHUNK + TAG)):
        nonce = NONCE.pack(prefix, number, last)
        try:
            plaintext = cipher.decrypt(nonce, chunk, header + context.encode())
        except InvalidTag:
            raise DecryptionError(context) from None
        target.write(plaintext)


def _chunks(source: BinaryIO, size: int) -> Iterator[tuple[bytes, bool]]:
    """The chunks of a stream, each with a flag for the last one; an empty stream has one chunk."""
    chunk = _read(source, size)
    while following := _read(source, size):
        yield chunk, False
        chunk = following
    yield chunk, True


def _read(source: BinaryIO, size: int) -> bytes:
    """Read `size` bytes, fewer only at the end. A socket or pipe may return less per read."""
    parts = list[bytes]()
    missing = size
    # Never read 0 bytes: the body of a request would then report that its client is gone.
    while missing and (part := source.read(missing)):
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)
