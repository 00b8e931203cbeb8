"""The keys that sign access tokens: the first key of the ring signs, all keys verify.

Key rotation: add the new key at the end and wait ten minutes, until every process and every
service that verifies these tokens has it. Move it to the front and wait eleven minutes,
until all tokens signed by the old key have expired. Then remove the old key.
Source: RFC 8037; OWASP ASVS 11.2.2, 13.3.4.
"""

from typing import Annotated

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask, current_app
from pydantic import AfterValidator, SecretStr, ValidationInfo, field_validator

from app import key_settings
from app.setting_types import Environment

MAX_NAME = 255  # characters of issuer or audience, which are part of each token

Keyring = dict[str, Ed25519PrivateKey]


def read(text: str) -> Keyring:
    """Parse `id:key,id:key`, the signing key first.

    :raises ValueError: a key is missing, malformed or duplicated; the message contains no key.
    """
    seeds = key_settings.read(text).items()
    return {key_id: Ed25519PrivateKey.from_private_bytes(seed) for key_id, seed in seeds}


def keyring() -> Keyring:
    """This app's keys by id, the signing key first."""
    ring: Keyring = current_app.extensions["signing_keys"]
    return ring


def init_app(app: Flask) -> None:
    app.extensions["signing_keys"] = read(app.config["TOKEN_KEYS"])


def _readable(ring: SecretStr) -> SecretStr:
    read(ring.get_secret_value())
    return ring


class SigningSettings(Environment):
    """The settings of signed tokens: keys, issuer and audience."""

    token_keys: Annotated[SecretStr, AfterValidator(_readable)] = SecretStr("")
    token_issuer: str = ""
    token_audience: str = ""

    @field_validator("token_issuer", "token_audience")
    @classmethod
    def _this_site_by_default(cls, name: str, info: ValidationInfo) -> str:
        if len(name) > MAX_NAME or not name.isprintable() or " " in name:
            raise ValueError(f"must be at most {MAX_NAME} characters, without spaces")
        return name or f"https://{info.data.get('trusted_hosts', ['?'])[0]}"

    @staticmethod
    def fresh_secrets() -> dict[str, str]:
        return {"TOKEN_KEYS": key_settings.new()}
