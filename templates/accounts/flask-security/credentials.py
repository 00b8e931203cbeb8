"""Checks a name or e-mail address and a password, the same for JSON and for the login page.

Flask-Security then asks for the second factor of those who have one. A wrong name and a wrong
password get the same response in the same time, so accounts cannot be enumerated. Failures are
limited by address and by what was sent as the name, however it is spelled.
Source: OWASP ASVS 6.3.1, 6.3.3, 6.3.8, 7.5.1.
"""

from typing import Annotated, Any

import flask_security
from flask import abort, g, redirect, request, url_for
from flask_security import views
from pydantic import Field
from sqlalchemy import or_, select
from wtforms import StringField

from app.accounts.factors import library_views
from app.accounts.links import usernames
from app.auth import next_pages, throttle, tokens, users
from app.auth.passwords import MAX_LENGTH, hash_password, needs_rehash, verify_password
from app.auth.users import User
from app.crypto.blind_indexes import normalise
from app.db import db
from app.security import audit, forms
from app.security.errors import error_response
from app.security.validation import Body, PlainText

# What people enter on the login page.
USERNAME_LABEL = "Username or e-mail address"
MAX_USERNAME = 254  # characters: a name, or an address


class Password(Body):
    password: Annotated[PlainText, Field(max_length=MAX_LENGTH)]


class Credentials(Password):
    username: Annotated[PlainText, Field(max_length=MAX_USERNAME)]


class LoginForm(flask_security.LoginForm):
    """The library's form, with the check of this project."""

    username = StringField()
    email = None
    # The token type decides how long a login lasts.
    remember = None

    def validate(self, **kwargs: Any) -> bool:
        self.user = _check("login", self.username.data, self.password.data)
        if self.user is None:
            audit.record(audit.LOGIN_FAIL, account=self.username.data)
            raise error_response(401, "Invalid credentials")
        return True


def log_in(username: str, password: str, **options: Any) -> dict[str, Any]:
    """Check the credentials that this request carries, and issue a login or ask for a factor.

    `options` are for `tokens.issue`.

    :raises ErrorResponse: 401, wrong credentials; 429, too many failures; 503, too busy.
    """
    form = forms.is_form()
    sent = None if form else Credentials.model_construct(username=username, password=password)
    body = library_views.call(views.login, body=sent, **options)
    if body.get("tf_required") and form:
        target = next_pages.checked(request.args.get("next"))
        abort(redirect(url_for("second_factor_pages.next_step", next=target), 303))
    return body


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


def _check(purpose: str, identity: str, password: str) -> User | None:
    name = _name_of(identity)
    # One count for all spellings of what was sent. A count for each account would show which
    # name and address belong together.
    with throttle.attempt(purpose, normalise(identity)) as attempt:
        stored = users.password_hash_of(name or identity)
        verified = verify_password(stored, password)
        user = _find_unchanged(name, password, stored) if name and stored and verified else None
        attempt.succeeded = user is not None
    return user


def _name_of(identity: str) -> str | None:
    """The name of the user who has this name, its normal form or, otherwise, this address."""
    normal = User.name == usernames.normalise(identity)
    found = select(User.name).where(or_(User.name == identity, normal, User.email == identity))
    best = found.order_by((User.name == identity).desc(), normal.desc())
    return db.session.scalars(best).first()


def _find_unchanged(name: str, password: str, verified: str) -> User | None:
    """The user, if the stored hash is still the verified one; an outdated hash is upgraded."""
    upgraded = hash_password(password) if needs_rehash(verified) else verified
    return users.replace_hash(name, verified, upgraded)
