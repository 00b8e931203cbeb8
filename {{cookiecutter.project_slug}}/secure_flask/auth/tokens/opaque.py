"""An opaque token: a random string that only this app can look up.

The database decides whether a token is valid, so revocation is immediate. Each token has a prefix
and a checksum, as keys of programs have too. Secret scanners recognise a leaked one by them. The
checksum refuses a mistyped or guessed token without a database query.
Source: RFC 6750; OWASP ASVS 7.2.2, 7.2.3.
"""

from typing import Any
from zlib import crc32

from flask import Request, current_app
from secure_flask.auth import logins
from secure_flask.auth.logins import Login, Voucher
from secure_flask.auth.users import UserMixin
from secure_flask.web.bearer import bearer_token

KIND = "opaque"
CHECKSUM = 8  # characters


def issue_token(
    user: UserMixin,
    *,
    keep: bool = False,
    second_factor: bool = False,
    replaces: Login | None = None,
    voucher: Voucher | None = None,
) -> dict[str, Any]:
    token = with_checksum(_prefix(), logins.new_secret())
    login = logins.start_login(
        user,
        KIND,
        token,
        kept=keep,
        second_factor=second_factor,
        replaces=replaces,
        voucher=voucher,
    )
    lifetime = login.expires - login.created
    return {"token": token, "token_type": "Bearer", "expires_in": lifetime}


def find_login(request: Request) -> Login | None:
    token = bearer_token(request)
    if not token or not has_right_checksum(_prefix(), token):
        return None
    return logins.find_login_by_secret(KIND, token)


def with_checksum(prefix: str, random: str) -> str:
    return f"{prefix}{random}{crc32(random.encode()):08x}"


def has_right_checksum(prefix: str, token: str) -> bool:
    """Whether a token has this prefix and the checksum that fits; it may still be unknown."""
    return token == with_checksum(prefix, token.removeprefix(prefix)[:-CHECKSUM])


def _prefix() -> str:
    return str(current_app.config["OPAQUE_TOKEN_PREFIX"])
