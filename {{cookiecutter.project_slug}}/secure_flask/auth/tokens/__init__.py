"""The tokens of logins: a cookie for pages, and for programs the type that TOKEN_TYPE names.

Pages log in by the cookie of session.py in every project. `POST /login` by JSON gives a program
the token type that TOKEN_TYPE in policy.py names, each in a module here. A request with
`Authorization: Bearer`, or another of TOKEN_SCHEMES, is authenticated by that alone, and its cookies
are not read. A key of a
program works with each token type.
"""

from typing import Any, Protocol

from flask import Flask, Request, current_app
from secure_flask.auth.logins import Login, Voucher
from secure_flask.auth.principal import Principal, add_principal_finder
from secure_flask.auth.tokens import opaque, session
from secure_flask.auth.users import UserMixin
from secure_flask.state import StateKey, app_state
from secure_flask.web import cookies
from secure_flask.web.bearer import has_bearer, token_schemes
from secure_flask.web.csrf import is_consumed_form
from secure_flask.web.origins import PolicyError


class TokenType(Protocol):
    """The interface of a token type, which its module implements."""

    @property
    def KIND(self) -> str:
        """The value of `Login.kind` in its rows."""

    def issue_token(
        self,
        user: UserMixin,
        *,
        keep: bool = False,
        second_factor: bool = False,
        replaces: Login | None = None,
        voucher: Voucher | None = None,
    ) -> dict[str, Any]:
        """Log a user in, in place of the login `replaces`; return the body of the response.

        `second_factor` says that the user has shown one. `voucher` says who identified the user
        before, and when.
        """

    def find_login(self, request: Request) -> Login | None:
        """The live login of a request, from the only place that may hold its token."""


_TOKEN_TYPE = StateKey[TokenType]("token type")


def chosen_token_type() -> TokenType:
    """The token type of TOKEN_TYPE."""
    return app_state(current_app)[_TOKEN_TYPE]


def token_type_for_new_login() -> TokenType:
    """The token type of a new login: the session cookie for a form, the chosen type for JSON."""
    return session if is_consumed_form() else chosen_token_type()


def token_type_of(login: Login) -> TokenType:
    """The token type that renews a login: the one that authenticated the request."""
    return session if login.kind == session.KIND else chosen_token_type()


def security_schemes() -> list[dict[str, Any]]:
    """The OpenAPI security schemes of each kind of login: a request needs one of them.

    The list is empty for an app with a login of its own, which the core does not know.
    """
    if _TOKEN_TYPE not in app_state(current_app):
        return []
    name = cookies.cookie_name(session.KIND)
    cookie = {"cookie": {"type": "apiKey", "in": "cookie", "name": name}}
    if chosen_token_type() is session:
        return [cookie]
    schemes = [each.lower() for each in token_schemes()]
    return [*({each: {"type": "http", "scheme": each}} for each in schemes), cookie]


def key_scheme() -> dict[str, Any]:
    """The OpenAPI security scheme of keys."""
    described = "A key for a machine, as POST /keys and `flask key create` make it."
    scheme = token_schemes()[0].lower()
    return {"key": {"type": "http", "scheme": scheme, "description": described}}


def init_app(app: Flask) -> None:
    """
    :raises PolicyError: PyJWT is not installed for `jwt`.
    :raises SettingsError: TOKEN_KEYS is missing for `jwt`.
    """
    app_state(app)[_TOKEN_TYPE] = _load_token_type(app.config["TOKEN_TYPE"], app)
    add_principal_finder(app, _find_principal)


def _find_principal(request: Request) -> Principal | None:
    login = _find_login(request)
    return Principal(login.user, login=login) if login else None


def _find_login(request: Request) -> Login | None:
    if not has_bearer(request):
        return session.find_login(request)
    return None if chosen_token_type() is session else chosen_token_type().find_login(request)


def _load_token_type(name: str, app: Flask) -> TokenType:
    if name == "session":
        return session
    return opaque if name == "opaque" else _load_jwt(app)


def _load_jwt(app: Flask) -> TokenType:
    try:
        # The import is here, since only this type needs PyJWT.
        from secure_flask.auth.tokens import refresh
    except ModuleNotFoundError as error:
        if error.name != "jwt":
            raise
        raise PolicyError(
            "policy.py: TOKEN_TYPE 'jwt' needs pyjwt: run `.venv/bin/uv add pyjwt`."
        ) from None
    refresh.init_app(app)
    return refresh
