"""The types of settings: each refuses insecure values and names a valid one.

A URL of the database or of Redis that would not work is refused at the start. The message repeats no
part of the URL, which may hold a password. Source: OWASP ASVS 13.1.1.
"""

import os
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, SecretStr, ValidationInfo
from pydantic_settings import NoDecode
from secure_flask.policy_types import is_one_limit
from secure_flask.settings.keyrings import is_guessable_secret
from secure_flask.web import count_storages
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

MIN_SECRET_LENGTH = 32  # bytes
# All are long enough that a random secret does not contain one by chance.
PLACEHOLDERS = ("change", "example", "insecure", "password", "placeholder", "replace", "secret")
_HOST_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]")
HOW_TO_MAKE_ONE = "python -c 'import secrets; print(secrets.token_urlsafe(48))'"

# Flask's instance folder, which contains the SQLite file unless its path is absolute.
INSTANCE = Path(__file__).parents[2] / "instance"
POSTGRESQL = "postgresql+psycopg"
# The driver for these is the extra `redis`.
REDIS_SCHEMES = ("redis", "rediss", "redis+unix")
HOW_TO_NAME_REDIS = (
    "must be redis://user:password@host:6379/0, rediss://… for TLS or"
    " redis+unix:///path: special characters of the password are encoded, / as %2F and @ as %40;"
    " Sentinel and Cluster are not supported, so write the one address of a managed Redis"
)

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


def is_weak_secret(secret: bytes) -> bool:
    """Whether a secret is short, a placeholder or easy to guess."""
    if len(secret) < MIN_SECRET_LENGTH or is_guessable_secret(secret):
        return True
    return any(word.encode() in secret.lower() for word in PLACEHOLDERS)


def in_production(info: ValidationInfo) -> bool:
    # Fails closed: an invalid APP_ENV counts as production.
    return info.data.get("app_env") != "development"


def _strong(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if not text:
        raise ValueError(f"is missing: set it to the output of: {HOW_TO_MAKE_ONE}")
    if not text.isascii() or is_weak_secret(text.encode()):
        raise ValueError(
            f"is short, a placeholder or easy to guess: set it to the output of: {HOW_TO_MAKE_ONE}"
        )
    return secret


def _split(names: object) -> object:
    return names.replace(",", " ").lower().split() if isinstance(names, str) else names


def _exact_names(names: tuple[str, ...]) -> tuple[str, ...]:
    if not all(map(_HOST_NAME.fullmatch, names)):
        raise ValueError("must contain exact names in ASCII, without port, scheme or wildcard")
    return names


def _one_limit(limit: str) -> str:
    if not is_one_limit(limit):
        raise ValueError("must be one limit above 0, such as: 5 per minute")
    return limit


def _supported_database(url: SecretStr) -> SecretStr:
    try:
        parsed = make_url(url.get_secret_value())
        backend = parsed.get_backend_name()
    except (ValueError, ArgumentError):
        # The error is not raised again, since it may quote the password.
        backend = ""
    if backend == "sqlite":
        return url
    # An unencoded @ would make a part of the password the host, and send it to DNS. libpq would
    # ignore everything after a NUL, such as sslmode.
    if (
        backend not in ("postgresql", "postgres")
        or set("@,").intersection(parsed.host or "")
        or "%00" in str(parsed)
    ):
        raise ValueError(
            "must be sqlite:///file.db, postgresql://user:password@host:5432/name or, with several"
            " hosts, postgresql://user:password@/name?host=a:5432&host=b:5432: special characters"
            " of the password are encoded, / as %2F and @ as %40"
        )
    if not find_spec("psycopg"):
        raise ValueError("needs the extra: .venv/bin/uv sync --inexact --extra postgresql")
    return SecretStr(parsed.set(drivername=POSTGRESQL).render_as_string(hide_password=False))


def _writable_database(url: SecretStr) -> SecretStr:
    database = make_url(url.get_secret_value()).database or ":memory:"
    in_a_file = url.get_secret_value().startswith("sqlite:") and database != ":memory:"
    # A file: URI of SQLite may open the file read-only.
    if in_a_file and not database.startswith("file:"):
        folder = (INSTANCE / database).parent
        # Flask-SQLAlchemy creates the instance folder, so its parent must be writable.
        absent = folder == INSTANCE and not os.path.lexists(folder)
        writable = INSTANCE.parent if absent else folder
        if not writable.is_dir() or not os.access(writable, os.W_OK | os.X_OK):
            raise ValueError(
                f"SQLite cannot write to the folder {folder}: make that writable,"
                " or set this to postgresql://user:password@host/name"
            )
    return url


def _supported_redis(url: SecretStr) -> SecretStr:
    if not find_spec("redis"):
        raise ValueError("needs the extra: .venv/bin/uv sync --inexact --extra redis")
    scheme, separator, rest = url.get_secret_value().partition("://")
    if scheme not in REDIS_SCHEMES or not separator or not rest.strip("/"):
        raise ValueError(HOW_TO_NAME_REDIS)
    try:
        count_storages.check_redis_url(url.get_secret_value())
    except Exception:
        # redis-py raises many exceptions. The cause is dropped, since it may quote the password.
        raise ValueError(HOW_TO_NAME_REDIS) from None
    return url


Secret = Annotated[SecretStr, AfterValidator(_strong)]
HostNames = Annotated[
    tuple[str, ...], NoDecode, BeforeValidator(_split), AfterValidator(_exact_names)
]
RateLimit = Annotated[str, AfterValidator(_one_limit)]
DatabaseURL = Annotated[
    SecretStr, AfterValidator(_supported_database), AfterValidator(_writable_database)
]
RedisURL = Annotated[SecretStr, AfterValidator(_supported_redis)]
