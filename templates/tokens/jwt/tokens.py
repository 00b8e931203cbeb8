"""What a login gives the client: a JSON Web Token for ten minutes, and a refresh token.

Any service that has the public keys can check the signature. This app also looks for
the login behind it, so logout is immediate. Source: RFC 9068, RFC 8725; OWASP ASVS 9.1.1 to 9.2.4.
"""

from base64 import urlsafe_b64encode
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Blueprint, Flask, Request, Response, jsonify

from app.auth import bearer, claims, grants, refresh, signing_keys
from app.auth.bearer import bearer_token
from app.auth.claims import Claims, InvalidToken
from app.auth.grants import Grant
from app.auth.users import User
from app.security.responses import ResponseBody, responds

TokenSettings = signing_keys.SigningSettings

NAME = "jwt"
# Nothing rides along by itself, so no other site can use it.
COOKIE = False
# Where a client puts the `token` of its login, for the starter page's script.
HEADER, PREFIX = "Authorization", "Bearer "
security_schemes = bearer.security_schemes
# What `issue` gives.
Issued = refresh.Issued

ALGORITHM, TYPE = "EdDSA", "at+jwt"

blueprint = Blueprint("jwks", __name__)


# Seconds without a request after which a login ends.
IDLE: int | None = None


def issue(user: User) -> dict[str, Any]:
    return answer(*refresh.start(user))


def answer(grant: Grant, refresh_token: str) -> dict[str, Any]:
    """The body of a good login or refresh."""
    key_id, key = next(iter(signing_keys.keyring().items()))
    token = jwt.encode(
        claims.make(grant.user_id, grant.family).model_dump(),
        key,
        algorithm=ALGORITHM,
        headers={"typ": TYPE, "kid": key_id},
    )
    return {
        "token": token,
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
    """Check a token's form, key, signature and claims.

    :raises InvalidToken: whatever is wrong with it.
    """
    segments = token.split(".")
    header = claims.read_json(claims.canonical(segments[0]))
    key_id = header.pop("kid", None) if isinstance(header, dict) else None
    # Nothing else in the header is looked at, so it can name no key and no algorithm.
    if header != {"alg": ALGORITHM, "typ": TYPE} or not isinstance(key_id, str):
        raise InvalidToken
    key = signing_keys.keyring().get(key_id)
    if key is None or len(segments) != 3:
        raise InvalidToken
    claims.canonical(segments[2])
    try:
        payload = jwt.api_jws.decode(token, key.public_key(), algorithms=[ALGORITHM])
    except jwt.InvalidTokenError:
        raise InvalidToken from None
    return claims.check(claims.read_json(payload))


class Keys(ResponseBody):
    keys: list[dict[str, str]]


@blueprint.get("/.well-known/jwks.json")
@responds(Keys)
def jwks() -> Response:
    """The public keys, by which other services check a signature. Source: RFC 7517, RFC 8037."""
    answer = jsonify(keys=[_public(*item) for item in signing_keys.keyring().items()])
    answer.cache_control.max_age = claims.LIFETIME
    return answer


def init_app(app: Flask) -> None:
    signing_keys.init_app(app)
    refresh.init_app(app, answer=answer)
    app.register_blueprint(blueprint)


def _public(key_id: str, key: Ed25519PrivateKey) -> dict[str, str]:
    point = urlsafe_b64encode(key.public_key().public_bytes_raw()).decode().rstrip("=")
    return {
        "kty": "OKP",
        "crv": "Ed25519",
        "use": "sig",
        "alg": ALGORITHM,
        "kid": key_id,
        "x": point,
    }
