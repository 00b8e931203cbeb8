"""A login issues a JSON Web Token that is valid for ten minutes, and a refresh token.

Any service that has the public keys can verify the signature. This app also looks the login
up in the database, so logout is immediate.
Source: RFC 9068, RFC 8725; OWASP ASVS 9.1.1 to 9.2.4.
"""

from base64 import urlsafe_b64encode
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Blueprint, Flask, Request, Response, jsonify
from secure_flask.auth import logins
from secure_flask.auth.access import public
from secure_flask.auth.grants import Grant
from secure_flask.auth.tokens import bearer, claims, refresh, signing_keys
from secure_flask.auth.tokens.bearer import bearer_token
from secure_flask.auth.tokens.claims import Claims, InvalidToken
from secure_flask.auth.users import UserMixin
from secure_flask.web.responses import ResponseBody, responds

security_schemes = bearer.security_schemes
# The model of the body that `issue` returns.
Issued = refresh.Issued

ALGORITHM, TYPE = "EdDSA", "at+jwt"

blueprint = Blueprint("jwks", __name__)


def issue(user: UserMixin, *, replaces: str = "", keep: bool = False) -> dict[str, Any]:
    return response_body(*refresh.start(user, replaces))


def response_body(grant: Grant, refresh_token: str) -> dict[str, Any]:
    """The body of the response to a successful login or refresh."""
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
    """Verify a token's form, key, signature and claims.

    :raises InvalidToken: one of them is wrong.
    """
    segments = token.split(".")
    header = claims.read_json(claims.decode_canonical(segments[0]))
    key_id = header.pop("kid", None) if isinstance(header, dict) else None
    # No other header parameter is allowed, so a token can choose neither algorithm nor key URL.
    if header != {"alg": ALGORITHM, "typ": TYPE} or not isinstance(key_id, str):
        raise InvalidToken
    key = signing_keys.keyring().get(key_id)
    if key is None or len(segments) != 3:
        raise InvalidToken
    claims.decode_canonical(segments[2])
    try:
        payload = jwt.api_jws.decode(token, key.public_key(), algorithms=[ALGORITHM])
    except jwt.InvalidTokenError:
        raise InvalidToken from None
    return claims.check(claims.read_json(payload))


class Keys(ResponseBody):
    keys: list[dict[str, str]]


@blueprint.get("/.well-known/jwks.json")
@public
@responds(Keys)
def jwks() -> Response:
    """The public keys, so that other services can verify tokens. Source: RFC 7517, RFC 8037."""
    response = jsonify(keys=[_public(*item) for item in signing_keys.keyring().items()])
    response.cache_control.max_age = claims.LIFETIME
    return response


def init_app(app: Flask) -> None:
    signing_keys.init_app(app)
    refresh.init_app(app, make_body=response_body)
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
