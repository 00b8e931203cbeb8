"""Streams: they come back whole, or the reader learns that they are not."""

import tracemalloc
from hashlib import sha256
from io import BytesIO, RawIOBase

import pytest
from flask import Flask
from secure_flask import DecryptionError, decrypt, decrypt_stream, encrypt, encrypt_stream
from secure_flask.crypto import streams
from secure_flask.crypto.encryption import ENCRYPTION_KEYS
from secure_flask.state import app_state

TEXT = b"ten pounds to Ada, and no more"
CHUNK, HEADER = 64 * 1024, 28
SEALED = CHUNK + 16
# Each side of where a chunk ends.
LENGTHS = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 5]


class Trickle(RawIOBase):
    """Gives a few bytes at a time, as a socket does, and never ends before its length.

    It is never asked for nothing, which Werkzeug takes for a client that hung up.
    """

    def __init__(self, length: int, at_once: int) -> None:
        self.left, self.at_once = length, at_once

    def read(self, size: int = -1) -> bytes:
        assert size
        given = min(self.left, self.at_once, size)
        self.left -= given
        return bytes(given)


class Nowhere(RawIOBase):
    def write(self, data: object) -> int:
        return 0


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "CHUNK", 8)


def encrypted(plaintext: bytes) -> bytes:
    target = BytesIO()
    encrypt_stream(BytesIO(plaintext), target, context="uploads")
    return target.getvalue()


def decrypted(stream: bytes) -> bytes:
    target = BytesIO()
    decrypt_stream(BytesIO(stream), target, context="uploads")
    return target.getvalue()


def refused(stream: bytes, context: str = "uploads") -> bytes:
    """What had been written when the stream was refused."""
    target = BytesIO()
    with pytest.raises(DecryptionError):
        decrypt_stream(BytesIO(stream), target, context=context)
    return target.getvalue()


@pytest.mark.parametrize("length", LENGTHS)
def test_a_stream_comes_back_and_has_a_tag_for_each_chunk(length: int) -> None:
    plaintext = (bytes(range(256)) * (length // 256 + 1))[:length]
    stream = encrypted(plaintext)
    assert decrypted(stream) == plaintext
    assert len(stream) == HEADER + length + 16 * max(1, -(-length // CHUNK))


@pytest.mark.asvs("11.3.1", "11.3.2")
def test_a_stream_of_another_implementation_is_made_alike(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HKDF from RFC 2104's HMAC, AES-GCM of PyCryptodome, the same salt and prefix."""
    salt_and_prefix = iter([bytes(range(100, 116)), bytes(range(200, 207))])
    monkeypatch.setitem(app_state(app), ENCRYPTION_KEYS, {7: bytes(range(32))})
    monkeypatch.setattr("os.urandom", lambda size: next(salt_and_prefix))
    stream = encrypted(b"owls " * 20_000)
    digest = "b81d2cfce8170324cc25dad5249328a581783c4cd0dd4591313d6180ff028f98"
    assert sha256(stream).hexdigest() == digest


@pytest.mark.usefixtures("small_chunks")
def test_every_changed_bit_is_refused_and_only_a_true_beginning_was_written() -> None:
    stream = encrypted(TEXT)
    number = int.from_bytes(stream)
    written = [refused((number ^ 1 << bit).to_bytes(len(stream))) for bit in range(len(stream) * 8)]
    assert [bit for bit, each in enumerate(written) if not TEXT.startswith(each)] == []


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("plaintext", [b"", b"12345678", TEXT], ids=["empty", "a chunk", "chunks"])
def test_every_cut_is_refused(plaintext: bytes) -> None:
    stream = encrypted(plaintext)
    changed = [stream[:length] for length in range(len(stream))]
    changed += [stream + more for more in (b"\0", stream, stream[-16:])]
    assert [each for each in changed if not plaintext.startswith(refused(each))] == []


@pytest.mark.asvs("11.3.3")
def test_chunks_in_another_order_or_of_another_stream_are_refused() -> None:
    ours, theirs = encrypted(bytes(3 * CHUNK)), encrypted(bytes(3 * CHUNK))
    header = ours[:HEADER]
    first, second, third = (
        ours[start : start + SEALED] for start in range(HEADER, len(ours), SEALED)
    )
    orders = ([second, first, third], [first, first, second, third], [first, third], [third])
    written = [refused(header + b"".join(order)) for order in orders]
    assert written == [b"", bytes(CHUNK), bytes(CHUNK), b""]
    assert refused(header + first + theirs[HEADER + SEALED :]) == bytes(CHUNK)
    assert refused(theirs[:HEADER] + ours[HEADER:]) == b""


def test_another_context_version_or_a_message_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused(encrypted(TEXT), "downloads") == b""
    assert refused(encrypt(TEXT, context="uploads")) == b""
    with pytest.raises(DecryptionError):
        decrypt(encrypted(TEXT), context="uploads")
    with monkeypatch.context() as later:
        later.setattr(streams, "VERSION", 4)
        stream = encrypted(TEXT)
    assert refused(stream) == b""


@pytest.mark.asvs("11.3.4")
def test_no_salt_and_no_nonce_prefix_is_used_twice() -> None:
    made = [encrypted(b"") for _ in range(1000)]
    assert len({stream[5:21] for stream in made}) == 1000
    assert len({stream[21:28] for stream in made}) == 1000


def test_a_source_that_gives_a_few_bytes_at_a_time_is_read_whole() -> None:
    target = BytesIO()
    encrypt_stream(Trickle(2 * CHUNK + 5, at_once=1000), target, context="uploads")  # type: ignore[arg-type]
    assert decrypted(target.getvalue()) == bytes(2 * CHUNK + 5)


def test_a_long_stream_takes_no_more_memory_than_a_short_one() -> None:
    tracemalloc.start()
    source = Trickle(64 * CHUNK, at_once=CHUNK)
    encrypt_stream(source, Nowhere(), context="uploads")  # type: ignore[arg-type]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert source.left == 0
    assert peak < 8 * CHUNK
