"""What encrypting values costs beside AES-GCM alone, Fernet and sqlalchemy-utils' column type."""

import os
from collections.abc import Callable
from io import BytesIO
from typing import Any

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import String
from sqlalchemy.dialects import sqlite
from sqlalchemy_utils import StringEncryptedType

from tools.benchmarks import rendered
from tools.benchmarks.measure import Claim, Report, Timing, Workload, interleaved

HOST = "www.example.org"
KIB, MIB = 1024, 1024 * 1024
ROUNDS = 300

RAW, OURS, FERNET = "AESGCM alone", "this project", "Fernet"
UTILS, COLUMN = "sqlalchemy-utils' StringEncryptedType", "this project's EncryptedString"


def measure() -> Report:
    app = rendered.module("app").create_app(rendered.settings(HOST))
    with app.app_context():
        timings = _measured(_messages(100), 50) | _measured(_columns(100), 50)
        timings |= _measured(_messages(10 * KIB), 20) | _measured(_columns(10 * KIB), 5)
        timings |= _measured(_large(MIB), 10) | _measured(_streams(8 * MIB), 1)
    return Report("Encrypting and decrypting", timings, _claims(timings), f"100 B, {RAW}")


def _claims(timings: dict[str, Timing]) -> list[Claim]:
    def claim(size: str, one: str, other: str, at_most: float) -> Claim:
        ours, others = timings[f"{size}, {one}"].median, timings[f"{size}, {other}"].median
        return Claim(f"{size}: {one} / {other}", ours, others, at_most)

    return [
        claim("Encrypting 1 MiB", OURS, RAW, 1 / 0.85),
        claim("Decrypting 1 MiB", OURS, RAW, 1 / 0.85),
        claim("100 B", COLUMN, UTILS, 0.75),
        # Up to a fifth of that where the processor has no instructions for SHA-256.
        claim("10 KiB", OURS, FERNET, 1 / 2),
        claim("8 MiB", "streams", RAW, 1 / 0.5),
    ]


def _measured(workloads: dict[str, Workload], calls: int) -> dict[str, Timing]:
    return interleaved(workloads, rounds=ROUNDS, calls=calls)


def _messages(size: int) -> dict[str, Workload]:
    crypto: Any = rendered.module("secure_flask")
    plaintext, fernet = os.urandom(size), Fernet(Fernet.generate_key())

    return {
        f"{_shown(size)}, {RAW}": _alone(plaintext),
        f"{_shown(size)}, {OURS}": lambda: crypto.decrypt(
            crypto.encrypt(plaintext, context="measured"), context="measured"
        ),
        f"{_shown(size)}, {FERNET}": lambda: fernet.decrypt(fernet.encrypt(plaintext)),
    }


def _large(size: int) -> dict[str, Workload]:
    """Each way by itself: with two large values at once, memory costs more than the cipher."""
    crypto: Any = rendered.module("secure_flask")
    plaintext, cipher, nonce = os.urandom(size), AESGCM(os.urandom(32)), os.urandom(12)
    raw = cipher.encrypt(nonce, plaintext, b"measured")
    message = crypto.encrypt(plaintext, context="measured")
    return {
        f"Encrypting {_shown(size)}, {RAW}": lambda: cipher.encrypt(
            os.urandom(12), plaintext, b"measured"
        ),
        f"Encrypting {_shown(size)}, {OURS}": lambda: crypto.encrypt(plaintext, context="measured"),
        f"Decrypting {_shown(size)}, {RAW}": lambda: cipher.decrypt(nonce, raw, b"measured"),
        f"Decrypting {_shown(size)}, {OURS}": lambda: crypto.decrypt(message, context="measured"),
    }


def _columns(size: int) -> dict[str, Workload]:
    text, dialect = "x" * size, sqlite.dialect()

    def both_ways(column: Any) -> Callable[[], object]:
        return lambda: column.process_result_value(
            column.process_bind_param(text, dialect), dialect
        )

    ours = rendered.module("secure_flask").EncryptedString("measured")
    return {
        f"{_shown(size)}, {COLUMN}": both_ways(ours),
        f"{_shown(size)}, {UTILS}": both_ways(StringEncryptedType(String, "a key of its own")),
    }


def _streams(size: int) -> dict[str, Workload]:
    crypto: Any = rendered.module("secure_flask")
    plaintext = os.urandom(size)

    def streams() -> None:
        encrypted = BytesIO()
        crypto.encrypt_stream(BytesIO(plaintext), encrypted, context="measured")
        encrypted.seek(0)
        crypto.decrypt_stream(encrypted, BytesIO(), context="measured")

    return {f"{_shown(size)}, {RAW}": _alone(plaintext), f"{_shown(size)}, streams": streams}


def _alone(plaintext: bytes) -> Workload:
    cipher = AESGCM(os.urandom(32))

    def alone() -> None:
        nonce = os.urandom(12)
        cipher.decrypt(nonce, cipher.encrypt(nonce, plaintext, b"measured"), b"measured")

    return alone


def _shown(size: int) -> str:
    units = [(MIB, "MiB"), (KIB, "KiB"), (1, "B")]
    return next(f"{size // unit} {name}" for unit, name in units if size >= unit)
