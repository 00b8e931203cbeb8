"""A login issues an opaque token: a random string that only this app can look up.

The database decides whether a token is valid, so revocation is immediate. Each token starts
with a prefix, so that secret scanners recognise a leaked one.
Source: RFC 6750; OWASP ASVS 7.2.2, 7.2.3.
"""

from typing import Any
from zlib import crc32

from flask import Flask, Request, current_app
from secure_flask.auth import grants, logins
from secure_flask.auth.grants import Grant
from secure_flask.auth.tokens import bearer
from secure_flask.auth.tokens.bearer import bearer_token
from secure_flask.auth.users import UserMixin

KIND = "opaque"  # of its rows
security_schemes = bearer.security_schemes
# The model of the body that `issue` returns.
Issued = grants.Issued


def issue(user: UserMixin, *, replaces: str = "", keep: bool = False) -> dict[str, Any]:
    random = grants.new_secret()
    token = _prefix() + random + _checksum(random)
    logins.create(user, KIND, token, replaces=replaces)
    return {"token": token, "token_type": "Bearer", "expires_in": grants.lifetime_of(KIND)}


def find_login(request: Request) -> Grant | None:
    """The live login that this request's bearer token belongs to."""
    token = bearer_token(request)
    return grants.find(token, KIND) if token and _is_well_formed(token) else None


def revoke(grant: Grant) -> None:
    logins.end(grant.family)


def init_app(app: Flask) -> None:
    """Nothing to set up."""


def _is_well_formed(token: str) -> bool:
    # The checksum refuses a mistyped or guessed token without a database query.
    random = token.removeprefix(_prefix())[:-8]
    return token == _prefix() + random + _checksum(random)


def _prefix() -> str:
    prefix: str = current_app.config["OPAQUE_TOKEN_PREFIX"]
    return prefix


def _checksum(random: str) -> str:
    return f"{crc32(random.encode()):08x}"
