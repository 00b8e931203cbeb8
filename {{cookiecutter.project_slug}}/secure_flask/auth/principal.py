"""Who sends this request: a user, by a login or by a program, or nobody.

The principal is found once, at its first use. A login that begins in this request changes it. A
static file or public page that does not use it costs no query, and caches may keep it. The result is
kept in the state of the request, not in `g`: an app may set `g.user` without effect here.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import flask
from flask import Flask, Request, Response, current_app, has_request_context, request
from limits import RateLimitItem
from secure_flask.auth.logins import (
    Credential,
    Login,
    is_last_used_outdated,
    login_begins,
    login_stored,
    store_last_used,
)
from secure_flask.auth.users import limit_roles_of_user, user_class
from secure_flask.database import db
from secure_flask.state import StateKey, app_state, state_of
from secure_flask.web.errors import LOGIN_LOOKED_UP, ErrorResponse, error_response
from secure_flask.web.headers import never_store
from secure_flask.web.logs import KEY_ID, USER_ID
from secure_flask.web.view_options import view_options
from sqlalchemy import select


@dataclass(frozen=True)
class Program:
    """A program that acts for the user of a row, such as a key."""

    row: Credential
    # The roles of its user that it has too.
    roles: frozenset[str]
    # The limit of its requests.
    limit: RateLimitItem
    # Why the view does not accept it; None if the view does.
    refusal: ErrorResponse | None


@dataclass(frozen=True)
class Principal:
    """Who sends a request. `user` is None for nobody, and for a program that the view refuses.

    The user is kept apart from the row of the login: a view may delete or replace the row.
    """

    user: Any = None
    login: Login | None = None
    program: Program | None = None
    # Whether the lookup succeeded, with a user or with none; False if it failed before.
    is_known: bool = True
    # The demands of marks that this principal has met in this request.
    proved: set[object] = field(default_factory=set)

    @property
    def row(self) -> Credential | None:
        """The row of the login or of the program."""
        return self.program.row if self.program else self.login

    @property
    def role_names(self) -> list[str]:
        """The names of the roles in force. A text counts as none: `in` would find a role within it.

        The roles of a program are limited here too, since an app may replace `role_names`.
        """
        names = getattr(self.user, "role_names", ())
        if isinstance(names, str) or not isinstance(names, Iterable):
            return []
        return [name for name in names if self.program is None or name in self.program.roles]


FindPrincipal = Callable[[Request], Principal | None]

_FINDERS = StateKey[list[FindPrincipal]]("finders of the principal")
_PRINCIPAL = StateKey[Principal]("principal")
# The principal that the request brought, if it has logged in since.
_BROUGHT = StateKey[Principal]("brought principal")
# The table and the id of a row whose use is stored after the request.
_USED = StateKey[tuple[type[Credential], str]]("used credential")


def add_principal_finder(app: Flask, find: FindPrincipal) -> None:
    """Let a function find the principal of a request. The first that does not return None decides."""
    app_state(app).setdefault(_FINDERS, []).append(find)


def current_principal() -> Principal:
    """Who sends this request; nobody in a command."""
    if not has_request_context():
        return Principal()
    state = state_of(request)
    if _PRINCIPAL not in state:
        # The mark is set before the lookup: an error page must not repeat a lookup that failed.
        state[LOGIN_LOOKED_UP] = True
        state[_PRINCIPAL] = Principal(is_known=False)
        state[_PRINCIPAL] = _look_up(_present_request())
    return state[_PRINCIPAL]


def current_login() -> Login | None:
    """The live login of this request, or None, such as in a command."""
    return current_principal().login


def logged_in_user() -> Any:
    """The user of the login or of an accepted key."""
    return current_principal().user


def brought_principal() -> Principal:
    """Who sent this request by its own credentials, also if it has logged in somebody since."""
    return state_of(request).get(_BROUGHT) or current_principal()


def forget_current_login() -> None:
    """Treat the rest of this request as not logged in."""
    state_of(request)[_PRINCIPAL] = Principal()


def no_program_here() -> ErrorResponse:
    """The exception for a view that accepts no program."""
    return error_response(403, "Keys are not allowed here")


def is_proved(demand: object) -> bool:
    """Whether the principal of this request has met a demand; sends no query."""
    if not has_request_context():
        return False
    found = state_of(_present_request()).get(_PRINCIPAL)
    return found is not None and demand in found.proved


def is_user_gone() -> bool:
    """Whether the user whose login was found in this request is deleted by now."""
    found = state_of(request).get(_PRINCIPAL)
    if found is None or found.row is None:
        return False
    user_id = state_of(request)[USER_ID]
    return db.session.scalar(select(user_class().id).where(user_class().id == user_id)) is None


def may_be_cached(response: Response) -> bool:
    """Whether caches may keep a response, and its view is the app's, not Flask's or the core's."""
    view = current_app.view_functions.get(flask.request.endpoint or "")
    is_of_app = getattr(view, "__module__", "").partition(".")[0] not in ("flask", "secure_flask")
    control = response.cache_control
    is_kept = "Cache-Control" in response.headers and not (control.no_store or control.private)
    return is_of_app and is_kept


def init_app(app: Flask) -> None:
    app_state(app).setdefault(_FINDERS, [])
    app.after_request(_keep_streams_out_of_caches)
    app.teardown_request(_store_use)


def _look_up(request: Request) -> Principal:
    # Any site may send a request with the user's cookies to a view without the CSRF check.
    if view_options(request).csrf_exempt:
        return Principal()
    found = (find(request) for find in app_state(current_app)[_FINDERS])
    principal = next(filter(None, found), Principal())
    _note(principal)
    _note_use(principal)
    return principal


def _note(principal: Principal) -> None:
    """Keep ids for the log, which must not query the database, and limit the roles by a program."""
    state = state_of(request)
    row = principal.row
    if principal.user is not None or row:
        state[USER_ID] = row.user_id if row else principal.user.id
    if principal.program:
        state[KEY_ID] = principal.program.row.id
    if principal.program and principal.user:
        limit_roles_of_user(principal.user, principal.program.roles)


def _note_use(principal: Principal) -> None:
    """Keep which row was used, for `_store_use`, unless its stored time is recent."""
    row = principal.row
    if row and principal.user and is_last_used_outdated(row):
        state_of(request)[_USED] = (type(row), row.id)


@login_begins.connect
def _find_brought(user: object) -> None:
    """Find out who sends this request, while the row of its login is still there."""
    if has_request_context():
        state_of(request).setdefault(_BROUGHT, current_principal())


@login_stored.connect
def _become(user: Any, *, login: Login) -> None:
    """Let the user of a new login be who sends the rest of this request."""
    if not has_request_context():
        return
    never_store()
    # Nobody is logged in there, since any site may send the request.
    if view_options().csrf_exempt:
        return
    program = current_principal().program
    # A key still limits what the request may do.
    present = Principal(user, program=program) if program else Principal(user, login)
    state_of(request)[_PRINCIPAL] = present
    _note(present)


def _keep_streams_out_of_caches(response: Response) -> Response:
    """Look up the user if a stream may name the user when its headers are sent already.

    A file passes through as it is, and names nobody.
    """
    if response.is_streamed and not response.direct_passthrough and may_be_cached(response):
        current_principal()
    return response


def _present_request() -> Request:
    # Unwrap the proxy `flask.request`, which finds its object at each use.
    present: Request = flask.request._get_current_object()  # type: ignore[attr-defined]
    return present


def _store_use(error: BaseException | None) -> None:
    # Store it after the request: during it, the transaction of the session belongs to the view.
    if used := state_of(request).get(_USED):
        store_last_used(*used)
