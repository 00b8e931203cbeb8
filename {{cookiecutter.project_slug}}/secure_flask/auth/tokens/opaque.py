"""An opaque token: a random string that only this app can look up.

The database decides whether a token is valid, so revocation is immediate. Each token starts
with a prefix, so that secret scanners recognise a leaked one.
Source: RFC 6750; OWASP ASVS 7.2.2, 7.2.3.
"""

from typing import Any
from zlib import crc32

from flask import Request, current_app
from secure_flask.auth import logins
from secure_flask.auth.login_table import Login, Voucher
from secure_flask.auth.users import UserMixin
from secure_flask.web.bearer import bearer_token

KIND = "opaque"


def issue_token(
    user: UserMixin,
    *,
    keep: bool = False,
    second_factor: bool = False,
    replaces: Login | None = None,
    voucher: Voucher | None = None,
) -> dict[str, Any]:
    random = logins.new_secret()
    token = _prefix() + random + _checksum(random)
    login = logins.start_login(
        user,
        KIND,
        token,
        kept=keep,
        second_factor=second_factor,
        replaces=replaces,
        voucher=voucher,
    )
    lifetime = login.expires - login.started
    return {"token": token, "token_type": "Bearer", "expires_in": lifetime}


def find_login(request: Request) -> Login | None:
    token = bearer_token(request)
    return logins.find_login_by_secret(KIND, token) if token and _is_well_formed(token) else None


def _is_well_formed(token: str) -> bool:
    # The checksum refuses a mistyped or guessed token without a database query.
    random = token.removeprefix(_prefix())[:-8]
    return token == _prefix() + random + _checksum(random)


def _prefix() -> str:
    return str(current_app.config["OPAQUE_TOKEN_PREFIX"])


def _checksum(random: str) -> str:
    return f"{crc32(random.encode()):08x}"
