"""The token type `jwt`: its routes, an access token, and a refresh token that gets the next pair.

`POST /token/refresh` takes `secret.rotation`, whose second part changes at each use. A rotation
that is used twice was copied, and the thief cannot be distinguished from the owner, so the login
ends. A lost response must not end it: the next rotation is derived from the present one, so a
client that repeats its request within REFRESH_GRACE gets the same answer again, never a different
one. A thief could repeat each refresh right after the owner. No honest client loses every
response, so three repeated rotations in a row end the login too.
Source: RFC 9700, section 4.14.2; OWASP ASVS 10.4.5, 11.2.2, 13.3.4.
"""

import hmac
from typing import Annotated, Any

from flask import Blueprint, Flask, Request, Response, current_app, jsonify
from flask.typing import ResponseReturnValue
from pydantic import Field
from secure_flask.auth import logins, throttle
from secure_flask.auth.access import public, takes_credentials
from secure_flask.auth.logins import Login, Voucher
from secure_flask.auth.tokens import jwt_token
from secure_flask.auth.tokens.jwt_token import InvalidToken
from secure_flask.auth.users import UserMixin
from secure_flask.clock import seconds_now
from secure_flask.crypto.encryption import derive_key
from secure_flask.database import db
from secure_flask.settings import keyrings
from secure_flask.web import audit
from secure_flask.web.bearer import bearer_token, token_schemes
from secure_flask.web.errors import error_response
from secure_flask.web.responses import LoginResponse, ResponseBody, responds
from secure_flask.web.validation import Body, PlainText, validated
from sqlalchemy import case, update

KIND = "refresh"
PURPOSE = b"rotation of refresh tokens"
MOST_REPEATS = 3  # rotations in a row that were repeated

blueprint = Blueprint("secure_flask_jwt", __name__)


class RefreshBody(Body):
    refresh_token: Annotated[PlainText, Field(max_length=128)]


class JsonWebKeys(ResponseBody):
    keys: list[dict[str, str]]


@blueprint.post("/token/refresh")
@public
@takes_credentials
@responds(LoginResponse, 401, 429, 503)
@validated(RefreshBody)
def refresh(body: RefreshBody) -> ResponseReturnValue:
    """Get the next pair of tokens for a refresh token."""
    with throttle.count_attempt("refresh") as attempt:
        renewed = _renew_tokens(body.refresh_token)
        attempt.succeeded = renewed is not None
    if renewed is None:
        raise error_response(401, "Invalid refresh token")
    return renewed


@blueprint.get("/.well-known/jwks.json")
@public
@responds(JsonWebKeys)
def jwks() -> Response:
    """The public keys, so that other services can verify tokens."""
    response = jsonify(keys=jwt_token.public_keys())
    response.cache_control.max_age = jwt_token.LIFETIME
    return response


def issue_token(
    user: UserMixin,
    *,
    keep: bool = False,
    second_factor: bool = False,
    replaces: Login | None = None,
    voucher: Voucher | None = None,
) -> dict[str, Any]:
    secret = logins.new_secret()
    rotation = logins.new_secret()
    login = logins.start_login(
        user,
        KIND,
        secret,
        rotation=rotation,
        kept=keep,
        second_factor=second_factor,
        replaces=replaces,
        voucher=voucher,
    )
    return _token_body(login, f"{secret}.{rotation}")


def find_login(request: Request) -> Login | None:
    """The live login that the access token of a request belongs to."""
    token = bearer_token(request)
    try:
        claims = jwt_token.verify_access_token(token) if token else None
    except InvalidToken:
        return None
    sid = str(claims["sid"]) if claims else ""
    login = logins.find_login_by_id(sid)
    if login and claims and (login.kind, str(login.user_id)) == (KIND, claims["sub"]):
        return login
    if claims:
        # The token is genuine, but its login has ended.
        audit.record(audit.SESSION_USE_AFTER_EXPIRE, user_id=claims["sub"])
    return None


def init_app(app: Flask) -> None:
    """
    :raises SettingsError: TOKEN_KEYS is missing.
    """
    jwt_token.read_signing_keys(app)
    app.register_blueprint(blueprint)


def _token_body(login: Login, refresh_token: str) -> dict[str, Any]:
    return {
        "token": jwt_token.sign_access_token(login),
        "token_type": token_schemes()[0],
        "expires_in": jwt_token.LIFETIME,
        "refresh_token": refresh_token,
    }


def _renew_tokens(refresh_token: str) -> dict[str, Any] | None:
    secret, _, rotation = refresh_token.partition(".")
    login = logins.find_login_by_secret(KIND, secret)
    if login is None:
        return None
    following = _rotate_token(login, rotation) or _repeat_token(login.id, rotation)
    if following:
        return _token_body(login, f"{secret}.{following}")
    if logins.end_login_of(login.id, login.user):
        audit.record(audit.TOKEN_REUSE, user_id=login.user_id)
    return None


def _rotate_token(login: Login, rotation: str) -> str | None:
    """Replace the present rotation, in one statement, by the next; None if this is not it."""
    following = _successors(login, rotation)[0]
    present = logins.hash_of_secret(KIND, rotation)
    swap = update(Login).where(Login.id == login.id, Login.rotation_hash == present)
    swap = swap.values(
        rotation_hash=logins.hash_of_secret(KIND, following),
        previous_hash=present,
        rotated=seconds_now(),
        last_used=seconds_now(),
        repeats=case((Login.repeated, Login.repeats), else_=0),
        repeated=False,
    )
    swapped = db.session.scalar(swap.returning(Login.id))
    db.session.commit()
    return following if swapped else None


def _repeat_token(login_id: str, rotation: str) -> str | None:
    """The same next rotation again, for a client that lost the response a moment ago."""
    previous = logins.hash_of_secret(KIND, rotation)
    _count_repeat(login_id, previous)
    login = db.session.get(Login, login_id, populate_existing=True)
    if login is None or login.previous_hash != previous or login.repeats >= MOST_REPEATS:
        return None
    if abs(seconds_now() - (login.rotated or 0)) >= current_app.config["REFRESH_GRACE"]:
        return None
    made = _successors(login, rotation)
    same = next(
        (each for each in made if logins.hash_of_secret(KIND, each) == login.rotation_hash), None
    )
    if same:
        # The client lost a response or is a thief: the address in the log may show which.
        fields = {"reason": "within REFRESH_GRACE", "session": login.id}
        audit.record(audit.TOKEN_REPEAT, user_id=login.user_id, **fields)
    return same


def _count_repeat(login_id: str, previous: bytes) -> None:
    """Count a repeated rotation once, even if a client on a bad network repeats it often."""
    first = (Login.id == login_id, Login.previous_hash == previous, Login.repeated.is_(False))
    counted = update(Login).where(*first).values(repeats=Login.repeats + 1, repeated=True)
    db.session.execute(counted)
    db.session.commit()


def _successors(login: Login, rotation: str) -> list[str]:
    """The next rotation, derived by each key of TOKEN_KEYS, the current key first."""
    keys = keyrings.read_keyring(current_app.config["TOKEN_KEYS"]).values()
    text = f"{login.id}.{rotation}".encode()
    return [hmac.digest(derive_key(key, PURPOSE), text, "sha256").hex() for key in keys]
