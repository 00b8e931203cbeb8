"""The values that the core keeps for an app and for a request, under keys that have types.

An app has one dict of values in `app.extensions`, and a request has one, both under `secure_flask`.
So no value collides with an extension, or with what a view puts into `g`. The module that owns a
value defines its key; this module imports no other one of the core.

The middleware begins the state of a request in the WSGI environment, and the request object takes
it. A later request object of the same environment gets another state: Flask-SocketIO makes one for
each event of a connection, and the login may have ended since the handshake.
"""

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from flask import Flask, Request, has_app_context, has_request_context, request

Value = TypeVar("Value")

_NAME = "secure_flask"


@dataclass(frozen=True, eq=False)
class StateKey(Generic[Value]):
    """The key of a value of this type. `name` is only for people."""

    name: str


class State(dict[StateKey[Any], Any]):
    """The values that are kept for one app or for one request: a dict whose keys have types."""

    # Whether a request object has taken the state of its environment.
    is_taken = False

    if TYPE_CHECKING:

        def __getitem__(self, key: StateKey[Value]) -> Value: ...
        def __setitem__(self, key: StateKey[Value], value: Value) -> None: ...
        def setdefault(self, key: StateKey[Value], default: Value) -> Value: ...  # type: ignore[override]
        def get(self, key: StateKey[Value], default: Value | None = None) -> Value | None: ...


# This is set if an app context surrounds the request and lasts longer, as in a test.
IN_CONTEXT = StateKey[bool]("in context")


def begin_app_state(app: Flask) -> State:
    """Give an app its empty state."""
    state = app.extensions[_NAME] = State()
    return state


def app_state(app: Flask) -> State:
    """
    :raises RuntimeError: the app is not protected.
    """
    state: State | None = app.extensions.get(_NAME)
    if state is None:
        raise RuntimeError(
            f"{app.name} is not protected: call `secure_flask.init_app(app, settings)` where you "
            "create it, before you register your blueprints."
        )
    return state


def separate_environ(environ: dict[str, Any]) -> dict[str, Any]:
    """The environment for one app: a copy if another protected app has put its state there.

    The other app may have called this one, and go on later; or it answered before, as in a cascade.
    """
    return {**environ} if _NAME in environ else environ


def begin_request_state(environ: MutableMapping[str, Any]) -> State:
    """Give a request an empty state, also if another app has used this environment before."""
    state = environ[_NAME] = State()
    if has_app_context():
        state[IN_CONTEXT] = True
    return state


def request_state(environ: MutableMapping[str, Any]) -> State:
    """The state of the present request, which has this WSGI environment.

    Outside a request, it is the state that the middleware began.
    """
    if not (has_request_context() and request.environ is environ):
        state: State | None = environ.get(_NAME)
        return begin_request_state(environ) if state is None else state
    return state_of(request)


def state_of(request: Request) -> State:
    """The state of a request object. The proxy `flask.request` has the attributes of its object."""
    values: dict[str, Any] = vars(request)
    if _NAME not in values:
        values[_NAME] = _take_state(request.environ)
    taken: State = values[_NAME]
    return taken


def _take_state(environ: MutableMapping[str, Any]) -> State:
    state: State | None = environ.get(_NAME)
    # The context that a test or a command pushes has no state yet, since it passed no middleware.
    if state is None or state.is_taken:
        state = begin_request_state(environ)
    state.is_taken = True
    return state
