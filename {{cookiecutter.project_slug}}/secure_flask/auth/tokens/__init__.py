"""The credentials of logins: a cookie for pages, and what TOKEN_TYPE says for programs.

Pages log in by the cookie of session.py in every project. `POST /login` by JSON gives a program
the token type that TOKEN_TYPE in policy.py names, each in a module here. A request with
`Authorization: Bearer` is authenticated by that alone, and its cookies are not read.
"""

from types import ModuleType
from typing import Any, Protocol, cast

import flask
from flask import Flask, Request, current_app
from secure_flask.auth.grants import Grant, Issued
from secure_flask.auth.tokens import session
from secure_flask.auth.tokens.bearer import has_bearer
from secure_flask.auth.users import UserMixin
from secure_flask.web import forms
from secure_flask.web.origins import PolicyError

NAMES = ("session", "opaque", "jwt", "paseto")


class TokenType(Protocol):
    """What the rest of the core uses of a token type; its module implements this."""

    @property
    def Issued(self) -> type[Issued]:
        """The model of the body that `issue` returns, for the OpenAPI document."""

    def issue(self, user: UserMixin, *, replaces: str = "", keep: bool = False) -> dict[str, Any]:
        """Log a user in; return the response body: `token`, `token_type` and `expires_in`.

        The login whose family is `replaces` ends. With `keep` a cookie lasts for KEPT_LIFETIME.
        """

    def find_login(self, request: Request) -> Grant | None:
        """The live login of a request, from the only place that may hold its credential."""

    def revoke(self, grant: Grant) -> None:
        """End the login immediately, and expire its cookie if it has one."""

    def security_schemes(self, method: str) -> dict[str, Any]:
        """The OpenAPI security schemes, by name, that a request with this method requires."""

    def init_app(self, app: Flask) -> None:
        """Set up this token type."""


def chosen(app: Flask = current_app) -> TokenType:
    """The token type of TOKEN_TYPE."""
    return cast(TokenType, app.extensions["token_type"])


def new_login() -> TokenType:
    """What a login by this request gives: a form the cookie, JSON the chosen token type."""
    return session if forms.is_form() else chosen()


def of_login(grant: Grant) -> TokenType:
    """The token type that renews a login: the one that authenticated the request."""
    return session if grant.kind == session.KIND else chosen()


def find_login(request: Request = flask.request) -> Grant | None:
    """The live login of a request, for pages: without the check of its CSRF token."""
    if not has_bearer(request):
        return session.find_login(request)
    return None if chosen() is session else chosen().find_login(request)


def authenticate(request: Request) -> Grant | None:
    """The live login of a request.

    :raises ErrorResponse: 403, for a write by cookie without its CSRF token.
    """
    if not has_bearer(request):
        return session.authenticate(request)
    return find_login(request)


def csrf_token(request: Request = flask.request, *, masked: bool = False) -> str | None:
    """The CSRF token of a login by cookie; None where writes need none."""
    return None if has_bearer(request) else session.csrf_token(request, masked=masked)


def security_schemes(method: str) -> list[dict[str, Any]]:
    """The OpenAPI security schemes of each kind of login: a request needs those of one kind."""
    return [each.security_schemes(method) for each in dict.fromkeys([chosen(), session])]


def init_app(app: Flask) -> None:
    """
    :raises PolicyError: TOKEN_TYPE is none of NAMES, or its library is not installed.
    :raises SettingsError: the keys that this token type signs with are missing.
    """
    name = app.config["TOKEN_TYPE"]
    try:
        module = _load(name)
    except ModuleNotFoundError as error:
        package = {"jwt": "pyjwt"}.get(error.name or "", error.name)
        raise PolicyError(
            f"policy.py: TOKEN_TYPE is {name!r}, which needs {package}: run `uv add {package}`."
        ) from None
    app.extensions["token_type"] = module
    if module is not session:
        session.init_app(app)
    cast(TokenType, module).init_app(app)


def _load(name: str) -> ModuleType:
    # Imported here, since only the chosen one needs to be installed.
    if name == "session":
        return session
    if name == "opaque":
        from secure_flask.auth.tokens import opaque

        return opaque
    if name == "jwt":
        from secure_flask.auth.tokens import jwt_token

        return jwt_token
    if name == "paseto":
        from secure_flask.auth.tokens import paseto_token

        return paseto_token
    raise PolicyError(f"policy.py: TOKEN_TYPE is {name!r}; write one of {', '.join(NAMES)}.")
