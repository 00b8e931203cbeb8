"""A login issues an opaque token: a random string that only this app can look up.

The database decides whether a token is valid, so revocation is immediate. Each token starts
with a prefix, so that secret scanners recognise a leaked one.
Source: RFC 6750; OWASP ASVS 7.2.2, 7.2.3.
"""

from typing import Any
from zlib import crc32

from flask import Flask, Request

from app.auth import bearer, grants, logins
from app.auth.bearer import bearer_token
from app.auth.grants import Grant
from app.auth.users import User
from app.setting_types import Environment

NAME = "opaque"
# Browsers do not send this token by themselves, so other sites cannot use it.
COOKIE = False
# A browser cannot open a page with this token, so there is no login page.
LOGIN_PAGE = REAUTHENTICATION_PAGE = None
# The header that carries the `token` of a login; page.js reads both.
HEADER, PREFIX = "Authorization", "Bearer "
security_schemes = bearer.security_schemes
# The model of the body that `issue` returns.
Issued = grants.Issued

TOKEN_PREFIX = "sft_"  # noqa: S105 - choose your own, and register it with your secret scanner
LIFETIME = 24 * 60 * 60  # 24 hours
# The idle timeout of a login in seconds.
IDLE: int | None = None


class TokenSettings(Environment):
    """Opaque tokens need no settings of their own."""

    @staticmethod
    def fresh_secrets() -> dict[str, str]:
        return {}


def issue(user: User, *, replaces: str = "") -> dict[str, Any]:
    random = grants.new_secret()
    token = TOKEN_PREFIX + random + _checksum(random)
    logins.create(user, "opaque", token, LIFETIME, replaces=replaces)
    return {"token": token, "token_type": "Bearer", "expires_in": LIFETIME}


def authenticate(request: Request) -> Grant | None:
    """The live login that this request's bearer token belongs to."""
    token = bearer_token(request)
    return grants.find(token, "opaque", idle=IDLE) if token and _is_well_formed(token) else None


find_login = authenticate


def csrf_token(request: Request, *, masked: bool = False) -> str | None:
    """None: writes need no CSRF token, since a script sets the bearer token itself."""
    return None


def revoke(grant: Grant) -> None:
    logins.end(grant.family)


def init_app(app: Flask) -> None:
    """Nothing to set up."""


def _is_well_formed(token: str) -> bool:
    # The checksum refuses a mistyped or guessed token without a database query.
    random = token.removeprefix(TOKEN_PREFIX)[:-8]
    return token == TOKEN_PREFIX + random + _checksum(random)


def _checksum(random: str) -> str:
    return f"{crc32(random.encode()):08x}"
