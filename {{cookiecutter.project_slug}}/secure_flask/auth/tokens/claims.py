"""The claims of an access token and their validation.

The token libraries verify the signature and a few claims. They accept a token that never
expires, that another service issued, or that has a duplicate member. Here every claim is
required and typed, and no other claim is allowed.
Source: RFC 9068, RFC 8725; OWASP ASVS 9.2.1 to 9.2.4.
"""

import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any
from uuid import UUID

from flask import current_app
from pydantic import BaseModel, ConfigDict, ValidationError
from secure_flask.web import strict_json
from secure_flask.web.validation import PlainText

LIFETIME = 10 * 60  # 10 minutes: the lifetime of an access token
LEEWAY = 30  # seconds of clock difference between servers


class InvalidToken(Exception):
    """The token is not a valid, unexpired token that this app issued for itself."""


class Claims(BaseModel):
    """The claims of an access token by RFC 9068; times in seconds since 1970."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)

    iss: PlainText
    aud: PlainText
    sub: PlainText
    iat: int
    nbf: int
    exp: int
    jti: PlainText
    sid: PlainText


def make(user_id: UUID, family: str) -> Claims:
    now = int(time.time())
    return Claims(
        iss=current_app.config["TOKEN_ISSUER"],
        aud=current_app.config["TOKEN_AUDIENCE"],
        sub=str(user_id),
        iat=now,
        nbf=now,
        exp=now + LIFETIME,
        jti=secrets.token_urlsafe(16),
        sid=family,
    )


def check(members: object) -> Claims:
    """Validate the claims of a token whose signature was verified.

    :raises InvalidToken: a claim is missing, unknown, of another type, or not valid now.
    """
    try:
        claims = Claims.model_validate(members)
    except ValidationError:
        raise InvalidToken from None
    now = time.time()
    for_us = (claims.iss, claims.aud) == (
        current_app.config["TOKEN_ISSUER"],
        current_app.config["TOKEN_AUDIENCE"],
    )
    alive = max(claims.nbf, claims.iat) - LEEWAY <= now < claims.exp + LEEWAY
    if not (for_us and alive and claims.exp - claims.iat <= LIFETIME):
        raise InvalidToken
    return claims


def decode_canonical(encoded: str) -> bytes:
    """Decode unpadded base64url, and accept only the canonical encoding of the bytes.

    :raises InvalidToken: the encoding is invalid or not canonical.
    """
    try:
        decoded = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    except ValueError:
        raise InvalidToken from None
    if urlsafe_b64encode(decoded).decode().rstrip("=") != encoded:
        raise InvalidToken
    return decoded


def read_json(text: bytes) -> Any:
    """Parse the JSON of one part of a token.

    :raises InvalidToken: it is not JSON, or has a duplicate member.
    """
    try:
        return strict_json.loads(text)
    except ValueError:
        raise InvalidToken from None
