"""Requests by a key, which only views marked `@keys_allowed` accept.

A key is recognised by its prefix before the token type reads a token, so it works with each
TOKEN_TYPE. A page in a browser must not hold a key, so a request from CORS_ORIGINS is refused.
"""

from collections.abc import Callable
from typing import Any, overload

from flask import Flask, Request, current_app
from limits import parse
from secure_flask.auth.access import close_by_mark
from secure_flask.auth.principal import (
    Principal,
    Program,
    add_principal_finder,
    no_program_here,
)
from secure_flask.keys import api_keys
from secure_flask.state import app_state
from secure_flask.web.bearer import bearer_token
from secure_flask.web.cors import CORS_ORIGINS
from secure_flask.web.errors import ErrorResponse, error_response
from secure_flask.web.view_options import Decorated, view_options


@overload
def keys_allowed(view: Decorated) -> Decorated: ...
@overload
def keys_allowed(*, read_only: bool = False) -> Callable[[Decorated], Decorated]: ...
def keys_allowed(
    view: Decorated | None = None, *, read_only: bool = False
) -> Decorated | Callable[[Decorated], Decorated]:
    """Let a program call this view by a key, as logged-in users may: `@keys_allowed`.

    `@keys_allowed(read_only=True)` allows only GET and HEAD. Views without the mark refuse keys.
    With `@roles_required` the key needs the roles too; a view with `@recent_login` refuses it.

    :raises TypeError: at import, the view is marked `@public` too.
    """
    keys, mark = (
        ("read", "@keys_allowed(read_only=True)") if read_only else ("all", "@keys_allowed")
    )

    def decorate(view: Any) -> Any:
        return close_by_mark(view, mark, keys=keys)

    return decorate(view) if view else decorate


def init_app(app: Flask) -> None:
    add_principal_finder(app, _find_principal)


def _find_principal(request: Request) -> Principal | None:
    """The principal of a request with a key: nobody for an unknown one, which is no token either."""
    token = bearer_token(request)
    if token is None or not api_keys.is_key(token):
        return None
    key = api_keys.find_key(token)
    if key is None:
        return Principal()
    limit = parse(current_app.config["API_KEY_RATE_LIMIT"])
    program = Program(key, frozenset(key.roles), limit, _find_refusal(request))
    return Principal(None if program.refusal else key.user, program=program)


def _find_refusal(request: Request) -> ErrorResponse | None:
    options = view_options(request)
    if not options.keys or options.access == "public" or options.recent_login:
        return no_program_here()
    if request.headers.get("Origin") in app_state(current_app)[CORS_ORIGINS]:
        return error_response(403, "Keys are not allowed in pages of other sites")
    if not options.takes_key(request.method):
        return error_response(403, "Keys may only read here")
    return None
