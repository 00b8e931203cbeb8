"""The types of settings: each refuses insecure values and names a valid one."""

import re
from importlib.util import find_spec
from typing import Annotated, Any, Literal

from limits import parse_many
from pydantic import AfterValidator, BeforeValidator, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode

from app.programs import PYTHON, UV

MIN_SECRET_LENGTH = 32  # characters
MIN_DIFFERENT_CHARACTERS = 10
# All are long enough that a random secret does not contain one by chance.
PLACEHOLDERS = ("change", "example", "insecure", "password", "placeholder", "replace", "secret")
_HOST_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_LISTENING = re.compile(r"[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]")
HOW_TO_MAKE_ONE = f"{PYTHON} -c 'import secrets; print(secrets.token_urlsafe(48))'"


def _strong(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if not text:
        raise ValueError(f"is missing: set it to the output of: {HOW_TO_MAKE_ONE}")
    weak = len(text) < MIN_SECRET_LENGTH or len(set(text)) < MIN_DIFFERENT_CHARACTERS
    if weak or not text.isascii() or any(word in text.lower() for word in PLACEHOLDERS):
        raise ValueError(f"is short or a placeholder: set it to the output of: {HOW_TO_MAKE_ONE}")
    return secret


def _split(names: Any) -> Any:
    return names.replace(",", " ").lower().split() if isinstance(names, str) else names


def _exact_names(names: list[str]) -> list[str]:
    if not all(map(_HOST_NAME.fullmatch, names)):
        raise ValueError("must contain exact names in ASCII, without port, scheme or wildcard")
    return names


def _one_limit(limit: str) -> str:
    try:
        limits = parse_many(limit)
    except ValueError:
        limits = []
    if [item.amount > 0 for item in limits] != [True]:
        raise ValueError("must be one limit above 0, such as: 5 per minute")
    return limit


def is_address_and_port(text: str) -> bool:
    """Whether a server can listen there, as at 127.0.0.1:9464 or [::1]:9464."""
    host, _, port = text.rpartition(":")
    return bool(_LISTENING.fullmatch(host) and _PORT.fullmatch(port) and int(port) < 65536)


def _address_and_port(text: str) -> str:
    if not is_address_and_port(text):
        raise ValueError("must be an address and a port, such as 127.0.0.1:9464")
    if not find_spec("prometheus_client"):
        raise ValueError(f"needs the extra: {UV} sync --extra metrics")
    return text


Secret = Annotated[SecretStr, AfterValidator(_strong)]
HostNames = Annotated[list[str], NoDecode, BeforeValidator(_split), AfterValidator(_exact_names)]
RateLimit = Annotated[str, AfterValidator(_one_limit)]
MetricsAddress = Annotated[str, AfterValidator(_address_and_port)]

LOOPBACK_NAMES = ["localhost", "127.0.0.1", "[::1]"]


class Environment(BaseSettings):
    """The settings that others depend on: production or development, and the site's host names."""

    app_env: Literal["production", "development"] = "production"
    trusted_hosts: HostNames = []

    @field_validator("trusted_hosts")
    @classmethod
    def _named_in_production(cls, names: list[str], info: ValidationInfo) -> list[str]:
        if not names and in_production(info):
            raise ValueError("is missing: list the host names of this site, as in www.example.org")
        return names or LOOPBACK_NAMES


def in_production(info: ValidationInfo) -> bool:
    # Fails closed: an invalid APP_ENV counts as production.
    return info.data.get("app_env") != "development"
