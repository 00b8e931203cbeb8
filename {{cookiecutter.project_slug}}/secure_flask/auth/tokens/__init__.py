"""What a client holds to show its login: a cookie on pages, and for programs what TOKEN_TYPE says.

Pages log in by the cookie of session.py in every project. `POST /login` by JSON gives a program
the token type that TOKEN_TYPE in policy.py names, each in a module here. A request with
`Authorization: Bearer` is authenticated by that alone, and its cookies are not read.
"""

from types import ModuleType
from typing import Any, Protocol, cast

import flask
from flask import Flask, Request, Response, after_this_request, current_app, g
from secure_flask.auth.login_table import Login
from secure_flask.auth.tokens import opaque, session
from secure_flask.auth.users import UserMixin
from secure_flask.web import cookies
from secure_flask.web.bearer import has_bearer
from secure_flask.web.form_types import is_consumed_form
from secure_flask.web.origins import PolicyError
from secure_flask.web.view_options import view_options


class TokenType(Protocol):
    """What the rest of the core uses of a token type; its module implements this."""

    @property
    def KIND(self) -> str:
        """The kind of its rows."""

    def issue_token(
        self,
        user: UserMixin,
        *,
        keep: bool = False,
        second_factor: bool = False,
        replaces: Login | None = None,
    ) -> dict[str, Any]:
        """Log a user in, in place of the login `replaces`; return the body of the response.

        `second_factor` says that the user has shown one.
        """

    def find_login(self, request: Request) -> Login | None:
        """The live login of a request, from the only place that may hold its token."""


def chosen_token_type() -> TokenType:
    """The token type of TOKEN_TYPE."""
    return cast(TokenType, current_app.extensions["token_type"])


def token_type_for_new_login() -> TokenType:
    """What a login by this request gives: a form the cookie, JSON the chosen token type."""
    return session if is_consumed_form() else chosen_token_type()


def token_type_of(login: Login) -> TokenType:
    """The token type that renews a login: the one that authenticated the request."""
    return session if login.kind == session.KIND else chosen_token_type()


def find_login(request: Request = flask.request) -> Login | None:
    """The live login of a request, looked up once."""
    if "login" not in g:
        # First None: an error page must not repeat a lookup that failed.
        g.login = None
        g.login = _find_login(request)
        if g.login:
            after_this_request(_keep_out_of_caches)
    found: Login | None = g.login
    return found


def security_schemes() -> list[dict[str, Any]]:
    """The OpenAPI security schemes of each kind of login: a request needs one of them."""
    name = cookies.cookie_name(session.KIND)
    cookie = {"cookie": {"type": "apiKey", "in": "cookie", "name": name}}
    bearer = {"bearer": {"type": "http", "scheme": "bearer"}}
    return [cookie] if chosen_token_type() is session else [bearer, cookie]


def forget_found_login() -> None:
    """Let this request look its login up again, since that has changed."""
    for name in ("login", "user"):
        g.pop(name, None)


def init_app(app: Flask) -> None:
    """
    :raises PolicyError: PyJWT is not installed for `jwt`.
    :raises SettingsError: TOKEN_KEYS is missing for `jwt`.
    """
    app.extensions["token_type"] = _load_token_type(app.config["TOKEN_TYPE"], app)


def _keep_out_of_caches(response: Response) -> Response:
    """What a login got is stored nowhere, such as a file of `send_from_directory`."""
    if not response.cache_control.private:
        response.headers["Cache-Control"] = "no-store, max-age=0"
    return response


def _find_login(request: Request) -> Login | None:
    # Any site may write there, with the cookies of the user.
    if view_options(request).csrf_exempt:
        return None
    if not has_bearer(request):
        return session.find_login(request)
    return None if chosen_token_type() is session else chosen_token_type().find_login(request)


def _load_token_type(name: str, app: Flask) -> ModuleType:
    if name == "session":
        return session
    return opaque if name == "opaque" else _load_jwt(app)


def _load_jwt(app: Flask) -> ModuleType:
    try:
        # Imported here, since only this type needs PyJWT.
        from secure_flask.auth.tokens import refresh
    except ModuleNotFoundError as error:
        if error.name != "jwt":
            raise
        raise PolicyError(
            "policy.py: TOKEN_TYPE 'jwt' needs pyjwt: run `.venv/bin/uv add pyjwt`."
        ) from None
    refresh.init_app(app)
    return refresh
