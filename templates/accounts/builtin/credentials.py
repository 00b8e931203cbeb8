"""Checks a username and password, the same for JSON and for the login page.

A wrong username and a wrong password get the same response in the same time, so usernames
cannot be enumerated. Failures are limited by address and by account.
Source: OWASP ASVS 6.3.1, 6.3.8, 7.5.1.
"""

from typing import Annotated, Any

from flask import g
from pydantic import Field

from app.auth import throttle, tokens, users
from app.auth.passwords import MAX_LENGTH, hash_password, needs_rehash, verify_password
from app.auth.users import User
from app.security import audit
from app.security.errors import error_response
from app.security.validation import Body, PlainText

# What people enter on the login page.
USERNAME_LABEL = "Username"
MAX_USERNAME = users.MAX_NAME


class Password(Body):
    password: Annotated[PlainText, Field(max_length=MAX_LENGTH)]


class Credentials(Password):
    username: Annotated[PlainText, Field(max_length=MAX_USERNAME)]


def log_in(username: str, password: str, **options: Any) -> dict[str, Any]:
    """Check the credentials and issue a login; `options` are for `tokens.issue`.

    :raises ErrorResponse: 401, wrong credentials; 429, too many failures; 503, too busy.
    """
    user = _check("login", username, password)
    if user is None:
        audit.record(audit.LOGIN_FAIL, account=username)
        raise error_response(401, "Invalid credentials")
    issued = tokens.issue(user, **options)
    audit.record(audit.LOGIN_SUCCESS, account=username, user_id=user.id)
    return issued


def reauthenticate(password: str, **options: Any) -> dict[str, Any]:
    """Check the password of the logged-in user; a new login replaces the present one.

    :raises ErrorResponse: 403, wrong password; 429, too many failures; 503, too busy.
    """
    user = _check("reauthentication", g.user.name, password)
    if user is None:
        audit.record(audit.LOGIN_FAIL, account=g.user.name, reason="reauthentication")
        raise error_response(403, "Wrong password")
    issued = tokens.issue(user, replaces=g.grant.family, **options)
    audit.record(audit.LOGIN_SUCCESS, account=user.name, reason="reauthentication")
    return issued


def _check(purpose: str, username: str, password: str) -> User | None:
    with throttle.attempt(purpose, username) as attempt:
        stored = users.password_hash_of(username)
        verified = verify_password(stored, password)
        user = _find_unchanged(username, password, stored) if stored and verified else None
        attempt.succeeded = user is not None
    return user


def _find_unchanged(username: str, password: str, verified: str) -> User | None:
    """The user, if the stored hash is still the verified one; an outdated hash is upgraded."""
    upgraded = hash_password(password) if needs_rehash(verified) else verified
    return users.replace_hash(username, verified, upgraded)
