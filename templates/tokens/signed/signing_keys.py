"""The keys that sign access tokens: the first in the ring signs, all of them verify.

To change keys, put a new one first and drop the old one ten minutes later, when
nothing that it signed is alive. Source: OWASP ASVS 11.2.2, 13.3.4.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask, current_app
from pydantic import AfterValidator, SecretStr, ValidationInfo, field_validator

from app.setting_types import Environment

HOW_TO_MAKE_ONE = "python -c 'from app.auth import signing_keys; print(signing_keys.new_key())'"

Keyring = dict[str, Ed25519PrivateKey]


def new_key(key_id: str = "1") -> str:
    """A fresh key as `TOKEN_KEYS` takes it: an id, a colon, 32 random bytes in base64url."""
    seed = Ed25519PrivateKey.generate().private_bytes_raw()
    return f"{key_id}:{urlsafe_b64encode(seed).decode().rstrip('=')}"


def read(text: str) -> Keyring:
    """Read `id:key,id:key`, the signing key first.

    :raises ValueError: for a missing, malformed or doubled key; it repeats none of them.
    """
    items = [item.strip().partition(":") for item in text.split(",") if item.strip()]
    try:
        keys = {key_id: _read_key(key_id, encoded) for key_id, _, encoded in items}
    except ValueError:
        keys = {}
    if not keys or len(keys) < len(items):
        raise ValueError(
            f"must read id:key,id:key; for a key, use what this prints: {HOW_TO_MAKE_ONE}"
        )
    return keys


def keyring() -> Keyring:
    """This app's keys by id, the signing key first."""
    ring: Keyring = current_app.extensions["signing_keys"]
    return ring


def init_app(app: Flask) -> None:
    app.extensions["signing_keys"] = read(app.config["TOKEN_KEYS"])


def _read_key(key_id: str, encoded: str) -> Ed25519PrivateKey:
    seed = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    if not (key_id.isascii() and key_id.isalnum()) or len(set(seed)) < 8:
        raise ValueError("unusable")
    return Ed25519PrivateKey.from_private_bytes(seed)


def _readable(keys: SecretStr) -> SecretStr:
    read(keys.get_secret_value())
    return keys


class SigningSettings(Environment):
    """The settings of signed tokens: keys, who issues them and whom they are for."""

    token_keys: Annotated[SecretStr, AfterValidator(_readable)] = SecretStr("")
    token_issuer: str = ""
    token_audience: str = ""

    @field_validator("token_issuer", "token_audience")
    @classmethod
    def _this_site_by_default(cls, name: str, info: ValidationInfo) -> str:
        return name or f"https://{info.data.get('trusted_hosts', ['?'])[0]}"

    @staticmethod
    def fresh_secrets() -> dict[str, str]:
        return {"TOKEN_KEYS": new_key()}
