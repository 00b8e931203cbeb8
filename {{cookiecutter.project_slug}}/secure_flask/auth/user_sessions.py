"""Binds Flask's session to a user, so that no user sees what another one left in the browser.

A visitor keeps the session through a login, with a cart or a flashed message. When the session of a
logged-in user is saved, the user's id is stored in it. A request of another user finds the session
empty, for example on a shared computer. An error page also finds it empty if the error comes before
the user was looked up. So does a view without the check for cross-site requests, since nobody is
looked up there: what it writes then is not stored, and the user's next page has the session as it
was. This works with any session interface, such as an extension's.
Source: OWASP ASVS 14.3.1.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask, Request, Response, current_app, request, session
from flask.sessions import SessionInterface, SessionMixin
from secure_flask.auth.principal import brought_principal, logged_in_user
from secure_flask.auth.users import UserMixin
from secure_flask.state import StateKey, app_state, state_of
from secure_flask.web.cookies import drop_unread_cookies
from secure_flask.web.flask_hooks import add_request_check, replace_method
from secure_flask.web.view_options import view_options
from sqlalchemy.exc import SQLAlchemyError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# The session's key for the id of its user.
OWNER = "_secure_flask_user"

# This is set in the state of an app whose sessions are bound to users.
_BINDS = StateKey[bool]("binds sessions")
# The session as it was opened. Reading `flask.session` instead would count as an access by the
# view, and then no cache keeps the response for other visitors.
_OPENED = StateKey[SessionMixin]("session")
# This is set when the session was compared with the user who sent this request.
_CHECKED = StateKey[bool]("checked session")
# This is set when the request sees an empty session, which must not replace the stored one.
_HIDDEN = StateKey[bool]("hidden session")
# The id of the user whom this request logs in.
_NEW_OWNER = StateKey[str]("new owner of the session")


class UserSessions(SessionInterface):
    """Wraps another session interface, and stores the user's id in each session."""

    def __init__(self, inner: SessionInterface) -> None:
        self.inner = inner
        self.pickle_based = inner.pickle_based

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def open_session(self, app: Flask, request: Request) -> SessionMixin | None:
        # This runs first in a request, so no code reads cookies that do not count.
        drop_unread_cookies(request)
        opened = self.inner.open_session(app, request)
        if opened is not None:
            state_of(request)[_OPENED] = opened
        return opened

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if _HIDDEN in state_of(request):
            return
        # While the database is unavailable, the user is unknown, so the session is not saved.
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
    """Give a visitor's session to the user whom this request logs in; clear another user's."""
    if session.get(OWNER) not in (None, str(user.id)):
        session.clear()
    state_of(request)[_NEW_OWNER] = str(user.id)
    if session:
        # Flask saves a modified session, and so stores its owner.
        session.modified = True


def init_app(app: Flask) -> None:
    app.wsgi_app = _Wrapping(app)  # type: ignore[method-assign]


def bind_sessions(app: Flask) -> None:
    """Bind sessions to users."""
    app_state(app)[_BINDS] = True
    add_request_check(app, _clear_session_of_another)
    # The session is emptied before any handler of an error runs.
    replace_method(app, "handle_user_exception", _handle_without_unchecked_session)


def _clear_session_of_another(request: Request) -> None:
    opened = _opened_session(request)
    # A static file for which the user is looked up could not be cached.
    if not opened or _is_for_static_file(request):
        return
    # Any site may send a request with the user's cookies to a view without the CSRF check.
    if view_options(request).csrf_exempt:
        _hide_session_of_user(opened)
        return
    if opened.get(OWNER) != _id_of(logged_in_user()):
        opened.clear()
    state_of(request)[_CHECKED] = True


def _handle_without_unchecked_session(handle: Callable[..., Any], *arguments: Any) -> Any:
    """Handle an error; its page sees an empty session if the owner was not checked before.

    The owner is not looked up here: refused requests cost no query, and the database may be away.
    """
    if _CHECKED not in state_of(request):
        _hide_session_of_user(_opened_session(request))
    return handle(*arguments)


def _hide_session_of_user(opened: SessionMixin) -> None:
    """Let the request find a user's session empty, and keep what is stored."""
    if opened and OWNER in opened:
        opened.clear()
        state_of(request)[_HIDDEN] = True


def _opened_session(request: Request) -> SessionMixin:
    opened = state_of(request).get(_OPENED)
    return session if opened is None else opened


def _is_for_static_file(request: Request) -> bool:
    """Whether Flask or the core serves a static file, not a view of the app named `static`."""
    endpoint = request.endpoint or ""
    view = current_app.view_functions.get(endpoint)
    package = getattr(view, "__module__", "").partition(".")[0]
    is_static = endpoint.rpartition(".")[2] == "static" and "filename" in (request.view_args or {})
    return is_static and package in ("flask", "secure_flask")


def _write_owner(session: SessionMixin) -> bool:
    """Store the owner's id in the session; False if the owner is unknown."""
    if _BINDS not in app_state(current_app):
        return True
    try:
        # After a login by a token, the session stays that of the cookies that the request brought.
        brought = brought_principal()
        owner = state_of(request).get(_NEW_OWNER) or _id_of(brought.user)
    except SQLAlchemyError:
        return False
    if owner:
        session[OWNER] = owner
    return bool(owner) or brought.is_known


def _id_of(user: UserMixin | None) -> str | None:
    return str(user.id) if user else None
