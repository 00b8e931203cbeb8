"""A JSON Web Token that is valid for ten minutes, with a refresh token.

Source: RFC 7517, RFC 8037, RFC 8725, RFC 9068; OWASP ASVS 9.1.1 to 9.2.4.
"""

from base64 import urlsafe_b64encode

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Blueprint, Flask, Request, Response, jsonify
from secure_flask.auth.access import public
from secure_flask.auth.login_table import Login
from secure_flask.auth.tokens import refresh, signed
from secure_flask.auth.tokens.signed import InvalidToken
from secure_flask.web import strict_json
from secure_flask.web.responses import ResponseBody, responds

KIND, issue = refresh.KIND, refresh.issue

ALGORITHM, TYPE = "EdDSA", "at+jwt"

blueprint = Blueprint("jwks", __name__)


class Keys(ResponseBody):
    keys: list[dict[str, str]]


@blueprint.get("/.well-known/jwks.json")
@public
@responds(Keys)
def jwks() -> Response:
    """The public keys, so that other services can verify tokens."""
    response = jsonify(keys=[_public(*item) for item in signed.keyring().items()])
    response.cache_control.max_age = signed.LIFETIME
    return response


def find_login(request: Request) -> Login | None:
    return refresh.find_login(request, verify)


def sign(login: Login) -> str:
    key_id, key = next(iter(signed.keyring().items()))
    headers = {"typ": TYPE, "kid": key_id}
    return jwt.encode(signed.make_claims(login), key, algorithm=ALGORITHM, headers=headers)


def verify(token: str) -> dict[str, object]:
    """The claims of a token whose form, key, signature and claims are right.

    :raises InvalidToken: one of them is wrong.
    """
    try:
        # Each part has one spelling; PyJWT 2.13 accepts others.
        encoded_header, _, _ = map(signed.decode, token.split("."))
        header = strict_json.loads(encoded_header)
        # No other header parameter is allowed, so a token can choose neither algorithm nor key URL.
        if header != {"alg": ALGORITHM, "typ": TYPE, "kid": header["kid"]}:
            raise InvalidToken
        key = signed.keyring()[header["kid"]].public_key()
        payload = jwt.api_jws.decode(token, key, algorithms=[ALGORITHM])
        return signed.check_claims(strict_json.loads(payload))
    except (jwt.InvalidTokenError, KeyError, TypeError, ValueError):
        raise InvalidToken from None


def init_app(app: Flask) -> None:
    signed.init_app(app)
    refresh.init_app(app, sign)
    app.register_blueprint(blueprint)


def _public(key_id: str, key: Ed25519PrivateKey) -> dict[str, str]:
    point = urlsafe_b64encode(key.public_key().public_bytes_raw()).decode().rstrip("=")
    fixed = {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": ALGORITHM}
    return {**fixed, "kid": key_id, "x": point}
