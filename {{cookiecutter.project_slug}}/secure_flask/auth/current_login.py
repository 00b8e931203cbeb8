"""The login or key of this request, which is looked up once, at its first use.

A static file or public page that does not use it costs no query, and caches may keep it. The result
is kept in the state of the request, not in `g`: an app may set `g.user` without effect here.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import flask
from flask import (
    Flask,
    Request,
    Response,
    current_app,
    has_request_context,
    request,
)
from secure_flask.auth.key_requests import find_refusal_of_key
from secure_flask.auth.key_table import ApiKey
from secure_flask.auth.login_table import Login
from secure_flask.auth.logins import is_last_used_outdated, store_last_used
from secure_flask.auth.own_login import FIND_USER, find_own_user, may_be_cached
from secure_flask.auth.users import UserMixin, limit_roles_of_user, user_class
from secure_flask.database import db
from secure_flask.database.database import IS_USER_GONE
from secure_flask.state import Key, State, app_state, request_state
from secure_flask.web.errors import LOGIN_LOOKED_UP, ErrorResponse
from secure_flask.web.logs import KEY_ID, USER_ID
from sqlalchemy import select

# This function finds a login or key by a request's cookie or token; tokens/__init__.py sets it.
FIND_LOGIN = Key[Callable[[Request], Login | ApiKey | None]]("find login")


@dataclass(frozen=True)
class _Found:
    """A login or a key, with its user kept separately: a view may delete or replace the row.

    If `refusal` is set, the view does not accept the key, and `user` is None.
    """

    login: Login | None = None
    key: ApiKey | None = None
    refusal: ErrorResponse | None = None
    user: UserMixin | None = None
    is_known: bool = True
    # The demands that this login has met in this request.
    proved: set[object] = field(default_factory=set)


_FOUND = Key[_Found]("current login")
# The table and the id of a login or key whose use is stored after the request.
_USED = Key[tuple[type[Login | ApiKey], str]]("used login")


def current_login() -> Login | None:
    """The live login of this request, or None, such as in a command."""
    return _found().login


def logged_in_user() -> UserMixin | None:
    """The user of the login or of an accepted key; with `find_user`, the user that it returned."""
    return _found().user


def current_key() -> ApiKey | None:
    """The live key that sent this request, even if the view does not accept it."""
    return _found().key


def refusal_of_key() -> ErrorResponse | None:
    """The exception that refuses the key of this request; None if the view accepts it."""
    return _found().refusal


def is_login_known() -> bool:
    """Whether the lookup succeeded, with a login or with none; False if it failed before."""
    return _found().is_known


def forget_current_login() -> None:
    """Treat the rest of this request as not logged in."""
    request_state(request.environ)[_FOUND] = _Found()


def is_proved_of_login(demand: object) -> bool:
    """Whether the present login of the request has met a demand; sends no query."""
    if not has_request_context():
        return False
    found = request_state(_present_request().environ).get(_FOUND)
    return found is not None and demand in found.proved


def keep_proved_of_login(demands: Iterable[object]) -> None:
    """Remember the demands that the login has met, until the login changes."""
    _found().proved.update(demands)


def is_user_gone() -> bool:
    """Whether the user whose login was found in this request is deleted by now."""
    user_id = request_state(request.environ).get(USER_ID)
    if user_id is None or FIND_USER in app_state(current_app):
        return False
    return db.session.scalar(select(user_class().id).where(user_class().id == user_id)) is None


def init_app(app: Flask) -> None:
    app_state(app)[IS_USER_GONE] = is_user_gone
    own = FIND_USER in app_state(app)
    app.after_request(_keep_out_of_caches if own else _keep_streams_out_of_caches)
    app.teardown_request(_store_use)


def _found() -> _Found:
    if not has_request_context():
        return _Found()
    state = request_state(request.environ)
    if _FOUND not in state:
        # The mark is set before the lookup: an error page must not repeat a lookup that failed.
        state[LOGIN_LOOKED_UP] = True
        state[_FOUND] = _Found(is_known=False)
        state[_FOUND] = _look_up(state)
    return state[_FOUND]


def _look_up(state: State) -> _Found:
    if FIND_USER in app_state(current_app):
        return _look_up_own(state)
    row = app_state(current_app)[FIND_LOGIN](_present_request())
    if row is None:
        return _Found()
    # Keep the id for the log, which must not query the database.
    state[USER_ID] = row.user_id
    found = _found_by_key(state, row) if isinstance(row, ApiKey) else _Found(row, user=row.user)
    if found.user and is_last_used_outdated(row):
        state[_USED] = (type(row), row.id)
    return found


def _found_by_key(state: State, key: ApiKey) -> _Found:
    state[KEY_ID] = key.id
    if refusal := find_refusal_of_key(_present_request()):
        return _Found(key=key, refusal=refusal)
    limit_roles_of_user(key.user, key.roles)
    return _Found(key=key, user=key.user)


def _look_up_own(state: State) -> _Found:
    user = find_own_user(_present_request())
    if user is not None:
        state[USER_ID] = user.id
    return _Found(user=user)


def _keep_out_of_caches(response: Response) -> Response:
    """Look up the user if caches may keep a response: for a user, headers.py sets `no-store`."""
    state = request_state(request.environ)
    if _FOUND not in state and may_be_cached(response):
        _found()
    if _FOUND in state:
        response.vary.update(("Cookie", "Authorization"))
    return response


def _keep_streams_out_of_caches(response: Response) -> Response:
    """Look up the user if a stream may name the user when its headers are sent already.

    A file passes through as it is, and names nobody.
    """
    if response.is_streamed and not response.direct_passthrough and may_be_cached(response):
        _found()
    return response


def _present_request() -> Request:
    # Unwrap the proxy `flask.request`, which finds its object at each use.
    present: Request = flask.request._get_current_object()  # type: ignore[attr-defined]
    return present


def _store_use(error: BaseException | None) -> None:
    # Store it after the request: during it, the transaction of the session belongs to the view.
    if used := request_state(request.environ).get(_USED):
        store_last_used(*used)
