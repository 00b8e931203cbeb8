"""Logs users in by name and password, ends logins and changes passwords.

A wrong name and a wrong password get the same response in the same time, so names cannot be
enumerated. Failures are limited by address and by account. A new password ends all logins,
which locks out an attacker who had logged in.
Source: OWASP ASVS 6.2.2, 6.2.3, 6.3.1, 6.3.8, 7.4.1 to 7.4.3, 7.5.1, 7.5.2.
"""

from typing import Any

from flask import after_this_request, g
from secure_flask.auth import logins, password_rules, throttle, tokens, users
from secure_flask.auth.grants import Grant
from secure_flask.auth.passwords import hash_password, needs_rehash, verify_password
from secure_flask.auth.tokens import session
from secure_flask.auth.users import UserMixin
from secure_flask.web import audit
from secure_flask.web.errors import error_response
from werkzeug.wrappers import Response


def log_in(name: str, password: str, *, keep: bool = False) -> dict[str, Any]:
    """Check the credentials and log the user in; return the body of the response.

    A form gets the cookie of pages, JSON a token of TOKEN_TYPE. With `keep` a cookie lasts for
    KEPT_LIFETIME.

    :raises ErrorResponse: 401, wrong credentials; 429, too many failures; 503, too busy.
    """
    user = _verified("login", name, password)
    if user is None:
        audit.record(audit.LOGIN_FAIL, account=name)
        raise error_response(401, "Invalid credentials")
    issued = tokens.new_login().issue(user, keep=keep)
    audit.record(audit.LOGIN_SUCCESS, account=name, user_id=user.id)
    return issued


def reauthenticate(password: str) -> dict[str, Any]:
    """Check the password of the logged-in user; a new login replaces the present one.

    :raises ErrorResponse: 403, wrong password; 429, too many failures; 503, too busy.
    """
    user = _verified("reauthentication", g.user.name, password)
    if user is None:
        audit.record(audit.LOGIN_FAIL, account=g.user.name, reason="reauthentication")
        raise error_response(403, "Wrong password")
    issued = tokens.of_login(g.grant).issue(user, replaces=g.grant.family, keep=g.grant.kept)
    audit.record(audit.LOGIN_SUCCESS, account=user.name, reason="reauthentication")
    return issued


def log_out() -> None:
    """End the login of this request, and let the browser drop what it stored."""
    tokens.of_login(g.grant).revoke(g.grant)
    audit.record(audit.SESSION_EXPIRED, reason="logout")
    if g.grant.kind == session.KIND:
        after_this_request(_clear_site_data)
    g.user = None


def change_password(current: str, new: str) -> dict[str, Any]:
    """Change the user's password, end all logins and issue a new one.

    :raises ErrorResponse: 400, a bad new password; 401, the login has ended in the meantime; 403,
        a wrong current one; 429, too many failures; 503, too busy.
    """
    stored = g.user.password_hash
    with throttle.attempt("password", g.user.name) as attempt:
        attempt.succeeded = verify_password(stored, current)
        # Inside the attempt, so that the throttle also limits concurrent hashes of new passwords.
        hashed = _hash_new(new) if attempt.succeeded else None
    if hashed is None:
        audit.record(audit.PASSWORD_CHANGE_FAIL)
    if hashed is None or not users.replace_hash(g.user.name, stored, hashed):
        raise error_response(403, "Wrong current password")
    logins.require(g.grant.family)
    renewed = tokens.of_login(g.grant)
    logins.end_all(g.user)
    audit.record(audit.PASSWORD_CHANGE)
    return renewed.issue(g.user, keep=g.grant.kept)


def set_password(user: UserMixin, password: str) -> None:
    """Store a new password and end all logins, in one transaction."""
    user.password_hash = hash_password(password)
    logins.end_all(user)


def list_logins() -> list[dict[str, Any]]:
    """The logins of the user, newest first: `id`, `issued`, `last_used`, `expires` in seconds
    since 1970, `current`, and `client` as it described itself."""
    return [_describe(grant) for grant in logins.all_of(g.user)]


def end_login(login_id: str) -> None:
    """End one of the user's logins.

    :raises ErrorResponse: 404, it is no login of this user.
    """
    if login_id not in [grant.family for grant in logins.all_of(g.user)]:
        raise error_response(404, "Not Found")
    logins.end(login_id)
    audit.record(audit.SESSION_EXPIRED, reason="revoked", session=login_id)


def end_other_logins() -> None:
    """End all logins of the user but the present one."""
    logins.end_all(g.user, keep=g.grant.family)
    audit.record(audit.SESSION_EXPIRED, reason="revoked", session="all others")


def _verified(purpose: str, name: str, password: str) -> UserMixin | None:
    with throttle.attempt(purpose, name) as attempt:
        stored = users.password_hash_of(name)
        verified = verify_password(stored, password)
        user = _find_unchanged(name, password, stored) if stored and verified else None
        attempt.succeeded = user is not None
    return user


def _find_unchanged(name: str, password: str, verified: str) -> UserMixin | None:
    """The user, if the stored hash is still the verified one; an outdated hash is upgraded."""
    upgraded = hash_password(password) if needs_rehash(verified) else verified
    return users.replace_hash(name, verified, upgraded)


def _hash_new(password: str) -> str:
    return password_rules.hash_new(password, g.user.name, getattr(g.user, "email", None) or "")


def _describe(grant: Grant) -> dict[str, Any]:
    return {
        "id": grant.family,
        "issued": grant.issued,
        "last_used": grant.last_used,
        "expires": grant.expires,
        "current": grant.family == g.grant.family,
        "client": grant.client,
    }


def _clear_site_data(response: Response) -> Response:
    # Without "cookies", which would clear sibling sites' cookies; revoke() expires ours.
    # WebKitGTK ignores it: there, what scripts store stays.
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response
