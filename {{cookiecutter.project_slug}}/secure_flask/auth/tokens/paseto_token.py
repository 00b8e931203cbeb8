"""A PASETO v4.public token that is valid for ten minutes, with a refresh token.

The version fixes the algorithm, so a token cannot choose a weaker one.
Source: PASETO specification, version 4; OWASP ASVS 9.1.1 to 9.2.4.
"""

import json
from datetime import UTC, datetime
from typing import Any

import pyseto
from flask import Flask, Request, current_app
from secure_flask.auth.login_table import Login
from secure_flask.auth.tokens import refresh, signed
from secure_flask.auth.tokens.signed import InvalidToken
from secure_flask.web import strict_json

KIND, issue = refresh.KIND, refresh.issue

# PASETO writes these times as ISO 8601.
TIMES = ("iat", "nbf", "exp")
EPOCH = datetime.fromtimestamp(0, UTC)


def find_login(request: Request) -> Login | None:
    return refresh.find_login(request, verify)


def sign(login: Login) -> str:
    key_id, key = next(iter(signed.keyring().items()))
    claims = signed.make_claims(login)
    claims |= {name: datetime.fromtimestamp(claims[name], UTC).isoformat() for name in TIMES}
    token = pyseto.encode(
        pyseto.Key.from_asymmetric_key_params(4, d=key.private_bytes_raw()),
        json.dumps(claims).encode(),
        footer=json.dumps({"kid": key_id}).encode(),
        implicit_assertion=_audience(),
    )
    return token.decode()


def verify(token: str) -> dict[str, object]:
    """The claims of a token whose version, key, signature, audience and claims are right.

    :raises InvalidToken: one of them is wrong.
    """
    try:
        version, purpose, body, encoded = token.split(".")
        signed.decode(body)
        footer = strict_json.loads(signed.decode(encoded))
        point = signed.keyring()[footer["kid"]].public_key().public_bytes_raw()
        key = pyseto.Key.from_asymmetric_key_params(4, x=point)
        payload = pyseto.decode(key, token, implicit_assertion=_audience()).payload
        claims = _in_seconds(strict_json.loads(payload)) if isinstance(payload, bytes) else None
    except (pyseto.PysetoError, KeyError, TypeError, ValueError):
        raise InvalidToken from None
    if (version, purpose, [*footer]) != ("v4", "public", ["kid"]):
        raise InvalidToken
    return signed.check_claims(claims)


def init_app(app: Flask) -> None:
    signed.init_app(app)
    refresh.init_app(app, sign)


def _audience() -> bytes:
    # An implicit assertion is signed but not sent: a token for another audience fails here.
    return str(current_app.config["TOKEN_AUDIENCE"]).encode()


def _in_seconds(members: Any) -> Any:
    # The subtraction raises TypeError for a time without a zone, which would be ambiguous.
    ages = {name: datetime.fromisoformat(members[name]) - EPOCH for name in TIMES}
    return members | {name: int(age.total_seconds()) for name, age in ages.items()}
