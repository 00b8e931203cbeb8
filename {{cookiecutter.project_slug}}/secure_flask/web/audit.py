"""The audit log: one line for each security event, for later investigation.

The event names come from the OWASP Logging Vocabulary; docs/how-to/logs.md of the template lists
the names that we added. The levels are ours. No line holds a password, a token or a username as it
was typed, since people type passwords into the wrong field: `account` is a keyed hash of the
username, the same for each attempt. A successful login also logs the user's id.
Source: OWASP Logging Vocabulary Cheat Sheet; OWASP ASVS 16.2.5, 16.3.1 to 16.3.4.
"""

import hmac
from logging import ERROR, INFO, WARNING
from typing import Any, NamedTuple

import structlog
from flask import Flask, current_app, has_request_context
from limits import parse
from secure_flask.web.counters import SITE, client_address, counters
from secure_flask.web.flask_hooks import replace_method


class Event(NamedTuple):
    """A type of event. To define your own: `INVOICE_SENT = Event("invoice_sent", INFO)`."""

    name: str
    level: int = WARNING


LOGIN_SUCCESS = Event("authn_login_success", INFO)
LOGIN_FAIL = Event("authn_login_fail")
# After too many failures, further attempts are refused without a check of the secret.
LOGIN_FAIL_MAX = Event("authn_login_fail_max")
PASSWORD_CHANGE = Event("authn_password_change", INFO)
PASSWORD_CHANGE_FAIL = Event("authn_password_change_fail")
# A refresh token was used twice, so somebody copied it. Within REFRESH_GRACE it is a repeat.
TOKEN_REUSE = Event("authn_token_reuse", ERROR)
TOKEN_REPEAT = Event("authn_token_reuse")
# A key for a machine was made, or ended.
TOKEN_CREATED = Event("authn_token_created", INFO)
TOKEN_REVOKED = Event("authn_token_revoked", INFO)
AUTHZ_FAIL = Event("authz_fail")
AUTHZ_CHANGE = Event("authz_change")
# The database cannot hold a value that the client sent, or the server could not read a body.
INPUT_REFUSED = Event("input_validation_fail")
DECRYPT_FAIL = Event("crypt_decrypt_fail", ERROR)
RATE_LIMIT_EXCEEDED = Event("excess_rate_limit_exceeded")
SESSIONS_EXCEEDED = Event("excess_sessions_exceeded")
CORS_REFUSED = Event("malicious_cors")
CSRF_REFUSED = Event("malicious_csrf")
CSP_VIOLATION = Event("malicious_csp_violation")
SESSION_LOGOUT = Event("session_logout", INFO)
SESSION_EXPIRED = Event("session_expired", INFO)
SESSION_USE_AFTER_EXPIRE = Event("session_use_after_expire")
CRASH = Event("sys_crash", ERROR)
# Too many passwords are being hashed, so a login or a new password was refused.
TOO_BUSY = Event("sys_too_busy")
# Redis does not respond, so each process counts by itself, with half of each limit.
REDIS_UNAVAILABLE = Event("redis_unavailable", ERROR)
STARTUP = Event("sys_startup", INFO)
USER_CREATED = Event("user_created")
USER_UPDATED = Event("user_updated")
USER_DELETED = Event("user_deleted")

# One address or IPv6 site gets this many warnings of one type: a flood must not fill the disk.
WARNING_RATE_LIMIT = parse("60 per minute")

_logger = structlog.get_logger("secure_flask.audit")


def record(event: Event, *, account: str | None = None, **fields: object) -> None:
    """Write a line; the log adds the time, the request and the user's id.

    `account` takes a username as it was typed. No other field may hold client input, unless
    its format was checked and cannot hold a secret.
    """
    if not _may_write(event):
        return
    if account is not None:
        fields["account"] = pseudonym(account)
    _logger.log(event.level, event.name, **fields)


def record_redis_error(error: str) -> None:
    """Write a line for the class of an error of Redis."""
    record(REDIS_UNAVAILABLE, error=error)


def pseudonym(account: str) -> str:
    """A keyed hash of a username: nobody can test guesses against it without SECRET_KEY."""
    key = current_app.config["SECRET_KEY"].encode()
    return hmac.digest(key, b"audit-account:" + account.encode(), "sha256").hex()[:16]


def init_app(app: Flask) -> None:
    # Flask's own log line contains the path, which may hold a secret. An app that overrides the
    # method keeps its line.
    if getattr(app.log_exception, "__func__", None) is Flask.log_exception:
        replace_method(app, "log_exception", _record_crash)


def _record_crash(log: object, *arguments: Any) -> None:
    if _may_write(CRASH):
        _logger.log(CRASH.level, CRASH.name, exc_info=arguments[-1])
        _hand_to_own_handlers(arguments[-1])


def _hand_to_own_handlers(exc_info: Any) -> None:
    """Flask logs a crash by the app's logger, where a handler of the owner's may send a mail."""
    logger = current_app.logger
    crash = logger.makeRecord(logger.name, ERROR, "", 0, "Exception in a request", (), exc_info)
    for handler in logger.handlers:
        if crash.levelno >= handler.level:
            handler.handle(crash)


def _may_write(event: Event) -> bool:
    return event.level <= INFO or not has_request_context() or _is_within_rate_limit(event)


def _is_within_rate_limit(event: Event) -> bool:
    # The key has the level too, so that warnings hide no error of the same name.
    key = (event.name, str(event.level), client_address(SITE))
    return counters().add_locally(WARNING_RATE_LIMIT, *key).allowed
