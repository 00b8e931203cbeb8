"""An opaque token: a random string that only this app can look up.

The database decides whether a token is valid, so revocation is immediate. Each token starts
with a prefix, so that secret scanners recognise a leaked one.
Source: RFC 6750; OWASP ASVS 7.2.2, 7.2.3.
"""

from typing import Any

from flask import Request, current_app
from secure_flask.auth import checksums, logins
from secure_flask.auth.logins import Login, Voucher
from secure_flask.auth.users import UserMixin
from secure_flask.web.bearer import bearer_token, token_schemes

KIND = "opaque"


def issue_token(
    user: UserMixin,
    *,
    keep: bool = False,
    second_factor: bool = False,
    replaces: Login | None = None,
    voucher: Voucher | None = None,
) -> dict[str, Any]:
    token = checksums.with_checksum(_prefix(), logins.new_secret())
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
    return {"token": token, "token_type": token_schemes()[0], "expires_in": lifetime}


def find_login(request: Request) -> Login | None:
    token = bearer_token(request)
    if not token or not checksums.has_right_checksum(_prefix(), token):
        return None
    return logins.find_login_by_secret(KIND, token)


def _prefix() -> str:
    return str(current_app.config["OPAQUE_TOKEN_PREFIX"])
