"""Who may call a view: only a logged-in user, unless the view is marked `@public`.

A view that somebody forgot to mark is closed. `@login_required` says so at the view,
`@roles_required` demands roles, and `@recent_login` asks for the password again.
Source: OWASP ASVS 7.5.1, 8.2.1, 8.3.1, 8.3.2; RFC 9470.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, cast, overload

from flask import Flask, Request, current_app, g, request, url_for
from secure_flask.auth import next_pages, users
from secure_flask.auth.login_table import Login
from secure_flask.web import audit, request_checks
from secure_flask.web.errors import ErrorResponse, error_response
from secure_flask.web.view_options import Decorated, ViewOptions, add_options, view_options
from sqlalchemy.exc import SQLAlchemyError

RECENT = 15  # minutes


class Tokens(Protocol):
    """What finds the login of a request: `secure_flask.auth.tokens`."""

    def find_login(self, request: Request) -> Login | None:
        """The live login of a request."""


def public(view: Decorated) -> Decorated:
    """Let everybody call this view. `current_user` may be nobody there."""
    return add_options(view, access="public")


def login_required(view: Decorated) -> Decorated:
    """State that only logged-in users call this view, which knows its `current_user`."""
    return add_options(view, access="login")


@overload
def recent_login(view: Decorated) -> Decorated: ...
@overload
def recent_login(*, minutes: int = RECENT) -> Callable[[Decorated], Decorated]: ...
def recent_login(view: Any = None, *, minutes: int = RECENT) -> Any:
    """Ask for the password again where the user entered it more than `minutes` ago.

    `@recent_login`, or `@recent_login(minutes=5)`.
    """

    def decorate(view: Decorated) -> Decorated:
        return add_options(view, access="login", recent_login=minutes)

    return decorate(view) if view else decorate


def roles_required(*names: str) -> Callable[[Decorated], Decorated]:
    """Demand that the user has all of these roles: `@roles_required("admin", "editor")`.

    Others get a 403. For one of several roles, give them a role in common.

    :raises TypeError: no role is given, or one whose name no role can have.
    """
    if not names or not all(map(users.is_role, names)):
        raise TypeError(
            f"@roles_required{names!r}: name one role or more, each a word such as 'admin' of "
            "lower-case letters, digits, - and _, which begins with a letter."
        )
    return lambda view: add_options(view, access="login", roles=names)


def credentials(view: Decorated) -> Decorated:
    """Mark a view that checks a password or another secret in the body, and limits failures."""
    return add_options(view, credentials=True)


def is_recent(minutes: int = RECENT) -> bool:
    """Whether the user entered the password at most `minutes` ago; a refresh does not count."""
    # abs(): a clock that is set back must not make an old login recent.
    login: Login = g.login
    return abs(time.time() - login.started) <= minutes * 60


def is_public(endpoint: str, options: ViewOptions) -> bool:
    """Whether everybody may call a view: by its mark, or by PUBLIC_ENDPOINTS without a mark."""
    opened = options.access is None and endpoint in current_app.config["PUBLIC_ENDPOINTS"]
    return opened or options.access == "public"


def require_login(*, minutes: int | None = None) -> None:
    """Refuse a request to a `@public` view that carries no login, or none that is recent enough.

    :raises ErrorResponse: 401; a browser goes to the page that asks for it.
    """
    _require_login(
        cast(Tokens, current_app.extensions["tokens"]), ViewOptions(recent_login=minutes)
    )


def unauthenticated() -> ErrorResponse:
    """The exception for a request without a login; a browser goes to the login page."""
    return _refused_access("LOGIN_PAGE", "Authentication required")


def init_app(app: Flask, tokens: Tokens) -> None:
    """`tokens` finds the login of a request. It is handed in, since its own views use these marks."""
    app.extensions["tokens"] = tokens
    request_checks.add_request_check(app, partial(_check_access, tokens))
    app.context_processor(partial(_template_variables, tokens))


def _check_access(tokens: Tokens, request: Request) -> None:
    rule = request.url_rule
    options = view_options(request)
    # Flask answers these itself: 404, 405, or the methods of a route.
    automatic = getattr(rule, "provide_automatic_options", False) and request.method == "OPTIONS"
    if rule is None or automatic:
        return
    if not is_public(rule.endpoint, options):
        _require_login(tokens, options)


def _require_login(tokens: Tokens, options: ViewOptions) -> None:
    login = tokens.find_login(request)
    if login is None:
        raise unauthenticated()
    g.user = login.user
    # For the log, which must not query the database.
    g.user_id = login.user_id
    _require_roles(login, options.roles)
    _require_recent_login(options.recent_login)


def _require_roles(login: Login, demanded: tuple[str, ...]) -> None:
    # A view that demands no role costs no query.
    missing = demanded and sorted(set(demanded).difference(login.user.role_names))
    if missing:
        audit.record(audit.AUTHZ_FAIL, reason="missing role", roles=", ".join(missing))
        raise error_response(403, "Not allowed")


def _require_recent_login(minutes: int | None) -> None:
    if minutes and not is_recent(minutes):
        challenge = f'Bearer error="insufficient_user_authentication", max_age="{minutes * 60}"'
        raise _refused_access(
            "REAUTHENTICATION_PAGE", "Recent login required", WWW_Authenticate=challenge
        )


def _refused_access(page: str, message: str, **headers: str) -> ErrorResponse:
    """A 401; a browser goes to the page whose endpoint the policy names, if the app has it."""
    error = error_response(401, message, **headers)
    endpoint = current_app.config[page]
    if endpoint in current_app.view_functions:
        error.see_other = url_for(endpoint, next=next_pages.current_page())
    return error


def _template_variables(tokens: Tokens) -> dict[str, object]:
    """`current_user` for templates: the logged-in user or None."""
    if "user" in g:
        return {"current_user": g.user}
    try:
        login = tokens.find_login(request)
    except SQLAlchemyError as error:
        # A page of yours for an error must not fail too while the database is unavailable.
        audit.record(audit.CRASH, exc_info=error)
        login = None
    return {"current_user": login.user if login else None}
