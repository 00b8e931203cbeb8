"""Who may call a view: only a logged-in user, unless the view is marked `@public`.

An unmarked view is closed too. `@login_required` says so at the view, `@roles_required` demands
roles, `@recent_login` asks for the password again, and `@keys_allowed` lets keys of programs in.
These four are checked before the view, so a decorator that caches cannot skip them, and again when
the marked function is called, so a decorator without `functools.wraps` cannot lose them.
Source: OWASP ASVS 7.5.1, 8.2.1, 8.3.1, 8.3.2; RFC 9470.
"""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, overload
from weakref import WeakSet

import flask
from flask import Flask, Request, current_app, has_request_context, url_for
from secure_flask.auth import next_pages, users
from secure_flask.auth.logins import Login
from secure_flask.auth.principal import (
    current_login,
    current_principal,
    is_proved,
    logged_in_user,
    no_program_here,
)
from secure_flask.auth.users import UserMixin
from secure_flask.clock import seconds_now
from secure_flask.state import StateKey, app_state
from secure_flask.web import audit, rate_limits
from secure_flask.web.bearer import challenge
from secure_flask.web.errors import (
    PLAIN_MESSAGES,
    ErrorResponse,
    add_hint,
    error_response,
    plain_error,
)
from secure_flask.web.flask_hooks import add_request_check, add_to_templates
from secure_flask.web.view_options import (
    Decorated,
    Demand,
    ViewOptions,
    add_options,
    close_view,
    is_automatic_options,
    marked_options,
    qualified_name,
    view_options,
)
from sqlalchemy.exc import SQLAlchemyError

RECENT = 15  # minutes
HIDDEN_MARK = (
    "%s hides %s, which is marked %s. The function refuses others when it is called, but a cache may "
    "answer in its place. Give the decorator between them functools.wraps, or put the mark on the "
    "view, directly below the route's line."
)
# The apps of this process, whose endpoints a late @public would open.
_APPS: WeakSet[Flask] = WeakSet()
_NAMED = StateKey[set[tuple[str | None, Demand]]]("named hidden marks")


def public(view: Decorated) -> Decorated:
    """Let everybody call this view: `@public`. Test for a login by `if current_user`.

    It opens the function for each app and endpoint. For a view of an extension, write its endpoint
    into PUBLIC_ENDPOINTS.

    :raises TypeError: the function is the view of an endpoint already, a bound method, or closed by
        another mark.
    """
    if marked_options(view).access != "public":
        _require_no_endpoint(view)
    return add_options(view, access="public")


def login_required(view: Decorated) -> Decorated:
    """Let only logged-in users call this view: `@login_required`.

    Its `current_user` is never None. Others get a 401; a browser goes to the login page.

    :raises TypeError: at import, the view is marked `@public` too.
    """
    closed: Decorated = close_by_mark(view, "@login_required")
    return closed


@overload
def recent_login(view: Decorated) -> Decorated: ...
@overload
def recent_login(*, minutes: int = RECENT) -> Callable[[Decorated], Decorated]: ...
def recent_login(
    view: Decorated | None = None, *, minutes: int = RECENT
) -> Decorated | Callable[[Decorated], Decorated]:
    """Ask for the password again where the user entered it more than `minutes` ago.

    `@recent_login`, or `@recent_login(minutes=5)`. Others get a 401; a browser goes to the page
    that asks for the password.

    :raises TypeError: at import, the view is marked `@public` too.
    :raises ValueError: at import, `minutes` is not more than 0.
    """
    # 0 or None in the options of a view means that no age is demanded.
    if not minutes or minutes < 0:
        raise ValueError(f"@recent_login(minutes={minutes!r}): write a number of more than 0.")

    def decorate(view: Any) -> Any:
        return close_by_mark(view, f"@recent_login(minutes={minutes})", recent_login=minutes)

    return decorate(view) if view else decorate


def roles_required(*names: str) -> Callable[[Decorated], Decorated]:
    """Demand that the user has all of these roles: `@roles_required("admin", "editor")`.

    Others get a 403. To accept one of several roles, give their users a common role.

    :raises TypeError: at import, no role is given, a name is none of a role, or the view is marked
        `@public` too.
    """
    if not names or not all(map(users.is_role, names)):
        raise TypeError(f"@roles_required{names!r}: name one role or more, each {users.ROLE_RULE}.")
    mark = f"@roles_required({', '.join(map(repr, sorted(names)))})"
    return lambda view: close_by_mark(view, mark, roles=names)


