"""Password hashing by argon2id, in the same time for known and unknown users.

Each hash takes 46 MiB. A limit on concurrent hashes prevents a flood of logins from
exhausting the memory. Source: OWASP Password Storage Cheat Sheet; OWASP ASVS 11.4.2.
"""

import os
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from secure_flask.web import audit
from secure_flask.web.errors import ErrorResponse
from werkzeug.exceptions import ServiceUnavailable

MAX_LENGTH = 1024  # characters

# OWASP's first recommendation: 46 MiB, one pass, one lane; about 50 ms.
hasher = PasswordHasher(time_cost=1, memory_cost=46 * 1024, parallelism=1)

# A quarter of the threads may hash and a quarter may wait, so that a flood of logins leaves
# half of the threads for other requests.
MAX_IN_FLIGHT = 4
MAX_IN_LINE = 8  # hashing or waiting
MAX_WAIT = 2.0  # seconds
_in_flight = BoundedSemaphore(MAX_IN_FLIGHT)
_in_line = BoundedSemaphore(MAX_IN_LINE)


class TooBusy(ErrorResponse, ServiceUnavailable):
    """503: too many hashes are in flight, so the client should retry."""

    def __init__(self) -> None:
        super().__init__("Too many logins at once", {"Retry-After": "2"})


def hash_password(password: str) -> str:
    """Hash a new password.

    :raises TooBusy: the queue is full, or no slot becomes free within MAX_WAIT.
    """
    with _hashing_slot():
        return hasher.hash(password)


def needs_rehash(password_hash: str) -> bool:
    """Whether a hash was made with other parameters than the current ones."""
    return hasher.check_needs_rehash(password_hash)


def verify_password(password_hash: str | None, password: str) -> bool:
    """Verify a password. For an unknown user pass `None`, which takes the same time.

    :raises TooBusy: the queue is full, or no slot becomes free within MAX_WAIT.
    """
    with _hashing_slot():
        try:
            return hasher.verify(password_hash or dummy_hash(), password)
        except (VerificationError, InvalidHashError):
            return False


@contextmanager
def _hashing_slot() -> Iterator[None]:
    with _acquired(_in_line, timeout=0), _acquired(_in_flight, timeout=MAX_WAIT):
        yield


@contextmanager
def _acquired(slots: BoundedSemaphore, *, timeout: float) -> Iterator[None]:
    if not slots.acquire(timeout=timeout):
        audit.record(audit.TOO_BUSY)
        raise TooBusy
    try:
        yield
    finally:
        slots.release()


def dummy_hash() -> str:
    """A random hash that no password matches and that takes as long to verify as a real one."""
    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    salt, digest = (
        b64encode(os.urandom(size)).decode().rstrip("=")
        for size in (hasher.salt_len, hasher.hash_len)
    )
    return f"$argon2id$v=19${cost}${salt}${digest}"
