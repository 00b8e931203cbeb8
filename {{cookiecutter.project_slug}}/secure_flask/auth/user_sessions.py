"""Flask's session: a visitor keeps it through a login, and no user gets what another one left.

A cart or a flashed message goes on when its visitor logs in. Whenever the session is saved under a
login, the id of the user stands in it. A request of anybody else finds it empty, as at a computer
that several people use. So does the page of an error that comes before anybody has asked who sent
the request. This holds for any session interface, such as that of an extension.
Source: OWASP ASVS 14.3.1.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from flask import Flask, Request, Response, current_app, request, session
from flask.sessions import SessionInterface, SessionMixin
from secure_flask.auth.current_login import (
    is_login_known,
    logged_in_user,
)
from secure_flask.auth.own_login import FIND_USER, has_own_login
from secure_flask.auth.users import UserMixin
from secure_flask.state import Key, app_state, request_state
from secure_flask.web.cookies import drop_unread_cookies
from secure_flask.web.request_checks import add_request_check
from sqlalchemy.exc import SQLAlchemyError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# The name in the session under which the id of its user stands.
OWNER = "_secure_flask_user"

# The session as it was opened. Flask takes each look at `flask.session` for one of the view, and
# then no cache keeps the response for other visitors.
_OPENED = Key[SessionMixin]("session")
# Whether the session is that of the user who sent this request.
_CHECKED = Key[bool]("checked session")
# Set where this request finds a session empty that is kept as it was.
_HIDDEN = Key[bool]("hidden session")
# The user of a login that this request has begun.
_NEW_OWNER = Key[str]("new owner of the session")


class UserSessions(SessionInterface):
    """Around another session interface: it says in each session whose it is."""

    def __init__(self, inner: SessionInterface) -> None:
        self.inner = inner
        self.pickle_based = inner.pickle_based

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def open_session(self, app: Flask, request: Request) -> SessionMixin | None:
        # Nothing of a request runs earlier, so nobody reads cookies that do not count.
        drop_unread_cookies(request)
        opened = self.inner.open_session(app, request)
        if opened is not None:
            request_state(request.environ)[_OPENED] = opened
        return opened

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if _HIDDEN in request_state(request.environ):
            return
        # While the database is away, nobody knows whose it is, so it stays as it was.
        if not (session and session.modified) or _write_owner(session):
            self.inner.save_session(app, session, response)

    def is_null_session(self, obj: object) -> bool:
        return self.inner.is_null_session(obj)

    def make_null_session(self, app: Flask) -> Any:
        return self.inner.make_null_session(app)


class _Wrapping:
    """WSGI middleware that wraps the session interface, which an extension may set at any time."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._wsgi_app: WSGIApplication = app.wsgi_app

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        if not isinstance(self._app.session_interface, UserSessions):
            self._app.session_interface = UserSessions(self._app.session_interface)
        return self._wsgi_app(environ, start_response)


def keep_session_for(user: UserMixin) -> None:
    """Hand the session of a visitor over to the user whom this request logs in."""
    if session.get(OWNER) not in (None, str(user.id)):
        session.clear()
    request_state(request.environ)[_NEW_OWNER] = str(user.id)
    if session:
        # It is saved again, with its owner.
        session.modified = True


def init_app(app: Flask) -> None:
    app.wsgi_app = _Wrapping(app)  # type: ignore[method-assign]
    # A login of the app may stand in the session itself, which then is the app's.
    if FIND_USER in app_state(app):
        return
    add_request_check(app, _clear_session_of_another)
    # The session is emptied before any handler of an error runs.
    app.handle_user_exception = partial(  # type: ignore[method-assign]
        _handle_without_unchecked_session, app.handle_user_exception
    )


def _clear_session_of_another(request: Request) -> None:
    opened = _opened_session(request)
    # A static file that asks whose the session is would lose its cache.
    if not opened or _is_for_static_file(request):
        return
    if opened.get(OWNER) != _id_of(logged_in_user()):
        opened.clear()
    request_state(request.environ)[_CHECKED] = True


def _handle_without_unchecked_session(handle: Callable[..., Any], *arguments: Any) -> Any:
    """Handle an error; where nobody has asked whose the session is, its page finds it empty.

    It asks nobody either: a flood of refused requests, and a database that is away, cost no query.
    """
    state = request_state(request.environ)
    opened = _opened_session(request)
    if _CHECKED not in state and opened and OWNER in opened:
        opened.clear()
        state[_HIDDEN] = True
    return handle(*arguments)


def _opened_session(request: Request) -> SessionMixin:
    opened = request_state(request.environ).get(_OPENED)
    return session if opened is None else opened


def _is_for_static_file(request: Request) -> bool:
    """Whether a view of Flask or of the core serves this, and none that is only called `static`."""
    endpoint = request.endpoint or ""
    view = current_app.view_functions.get(endpoint)
    package = getattr(view, "__module__", "").partition(".")[0]
    is_static = endpoint.rpartition(".")[2] == "static" and "filename" in (request.view_args or {})
    return is_static and package in ("flask", "secure_flask")


def _write_owner(session: SessionMixin) -> bool:
    """Write whose the session is; False where that is unknown."""
    if has_own_login(current_app):
        return True
    try:
        owner = request_state(request.environ).get(_NEW_OWNER) or _id_of(logged_in_user())
    except SQLAlchemyError:
        return False
    if owner:
        session[OWNER] = owner
    return bool(owner) or is_login_known()


def _id_of(user: UserMixin | None) -> str | None:
    return str(user.id) if user else None
