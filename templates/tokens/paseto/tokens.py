"""What a login gives the client: a PASETO v4.public token for ten minutes, and a refresh token.

The version fixes the algorithm, so no token can talk its reader into another. This
app also looks for the login behind it, so logout is immediate.
Source: PASETO specification, version 4; OWASP ASVS 9.1.1 to 9.2.4.
"""

import json
from datetime import UTC, datetime
from typing import Any

import pyseto
from flask import Flask, Request, current_app

from app.auth import bearer, claims, grants, refresh, signing_keys
from app.auth.bearer import bearer_token
from app.auth.claims import Claims, InvalidToken
from app.auth.grants import Grant
from app.auth.users import User

TokenSettings = signing_keys.SigningSettings

NAME = "paseto"
# Nothing rides along by itself, so no other site can use it.
COOKIE = False
# Where a client puts the `token` of its login, for the starter page's script.
HEADER, PREFIX = "Authorization", "Bearer "
security_schemes = bearer.security_schemes
# What `issue` gives.
Issued = refresh.Issued

# PASETO writes these as ISO 8601, claims.py as seconds.
TIMES = ("iat", "nbf", "exp")
EPOCH = datetime.fromtimestamp(0, UTC)


# Seconds without a request after which a login ends.
IDLE: int | None = None


def issue(user: User) -> dict[str, Any]:
    return answer(*refresh.start(user))


def answer(grant: Grant, refresh_token: str) -> dict[str, Any]:
    """The body of a good login or refresh."""
    key_id, key = next(iter(signing_keys.keyring().items()))
    token = pyseto.encode(
        pyseto.Key.from_asymmetric_key_params(4, d=key.private_bytes_raw()),
        json.dumps(_with_iso_times(claims.make(grant.user_id, grant.family))).encode(),
        footer=json.dumps({"kid": key_id}).encode(),
        implicit_assertion=_audience(),
    )
    return {
        "token": token.decode(),
        "token_type": "Bearer",
        "expires_in": claims.LIFETIME,
        "refresh_token": refresh_token,
    }


def authenticate(request: Request) -> Grant | None:
    """The login behind this request's access token, if it is alive."""
    token = bearer_token(request)
    try:
        believed = verify(token) if token else None
    except InvalidToken:
        return None
    return refresh.find_login(believed.sid, believed.sub) if believed else None


def csrf_token(request: Request) -> str | None:
    """None: a page's script sends the token itself."""
    return None


def revoke(grant: Grant) -> None:
    grants.end(grant.family)


def verify(token: str) -> Claims:
    """Check a token's form, key, signature, audience and claims.

    :raises InvalidToken: whatever is wrong with it.
    """
    segments = token.split(".")
    if len(segments) != 4 or segments[:2] != ["v4", "public"]:
        raise InvalidToken
    claims.canonical(segments[2])
    footer = claims.read_json(claims.canonical(segments[3]))
    key_id = footer.pop("kid", None) if isinstance(footer, dict) else None
    key = signing_keys.keyring().get(key_id) if isinstance(key_id, str) else None
    if key is None or footer:
        raise InvalidToken
    public = pyseto.Key.from_asymmetric_key_params(4, x=key.public_key().public_bytes_raw())
    try:
        payload = pyseto.decode(public, token, implicit_assertion=_audience()).payload
    except (pyseto.PysetoError, ValueError):
        raise InvalidToken from None
    if not isinstance(payload, bytes):
        raise InvalidToken
    return claims.check(_with_times_in_seconds(claims.read_json(payload)))


def init_app(app: Flask) -> None:
    signing_keys.init_app(app)
    refresh.init_app(app, answer=answer)


def _audience() -> bytes:
    # Signed but not sent: a token for another audience fails before its claims are read.
    return str(current_app.config["TOKEN_AUDIENCE"]).encode()


def _with_iso_times(made: Claims) -> dict[str, Any]:
    members = made.model_dump()
    return members | {
        name: datetime.fromtimestamp(members[name], UTC).isoformat() for name in TIMES
    }


def _with_times_in_seconds(members: Any) -> Any:
    try:
        # A time without a zone, which each server would read as its own, has no difference.
        ages = {name: datetime.fromisoformat(members[name]) - EPOCH for name in TIMES}
        return members | {name: int(age.total_seconds()) for name, age in ages.items()}
    except (KeyError, TypeError, ValueError):
        raise InvalidToken from None
