"""A login issues a PASETO v4.public token that is valid for ten minutes, and a refresh token.

The version fixes the algorithm, so a token cannot choose a weaker one. This app also looks
the login up in the database, so logout is immediate.
Source: PASETO specification, version 4; OWASP ASVS 9.1.1 to 9.2.4.
"""

import json
from datetime import UTC, datetime
from typing import Any

import pyseto
from flask import Flask, Request, current_app
from secure_flask.auth import logins
from secure_flask.auth.grants import Grant
from secure_flask.auth.tokens import bearer, claims, refresh, signing_keys
from secure_flask.auth.tokens.bearer import bearer_token
from secure_flask.auth.tokens.claims import Claims, InvalidToken
from secure_flask.auth.users import UserMixin

security_schemes = bearer.security_schemes
# The model of the body that `issue` returns.
Issued = refresh.Issued

# PASETO encodes these times as ISO 8601; claims.py uses seconds.
TIMES = ("iat", "nbf", "exp")
EPOCH = datetime.fromtimestamp(0, UTC)


def issue(user: UserMixin, *, replaces: str = "", keep: bool = False) -> dict[str, Any]:
    return response_body(*refresh.start(user, replaces))


def response_body(grant: Grant, refresh_token: str) -> dict[str, Any]:
    """The body of the response to a successful login or refresh."""
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


def find_login(request: Request) -> Grant | None:
    """The live login that this request's access token belongs to."""
    token = bearer_token(request)
    try:
        verified = verify(token) if token else None
    except InvalidToken:
        return None
    return refresh.find_login(verified.sid, verified.sub) if verified else None


def revoke(grant: Grant) -> None:
    logins.end(grant.family)


def verify(token: str) -> Claims:
    """Verify a token's form, key, signature, audience and claims.

    :raises InvalidToken: one of them is wrong.
    """
    segments = token.split(".")
    if len(segments) != 4 or segments[:2] != ["v4", "public"]:
        raise InvalidToken
    claims.decode_canonical(segments[2])
    footer = claims.read_json(claims.decode_canonical(segments[3]))
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
    refresh.init_app(app, make_body=response_body)


def _audience() -> bytes:
    # An implicit assertion is signed but not sent: a token for another audience fails here.
    return str(current_app.config["TOKEN_AUDIENCE"]).encode()


def _with_iso_times(made: Claims) -> dict[str, Any]:
    members = made.model_dump()
    return members | {
        name: datetime.fromtimestamp(members[name], UTC).isoformat() for name in TIMES
    }


def _with_times_in_seconds(members: Any) -> Any:
    try:
        # The subtraction raises TypeError for a time without a zone, which would be ambiguous.
        ages = {name: datetime.fromisoformat(members[name]) - EPOCH for name in TIMES}
        return members | {name: int(age.total_seconds()) for name, age in ages.items()}
    except (KeyError, TypeError, ValueError):
        raise InvalidToken from None
