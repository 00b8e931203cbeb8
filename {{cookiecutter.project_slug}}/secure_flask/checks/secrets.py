"""Finds secrets that are guessable, reused or too old.

No check can prove that a secret is random; these detect secrets that certainly are not.
The age of a key comes from its id, if that is a date like 20261125, as `keyrings.new`
creates it.
Source: NIST SP 800-57 Part 1, sections 5.2 and 5.3.6; OWASP ASVS 11.1.1, 13.3.4.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import combinations, pairwise
from logging import ERROR, INFO, WARNING

from flask import Flask
from secure_flask.checks.registry import check
from secure_flask.settings import keyrings

NAMES = ("SECRET_KEY", "ENCRYPTION_KEYS", "BLIND_INDEX_KEYS", "TOKEN_KEYS")

# Different differences between neighbouring bytes; 32 random hexadecimal digits have 13 or more.
MIN_STEPS = 12
MIN_LENGTH = 32  # characters; ids and separators between keys are shorter
MAX_AGE = timedelta(days=2 * 365)  # 2 years


@check(
    "secrets.guessable",
    ERROR,
    "{} is repetitive or sequential, so it can be guessed.",
    "Generate a new one as .env.example shows.",
)
def guessable_secrets(app: Flask) -> Iterable[str]:
    return [
        name
        for name in _given(app)
        if any(len(_steps(secret)) < MIN_STEPS for secret in _values(name, app.config[name]))
    ]


@check(
    "secrets.reused",
    ERROR,
    "{} contain the same secret: if one leaks, the other is compromised too.",
    "Generate a separate one for each as .env.example shows.",
)
def reused_secrets(app: Flask) -> Iterator[str]:
    parts = {name: _parts(app.config[name]) for name in _given(app)}
    for one, other in combinations(parts, 2):
        if parts[one] & parts[other]:
            yield f"{one} and {other}"


@check(
    "keys.old",
    WARNING,
    "The current key of {} is more than two years old by its id.",
    "Put a new one in front, as docs/encryption.md says.",
    deploy=True,
)
def old_keys(app: Flask) -> Iterable[str]:
    return [name for name, age in _ages(app) if age is not None and age > MAX_AGE]


@check(
    "keys.age-unknown",
    INFO,
    "The id of the current key of {} is not a date, so the age of the key is unknown.",
    "Give the next key the date of its creation as its id, as in 20261125.",
    deploy=True,
)
def keys_of_unknown_age(app: Flask) -> Iterable[str]:
    return [name for name, age in _ages(app) if age is None]


def _given(app: Flask) -> list[str]:
    return [name for name in NAMES if app.config[name]]


def _is_ring(name: str) -> bool:
    return name.endswith("_KEYS")


def _values(name: str, text: str) -> list[bytes]:
    return list(keyrings.read(text).values()) if _is_ring(name) else [text.encode()]


def _steps(secret: bytes) -> set[int]:
    return {after - before for before, after in pairwise(secret)}


def _parts(text: str) -> set[str]:
    parts = (part.rstrip("=") for part in re.split(r"[,:\s]", text))
    return {part for part in parts if len(part) >= MIN_LENGTH}


def _ages(app: Flask) -> Iterator[tuple[str, timedelta | None]]:
    """The age of the current key of each keyring; None if its id is not a past date."""
    for name in filter(_is_ring, _given(app)):
        try:
            created = date.fromisoformat(next(iter(keyrings.read(app.config[name]))))
        except ValueError:
            yield name, None
        else:
            age = datetime.now(UTC).date() - created
            yield name, age if age >= timedelta(0) else None
