"""What an access token says, and the rules it must keep to be believed.

The libraries check a signature and a few claims; a token without an end, from another
service or with a member written twice passes them. Here each claim is required, of
one type, and no other may be there. Source: RFC 9068, RFC 8725; OWASP ASVS 9.2.1 to 9.2.4.
"""

import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any
from uuid import UUID

from flask import current_app
from pydantic import BaseModel, ConfigDict, ValidationError

from app.security import bodies
from app.security.validation import PlainText

LIFETIME = 10 * 60  # 10 minutes: how long an access token serves
LEEWAY = 30  # seconds that clocks may differ


class InvalidToken(Exception):
    """The token is not one that this app issued for itself and that is still alive."""


class Claims(BaseModel):
    """The claims of RFC 9068 that an access token carries here; times in seconds since 1970."""

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
    """Read the members of a token whose signature is good.

    :raises InvalidToken: one is missing, unknown, of another type, or does not hold now.
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


def canonical(encoded: str) -> bytes:
    """Decode unpadded base64url that has one spelling alone.

    :raises InvalidToken: another spelling would decode to the same bytes.
    """
    try:
        decoded = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    except ValueError:
        raise InvalidToken from None
    if urlsafe_b64encode(decoded).decode().rstrip("=") != encoded:
        raise InvalidToken
    return decoded


def read_json(text: bytes) -> Any:
    """Read a part of a token.

    :raises InvalidToken: it is no JSON, or a member is written twice.
    """
    try:
        return bodies.read_json(text)
    except ValueError:
        raise InvalidToken from None
