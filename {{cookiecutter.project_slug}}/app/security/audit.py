"""The audit log: what an investigation asks for, one line for each event.

The names are the OWASP Logging Vocabulary's, which has a word for each of these. No line
holds a password, a token or a name as it was typed, since people type passwords into
the wrong field: `account` is a keyed hash, the same for each try, and a login that
succeeds gives the user's id beside it. Source: OWASP Logging Vocabulary Cheat Sheet;
OWASP ASVS 16.2.5, 16.3.1 to 16.3.4.
"""

import hmac
from logging import ERROR, INFO, WARNING
from typing import Any, NamedTuple

import structlog
from flask import Flask, current_app, has_request_context
from limits import parse

from app.security.rate_limiter import rate_limiter
from app.security.rate_limits import SITE, client_address


class Event(NamedTuple):
    """A kind of line: `INVOICE_SENT = Event("invoice_sent", INFO)` makes one of your own."""

    name: str
    level: int = WARNING


LOGIN_SUCCESS = Event("authn_login_success", INFO)
LOGIN_FAIL = Event("authn_login_fail")
PASSWORD_CHANGE = Event("authn_password_change", INFO)
PASSWORD_CHANGE_FAIL = Event("authn_password_change_fail")
# A refresh token was spent twice: it was copied.
TOKEN_REUSE = Event("authn_token_reuse", ERROR)
AUTHZ_FAIL = Event("authz_fail")
DECRYPT_FAIL = Event("crypt_decrypt_fail", ERROR)
RATE_LIMIT_EXCEEDED = Event("excess_rate_limit_exceeded")
CORS_REFUSED = Event("malicious_cors")
SESSION_EXPIRED = Event("session_expired", INFO)
SESSION_USE_AFTER_EXPIRE = Event("session_use_after_expire")
CRASH = Event("sys_crash", ERROR)
STARTUP = Event("sys_startup")
USER_CREATED = Event("user_created")
USER_UPDATED = Event("user_updated")

# For each address, or IPv6 site, and alarm: more would say nothing new, and fill the disk.
MOST = parse("60 per minute")

_logger = structlog.get_logger("app.audit")


def record(event: Event, *, account: str | None = None, **fields: Any) -> None:
    """Write a line; logs.py adds the time, the request and who is logged in.

    `account` takes a name as it was typed. Nothing else may hold what a client sent, unless
    its form leaves no room for a secret.
    """
    if event.level > INFO and has_request_context() and not _is_news(event):
        return
    if account is not None:
        fields["account"] = pseudonym(account)
    _logger.log(event.level, event.name, **fields)


def pseudonym(account: str) -> str:
    """What stands for a name: only who has SECRET_KEY can try which name it is."""
    key = current_app.config["SECRET_KEY"].encode()
    return hmac.digest(key, b"audit-account:" + account.encode(), "sha256").hex()[:16]


def init_app(app: Flask) -> None:
    # Flask's own line would hold the path.
    app.log_exception = lambda exc_info: record(CRASH, exc_info=exc_info)  # type: ignore[method-assign]


def _is_news(event: Event) -> bool:
    return rate_limiter().local.hit(MOST, event.name, client_address(SITE))
