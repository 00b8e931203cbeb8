"""The access token of the type `jwt`: a JSON Web Token that is valid for ten minutes.

Any service with the public keys can verify it. This app also looks up its login, so that logout is
immediate. The first of TOKEN_KEYS signs, all verify: add a new key at the end, wait until every
process and service has it, then move it to the front.
Source: RFC 7517, RFC 8037, RFC 8725, RFC 9068; OWASP ASVS 9.1.1 to 9.2.4, 11.2.2, 13.3.4.
"""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask, current_app
from secure_flask.auth.logins import Login
from secure_flask.clock import seconds_now
from secure_flask.settings import SETTINGS, SettingsError, keyrings
from secure_flask.state import StateKey, app_state
from secure_flask.web import strict_json

ALGORITHM = "EdDSA"
TYPE = "at+jwt"
LIFETIME = 10 * 60  # 10 minutes
LEEWAY = 30  # seconds of clock difference between servers
# All are required, and no other claim is allowed. Times are whole seconds since 1970.
CLAIMS = {
    **dict.fromkeys(("iss", "aud", "sub", "jti", "sid"), str),
    **dict.fromkeys(("iat", "nbf", "exp"), int),
}

SIGNING_KEYS = StateKey[dict[str, Ed25519PrivateKey]]("signing keys")


class InvalidToken(Exception):
    """The token is not a valid, unexpired token that this app issued for itself."""


def sign_access_token(login: Login) -> str:
    key_id, key = next(iter(signing_keys().items()))
    headers = {"typ": TYPE, "kid": key_id}
    return jwt.encode(_make_claims(login), key, algorithm=ALGORITHM, headers=headers)


def verify_access_token(token: str) -> dict[str, Any]:
    """The claims of a token whose form, key, signature and claims are right.

    :raises InvalidToken: one of them is wrong.
    """
    try:
        encoded_header, _, _ = map(_decode, token.split("."))
        header = strict_json.loads(encoded_header)
        # No other header parameter is allowed, so a token can choose neither algorithm nor key URL.
        if header != {"alg": ALGORITHM, "typ": TYPE, "kid": header["kid"]}:
            raise InvalidToken
        key = signing_keys()[header["kid"]].public_key()
        payload = jwt.api_jws.decode(token, key, algorithms=[ALGORITHM])
        return _check_claims(strict_json.loads(payload))
    except (jwt.InvalidTokenError, KeyError, TypeError, ValueError):
        raise InvalidToken from None


def public_keys() -> list[dict[str, str]]:
    """The public keys as JSON Web Keys."""
    return [_public(*item) for item in signing_keys().items()]


def signing_keys() -> dict[str, Ed25519PrivateKey]:
    """The keys by id. The first one signs."""
    return app_state(current_app)[SIGNING_KEYS]


def read_signing_keys(app: Flask) -> None:
    """Use the keys that TOKEN_KEYS holds.

    :raises SettingsError: TOKEN_KEYS is missing.
    """
    if not app.config["TOKEN_KEYS"]:
        raise SettingsError(keyrings.NO_TOKEN_KEYS)
    seeds = keyrings.read_keyring(app.config["TOKEN_KEYS"])
    ring = {key_id: Ed25519PrivateKey.from_private_bytes(seed) for key_id, seed in seeds.items()}
    app_state(app)[SIGNING_KEYS] = ring


def _make_claims(login: Login) -> dict[str, Any]:
    now = seconds_now()
    return {
        "iss": _name_of("TOKEN_ISSUER"),
        "aud": _name_of("TOKEN_AUDIENCE"),
        "sub": str(login.user_id),
        "iat": now,
        "nbf": now,
        "exp": now + LIFETIME,
        "jti": secrets.token_urlsafe(16),
        "sid": login.id,
    }


def _check_claims(claims: object) -> dict[str, Any]:
    """The claims of a token whose signature was verified.

    PyJWT would accept a token that never expires or that another service issued.

    :raises InvalidToken: a claim is missing, unknown, of another type, or not valid now.
    """
    if not isinstance(claims, dict) or {name: type(claims[name]) for name in claims} != CLAIMS:
        raise InvalidToken
    now = seconds_now()
    for_us = (claims["iss"], claims["aud"]) == (
        _name_of("TOKEN_ISSUER"),
        _name_of("TOKEN_AUDIENCE"),
    )
    alive = max(claims["nbf"], claims["iat"]) - LEEWAY <= now < claims["exp"] + LEEWAY
    if not (for_us and alive and claims["exp"] - claims["iat"] <= LIFETIME):
        raise InvalidToken
    return claims


def _name_of(party: str) -> str:
    """The value of TOKEN_ISSUER or TOKEN_AUDIENCE; by default the address of this site."""
    hosts = app_state(current_app)[SETTINGS].trusted_hosts
    return current_app.config[party] or f"https://{hosts[0]}"


def _decode(encoded: str) -> bytes:
    """Decode one part of a token, and accept only one spelling. PyJWT 2.13 accepts several.

    :raises ValueError: it is not base64url, or its last character has bits that a decoder ignores.
    """
    decoded = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    if _encode(decoded) != encoded:
        raise ValueError
    return decoded


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _public(key_id: str, key: Ed25519PrivateKey) -> dict[str, str]:
    fixed = {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": ALGORITHM}
    return {**fixed, "kid": key_id, "x": _encode(key.public_key().public_bytes_raw())}
