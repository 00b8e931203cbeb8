"""The types of settings: each refuses insecure values and names a valid one."""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, SecretStr, ValidationInfo
from pydantic_settings import NoDecode
from secure_flask.policy_types import is_one_limit
from secure_flask.settings.keyrings import is_guessable_secret

MIN_SECRET_LENGTH = 32  # bytes
# All are long enough that a random secret does not contain one by chance.
PLACEHOLDERS = ("change", "example", "insecure", "password", "placeholder", "replace", "secret")
_HOST_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]")
HOW_TO_MAKE_ONE = "python -c 'import secrets; print(secrets.token_urlsafe(48))'"


def is_weak_secret(secret: bytes) -> bool:
    """Whether a secret is short, a placeholder or easy to guess."""
    if len(secret) < MIN_SECRET_LENGTH or is_guessable_secret(secret):
        return True
    return any(word.encode() in secret.lower() for word in PLACEHOLDERS)


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


Secret = Annotated[SecretStr, AfterValidator(_strong)]
HostNames = Annotated[
    tuple[str, ...], NoDecode, BeforeValidator(_split), AfterValidator(_exact_names)
]
RateLimit = Annotated[str, AfterValidator(_one_limit)]

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


def in_production(info: ValidationInfo) -> bool:
    # Fails closed: an invalid APP_ENV counts as production.
    return info.data.get("app_env") != "development"
