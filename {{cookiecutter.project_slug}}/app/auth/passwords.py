"""Passwords: kept as argon2id hashes, checked in the same time whoever is asked for.

A cap on the hashes in flight keeps a flood of logins from taking the memory
(46 MiB each). Source: OWASP Password Storage Cheat Sheet; OWASP ASVS 11.4.2.
"""

import os
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from werkzeug.exceptions import ServiceUnavailable

from app.security.errors import ErrorResponse

MIN_LENGTH, MAX_LENGTH = 12, 1024  # characters

# OWASP's first choice of parameters: 46 MiB, one pass, one lane; about 50 ms.
hasher = PasswordHasher(time_cost=1, memory_cost=46 * 1024, parallelism=1)

# A quarter of the threads hash and another waits: a flood of logins leaves half to others.
MAX_IN_FLIGHT = 4
MAX_IN_LINE = 8  # those in flight among them
MAX_WAIT = 2.0  # seconds
_in_flight = BoundedSemaphore(MAX_IN_FLIGHT)
_in_line = BoundedSemaphore(MAX_IN_LINE)


class TooBusy(ErrorResponse, ServiceUnavailable):
    """Too many hashes are in flight: try again in a moment."""

    def __init__(self) -> None:
        super().__init__("Too many logins at once", {"Retry-After": "2"})


def hash_password(password: str) -> str:
    """Hash a new password.

    :raises TooBusy: when the line is long, or no place comes free within MAX_WAIT.
    """
    with _a_place():
        return hasher.hash(password)


def needs_rehash(password_hash: str) -> bool:
    """Whether a hash was made with other parameters than today's."""
    return hasher.check_needs_rehash(password_hash)


def verify_password(password_hash: str | None, password: str) -> bool:
    """Check a password. `None` stands for no such user and costs the same.

    :raises TooBusy: when the line is long, or no place comes free within MAX_WAIT.
    """
    with _a_place():
        try:
            return hasher.verify(password_hash or hash_of_nothing(), password)
        except (VerificationError, InvalidHashError):
            return False


@contextmanager
def _a_place() -> Iterator[None]:
    with _at_most(_in_line, wait=0), _at_most(_in_flight, wait=MAX_WAIT):
        yield


@contextmanager
def _at_most(places: BoundedSemaphore, *, wait: float) -> Iterator[None]:
    if not places.acquire(timeout=wait):
        raise TooBusy
    try:
        yield
    finally:
        places.release()


def hash_of_nothing() -> str:
    """A hash that costs as much to check as any other and that no password has."""
    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    salt, digest = (
        b64encode(os.urandom(size)).decode().rstrip("=")
        for size in (hasher.salt_len, hasher.hash_len)
    )
    return f"$argon2id$v=19${cost}${salt}${digest}"
