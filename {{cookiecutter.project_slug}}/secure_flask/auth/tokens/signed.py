"""Signed access tokens: the keys and the claims that jwt and paseto have in common.

A token is valid for ten minutes, and any service with the public keys can verify it. Here its
login is looked up too, so that logout is immediate. The first of TOKEN_KEYS signs, all verify:
add a new key at the end, wait until every process and service has it, then move it to the front.
Source: RFC 8037; RFC 8725; RFC 9068; OWASP ASVS 9.2.1 to 9.2.4, 11.2.2, 13.3.4.
"""

import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask, current_app
from secure_flask.auth.login_table import Login
from secure_flask.settings import SettingsError, keyrings

LIFETIME = 10 * 60  # 10 minutes
LEEWAY = 30  # seconds of clock difference between servers
# All are required, and no other claim is allowed. Times are whole seconds since 1970.
CLAIMS = {
    **dict.fromkeys(("iss", "aud", "sub", "jti", "sid"), str),
    **dict.fromkeys(("iat", "nbf", "exp"), int),
}


class InvalidToken(Exception):
    """The token is not a valid, unexpired token that this app issued for itself."""


def make_claims(login: Login) -> dict[str, Any]:
    now = int(time.time())
    return {
        "iss": current_app.config["TOKEN_ISSUER"],
        "aud": current_app.config["TOKEN_AUDIENCE"],
        "sub": str(login.user_id),
        "iat": now,
        "nbf": now,
        "exp": now + LIFETIME,
        "jti": secrets.token_urlsafe(16),
        "sid": login.id,
    }


def check_claims(claims: object) -> dict[str, Any]:
    """The claims of a token whose signature was verified.

    The libraries accept a token that never expires or that another service issued.

    :raises InvalidToken: a claim is missing, unknown, of another type, or not valid now.
    """
    if not isinstance(claims, dict) or {name: type(claims[name]) for name in claims} != CLAIMS:
        raise InvalidToken
    now = time.time()
    config = current_app.config
    for_us = (claims["iss"], claims["aud"]) == (config["TOKEN_ISSUER"], config["TOKEN_AUDIENCE"])
    alive = max(claims["nbf"], claims["iat"]) - LEEWAY <= now < claims["exp"] + LEEWAY
    if not (for_us and alive and claims["exp"] - claims["iat"] <= LIFETIME):
        raise InvalidToken
    return claims


def decode(encoded: str) -> bytes:
    """Decode one part of a token, which has one spelling.

    :raises InvalidToken: its last character has bits that a decoder ignores.
    :raises ValueError: it is not base64url.
    """
    decoded = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    if urlsafe_b64encode(decoded).decode().rstrip("=") != encoded:
        raise InvalidToken
    return decoded


def keyring() -> dict[str, Ed25519PrivateKey]:
    """This app's keys by id, the signing key first."""
    ring: dict[str, Ed25519PrivateKey] = current_app.extensions["signing_keys"]
    return ring


def init_app(app: Flask) -> None:
    """
    :raises SettingsError: TOKEN_KEYS is missing.
    """
    if not app.config["TOKEN_KEYS"]:
        raise SettingsError(keyrings.NO_TOKEN_KEYS)
    seeds = keyrings.read(app.config["TOKEN_KEYS"])
    ring = {key_id: Ed25519PrivateKey.from_private_bytes(seed) for key_id, seed in seeds.items()}
    app.extensions["signing_keys"] = ring
