"""What a login gives the client: an opaque token, which means nothing but to this app.

The row that holds its hash decides, so a token is dead the moment it is ended. It
begins with a mark by which secret scanners find one that was leaked.
Source: RFC 6750; OWASP ASVS 7.2.2, 7.2.3.
"""

from typing import Any
from zlib import crc32

from flask import Flask, Request

from app.auth import bearer, grants
from app.auth.bearer import bearer_token
from app.auth.grants import Grant
from app.auth.users import User
from app.setting_types import Environment

NAME = "opaque"
# Nothing rides along by itself, so no other site can use it.
COOKIE = False
# Where a client puts the `token` of its login, for the starter page's script.
HEADER, PREFIX = "Authorization", "Bearer "
security_schemes = bearer.security_schemes
# What `issue` gives.
Issued = grants.Issued

MARK = "sft_"  # make it your own, and register it with your secret scanner
LIFETIME = 24 * 60 * 60  # 24 hours
# Seconds without a request after which a login ends.
IDLE: int | None = None


class TokenSettings(Environment):
    """Opaque tokens need no settings of their own."""

    @staticmethod
    def fresh_secrets() -> dict[str, str]:
        return {}


def issue(user: User) -> dict[str, Any]:
    random = grants.new_secret()
    token = MARK + random + _checksum(random)
    grants.create(user, "opaque", token, LIFETIME)
    return {"token": token, "token_type": "Bearer", "expires_in": LIFETIME}


def authenticate(request: Request) -> Grant | None:
    """The login behind this request's bearer token."""
    token = bearer_token(request)
    return grants.find(token, "opaque") if token and _is_well_formed(token) else None


def csrf_token(request: Request) -> str | None:
    """None: a page's script sends the token itself."""
    return None


def revoke(grant: Grant) -> None:
    grants.end(grant.family)


def init_app(app: Flask) -> None:
    """Nothing to set up."""


def _is_well_formed(token: str) -> bool:
    # A typing slip, or a scanner's guess, costs no query.
    random = token.removeprefix(MARK)[:-8]
    return token == MARK + random + _checksum(random)


def _checksum(random: str) -> str:
    return f"{crc32(random.encode()):08x}"
