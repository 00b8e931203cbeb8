"""Calls views of Flask-Security: in a session of their own, all or nothing, and with our words.

What the library keeps in Flask's session between two factors is a row instead, so it cannot
be replayed (half_logins.py). Only after all factors does its signal lead to a grant.
Source: OWASP ASVS 2.3.3, 6.3.3, 7.2.4.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask, Response, g, jsonify, request, session
from flask_security import Security, TwoFactorVerifyCodeForm, WebAuthnSigninResponseForm
from flask_security.signals import user_authenticated

from app.accounts import account_changes
from app.accounts.factors import half_login_secret, half_logins
from app.accounts.pending import PendingStep
from app.auth import logins, tokens, users
from app.auth.users import User
from app.db import db
from app.security import audit
from app.security.errors import ErrorResponse, error_response
from app.security.validation import Body

# Members of its JSON that this project answers in other ways, or not at all.
_DROPPED = {"user", "csrf_token", "identity_attributes", "post_login_url"}
# What its session holds between two factors; the rest is its own login.
_BETWEEN_FACTORS = "tf_"
# It sets this when all factors were right, also those of a user who proves again who it is.
_AUTHENTICATED = "fs_paa"


class CodeForm(TwoFactorVerifyCodeForm):
    """Refuses a wrong code at once: the library would offer ways that do not exist here."""

    def validate(self, **kwargs: Any) -> bool:
        if not super().validate(**kwargs):
            raise _refusal(400, "Wrong code")
        return True


class PasskeyForm(WebAuthnSigninResponseForm):
    """Refuses a good passkey that is not the one asked for: the library would log its owner in."""

    def validate(self, **kwargs: Any) -> bool:
        if not super().validate(**kwargs):
            return False
        # Locked here, since nothing said before whose passkey it is.
        if not (self._is_expected() and users.lock(self.user.id)):
            raise _refusal(401, "Another passkey is needed")
        return True

    def _is_expected(self) -> bool:
        if self.is_verify:
            return bool(self.user.id == g.user.id)
        if self.is_secondary:
            return bool(self.user.fs_uniquifier == session["tf_user_id"])
        # A challenge of another step does not demand what replaces the password.
        return bool(self.mf_check)


def call(
    view: Callable[..., Any],
    *arguments: str,
    body: Body | None = None,
    half: PendingStep | None = None,
    refused: tuple[int, str] | None = None,
    change: str = "",
    **options: Any,
) -> dict[str, Any]:
    """Run a view of the library on this request, and return its JSON, or that of a new login.

    `body` is the validated JSON of the request, None for a form. `half` is the half login that
    the view continues. `refused` replaces the status and words of its refusal. `change` says what
    it changes in the factors of the user. `options` are for `tokens.issue`.

    :raises ErrorResponse: the library refuses.
    """
    g.library_refused, g.authenticated, g.library_json = refused, None, {}
    if body:
        # The body was read before. Without this the library would read it again.
        request._cached_json = (members := body.model_dump(exclude_none=True), members)
    # It looks at no body without a length, and one in chunks has none. It was read before too.
    request.content_length = request.content_length or 1
    try:
        if owner := half.user if half else g.get("user"):
            users.lock(owner.id)
        if "grant" in g:
            logins.require(g.grant.family)
        with _session_of_its_own(half.data if half else {}):
            view(*arguments)
            kept = dict(session)
        return _result(half, kept, change, options)
    except BaseException:
        # The library commits after each answer, after a failure too.
        db.session.rollback()
        raise


def init_app(app: Flask, library: Security) -> None:
    library.want_json(lambda request: True)
    library.render_json(_keep_json)
    user_authenticated.connect(_remember, app)


def _result(
    half: PendingStep | None, kept: dict[str, Any], change: str, options: dict[str, Any]
) -> dict[str, Any]:
    """The login that all factors complete, the next half login, or the library's JSON alone."""
    payload = {name: value for name, value in g.library_json.items() if name not in _DROPPED}
    state = {name: value for name, value in kept.items() if name.startswith(_BETWEEN_FACTORS)}
    if _AUTHENTICATED in kept:
        return _issue(g.authenticated or g.user, half, change, options)
    if state and "user" not in g:
        return {**payload, **half_logins.keep(half, state, options)}
    if change:
        # In one transaction with the change.
        account_changes.record(g.user, change, keep=g.grant.family)
    db.session.commit()
    return payload


def _issue(
    user: User, half: PendingStep | None, change: str, options: dict[str, Any]
) -> dict[str, Any]:
    if half:
        options = half_logins.finish(half)
    if change:
        account_changes.record(user, change)
    replaces = g.grant.family if "grant" in g else ""
    issued = tokens.issue(user, replaces=replaces, **options)
    if half:
        half_login_secret.expire()
    audit.record(audit.LOGIN_SUCCESS, account=user.name, user_id=user.id)
    return issued


@contextmanager
def _session_of_its_own(data: dict[str, Any]) -> Iterator[None]:
    """Lend Flask's session to the library, and give it back as it was."""
    accessed, modified, own = session.accessed, session.modified, dict(session)
    session.clear()
    session.update(data)
    try:
        yield
    finally:
        session.clear()
        session.update(own)
        # As if nobody had touched it: otherwise visitors would get a cookie.
        session.accessed, session.modified = accessed, modified


def _refusal(status: int, words: str) -> ErrorResponse:
    return error_response(*(g.library_refused or (status, words)))


def _remember(app: Flask, user: User, **more: Any) -> None:
    g.authenticated = user


def _keep_json(payload: dict[str, Any], code: int, headers: Any, user: Any) -> Response:
    """Keep the library's JSON for `call`; raise its refusal in the form of this project."""
    if code >= 400:
        problems = {
            str(name): str(words[0])
            for name, words in payload.get("field_errors", {}).items()
            if name and words
        }
        words = [*map(str, payload.get("errors") or []), "Invalid request"][0]
        error = _refusal(code, words)
        error.fields = None if g.library_refused else problems
        raise error
    g.library_json = payload
    return jsonify()