def takes_credentials(view: Decorated) -> Decorated:
    """Mark a view that takes a password or another secret in its body: `@takes_credentials`.

    An invalid body gets a 400 without details, since the secret may be in the wrong member. The
    function that checks the secret, such as `log_in`, limits failures by LOGIN_RATE_LIMIT.
    """
    return add_options(view, credentials=True)


def close_by_mark(view: Any, mark: str, **options: Any) -> Any:
    """Close a view by a mark, such as "@login_required", with these options of the view."""
    if isinstance(view, staticmethod | classmethod):
        # The mark belongs to the function inside, since a class returns only that.
        return type(view)(close_by_mark(view.__func__, mark, **options))
    require = partial(_require, options.get("roles", ()), options.get("recent_login"))
    demand = _demand_of_mark(view, mark, require)
    return close_view(add_options(view, access="login", demands=(demand,), **options), demand)


def has_recent_login(minutes: int = RECENT) -> bool:
    """Whether the user entered the password at most `minutes` ago; a refresh does not count.

    A page hides what `@recent_login(minutes=5)` would refuse by `has_recent_login(minutes=5)`. It is
    False if nobody is logged in.
    """
    login = current_login()
    return login is not None and _is_recent(login, minutes)


def is_public(endpoint: str, options: ViewOptions) -> bool:
    """Whether everybody may call a view: by `@public` or, without a mark, by PUBLIC_ENDPOINTS."""
    opened = options.access is None and endpoint in current_app.config["PUBLIC_ENDPOINTS"]
    return opened or options.access == "public"


def require_login(*, minutes: int | None = None) -> Login:
    """The login of this request, at most `minutes` old; a `@public` view may lack one.

    :raises ErrorResponse: 401, there is none, or it is not recent enough; a browser goes to the
        page that asks for it. 403, a key sent the request.
    """
    login = current_login()
    if login is None:
        raise _no_login()
    if minutes and not _is_recent(login, minutes):
        asked = challenge(f'error="insufficient_user_authentication", max_age="{minutes * 60}"')
        raise _refused_access(
            "REAUTHENTICATION_PAGE", "Recent login required", WWW_Authenticate=asked
        )
    return login


def require_user() -> UserMixin:
    """The logged-in user; a key does not count.

    :raises ErrorResponse: 401, nobody is; 403, a key sent the request.
    """
    asking = current_principal()
    if asking.user is None or asking.program:
        raise _no_login()
    user: UserMixin = asking.user
    return user


def unauthenticated() -> ErrorResponse:
    """The exception for a request without a login; a browser goes to the login page."""
    return _refused_access("LOGIN_PAGE", PLAIN_MESSAGES[401])


def init_app(app: Flask) -> None:
    _APPS.add(app)
    add_request_check(app, _check_access)
    add_to_templates(app, {"logged_in_user": logged_in_user, "login_page": _find_login_page})


def add_current_user(app: Flask) -> None:
    """Give templates `current_user`, where no extension has one, such as Flask-Login's."""
    app.context_processor(_template_variables)


def _check_access(request: Request) -> None:
    rule = request.url_rule
    options = view_options(request)
    # Flask answers without a view: 404, 405, or OPTIONS with the methods of a route.
    if rule is None or is_automatic_options(request) or is_public(rule.endpoint, options):
        return
    asking = current_principal()
    if asking.program:
        rate_limits.require_within_limit(asking.program.limit, "key", asking.program.row.id)
    elif options.access is None and asking.user is None:
        raise add_hint(unauthenticated(), _hint_of_unmarked_view(request, rule.endpoint))
    _require(options.roles, options.recent_login)
    asking.proved.update(options.demands)


def _hint_of_unmarked_view(request: Request, endpoint: str) -> str:
    view = current_app.view_functions.get(endpoint)
    name = qualified_name(view, request.method)
    place = "directly below the line of its route"
    if view_class := getattr(view, "view_class", None):
        name = f"{view_class.__module__}.{view_class.__qualname__}"
        place = "above the method in this class, since one of a base does not count"
    return (
        f"{name} has no mark, so it needs a login: if everybody may call it, write @public "
        f"{place}, or {endpoint!r} into PUBLIC_ENDPOINTS."
    )


def _require(roles: tuple[str, ...], minutes: int | None) -> None:
    if logged_in_user() is None:
        raise _no_login()
    _require_roles(roles)
    # `require_login` refuses keys, so it runs only if an age is demanded.
    if minutes:
        require_login(minutes=minutes)


