"""The keys that sign access tokens: the first key of the ring signs, all keys verify.

Key rotation: add the new key at the end and wait ten minutes, until every process and every
service that verifies these tokens has it. Move it to the front and wait eleven minutes,
until all tokens signed by the old key have expired. Then remove the old key.
Source: RFC 8037; OWASP ASVS 11.2.2, 13.3.4.
"""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask, current_app
from secure_flask.settings import SettingsError, keyrings

Keyring = dict[str, Ed25519PrivateKey]


def read(text: str) -> Keyring:
    """Parse `id:key,id:key`, the signing key first.

    :raises ValueError: a key is missing, malformed or duplicated; the message contains no key.
    """
    seeds = keyrings.read(text).items()
    return {key_id: Ed25519PrivateKey.from_private_bytes(seed) for key_id, seed in seeds}


def keyring() -> Keyring:
    """This app's keys by id, the signing key first."""
    ring: Keyring = current_app.extensions["signing_keys"]
    return ring


def init_app(app: Flask) -> None:
    """
    :raises SettingsError: TOKEN_KEYS is missing.
    """
    if not app.config["TOKEN_KEYS"]:
        raise SettingsError(keyrings.NO_TOKEN_KEYS)
    app.extensions["signing_keys"] = read(app.config["TOKEN_KEYS"])