def _no_login() -> ErrorResponse:
    """The exception for a request without a login: 403 if a key sent it, 401 if not."""
    program = current_principal().program
    if program is None:
        return unauthenticated()
    audit.record(audit.AUTHZ_FAIL, reason="key", key=program.row.id)
    return program.refusal or no_program_here()


def _is_recent(login: Login, minutes: int) -> bool:
    if login.authenticated is None:
        return False
    # abs(): a clock that is set back must not make an old login recent.
    return abs(seconds_now() - login.authenticated) <= minutes * 60


def _require_roles(demanded: tuple[str, ...]) -> None:
    # A view that demands no role costs no query.
    missing = demanded and sorted({*demanded}.difference(current_principal().role_names))
    if missing:
        audit.record(audit.AUTHZ_FAIL, reason="missing role", roles=", ".join(missing))
        raise plain_error(403)


def _refused_access(page: str, message: str, **headers: str) -> ErrorResponse:
    """A 401; a browser goes to the page whose endpoint the policy names, if the app has it."""
    error = error_response(401, message, **headers)
    endpoint = current_app.config[page]
    if endpoint in current_app.view_functions:
        error.see_other = url_for(endpoint, next=next_pages.current_page())
    return error


def _find_login_page() -> str | None:
    """The address of the login page, which leads back; None for a logged-in user."""
    return None if logged_in_user() else unauthenticated().see_other


def _template_variables() -> dict[str, object]:
    """`current_user` for templates: the logged-in user or None."""
    handled = sys.exception()
    try:
        return {"current_user": logged_in_user()}
    except SQLAlchemyError as error:
        if handled is None:
            raise
        # The app's error page must not fail too while the database is unavailable.
        audit.record(audit.CRASH, exc_info=error)
        return {"current_user": None}


def _demand_of_mark(view: object, mark: str, require: Callable[[], None]) -> Demand:
    """The demand of a mark; the same object if the function has the mark already, in any app.

    `require` raises an exception if the caller of a request may not go on.
    """
    known = {each.mark: each for each in marked_options(view).demands}
    return known.get(mark) or Demand(mark, _name_of_view(view), partial(_check_once, require))


def _check_once(require: Callable[[], None], demand: Demand) -> None:
    """
    :raises ErrorResponse: 401 or 403, the caller of this request may not call the function.
    :raises RuntimeError: there is no request, or the app is not protected.
    """
    if is_proved(demand):
        return
    if not has_request_context():
        raise RuntimeError(
            f"{demand.function} is marked {demand.mark} and was called outside a request, where "
            "nobody is logged in. For a command or a job, move its code to a function without a "
            "mark, and call that. In a test, send a request by the client."
        )
    # This raises RuntimeError if the app is not protected.
    app_state(current_app)
    options = view_options()
    if demand not in options.demands and not current_app.config["PRODUCTION"]:
        _warn_of_hidden_mark(demand)
    # The view may be a public method of a class, which has this demand by `decorators`.
    if options.access != "public" or demand not in options.demands:
        require()
        current_principal().proved.add(demand)


def _warn_of_hidden_mark(demand: Demand) -> None:
    """Warn once of a mark that the view of this endpoint does not show."""
    endpoint = flask.request.endpoint
    named = app_state(current_app).setdefault(_NAMED, set())
    if (endpoint, demand) not in named:
        named.add((endpoint, demand))
        current_app.logger.warning(HIDDEN_MARK, endpoint, demand.function, demand.mark)


def _name_of_view(view: object) -> str:
    """The name of a function for messages, or of the class of another callable."""
    named = view if hasattr(view, "__qualname__") else type(view)
    return f"{named.__module__}.{named.__qualname__}"


def _require_no_endpoint(function: Any) -> None:
    """
    :raises TypeError: an app has the function as a view, or as a method of a class-based view.
    """
    endpoints = sorted(
        endpoint
        for app in list(_APPS)
        for endpoint, view in list(app.view_functions.items())
        # The comparison is by identity, since `==` may run code of the app.
        if any(each is function for each in _functions_of(view))
    )
    if endpoints:
        raise TypeError(
            f"{_name_of_view(function)} is the view of {', '.join(endpoints)} already. Write @public "
            "below the lines of its routes, which opens all of them, in all apps of this process. "
            "To open one endpoint, write the reason into policy.py instead, as in "
            'PUBLIC_ENDPOINTS["shop.static"] = "Style sheets, without data."'
        )


def _functions_of(view: Any) -> Iterator[object]:
    """The functions whose marks a view has."""
    yield getattr(view, "__func__", view)
    yield from getattr(getattr(view, "view_class", None), "__dict__", {}).values()
