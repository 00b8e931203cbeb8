"""Hooks the core into Flask's app where Flask has no hook: checks, methods, classes, templates.

Flask 3.2 hands the app context to some methods as the first argument, and Flask 3.1 does not. Its
compatibility covers a subclass of Flask, but no method that is replaced on an app. So a replacement
takes what Flask hands over and passes it on as it came.

- `preprocess_request` is replaced for the checks of a request, in the order of wiring.py. They run
  before each `url_value_preprocessor` and `before_request` function, wherever an app or an extension
  adds it: a `before_request` function runs after both. The signal `request_started` comes before
  both, but a check in its receiver fails open: any code may mute the signal, and
  `app.preprocess_request()` in a context of its own sends none.
- `handle_user_exception` is replaced for the session: no hook and no signal comes before the
  handler of an error.
- `log_exception` is replaced since Flask's line contains the path. A filter of the logger would
  recognise that line only by its words.
- The request and the JSON class of an app stay, with the checks of the core on top.
- Templates get their functions when the app makes its Jinja environment. Flask's
  `add_template_global` would make an environment at once, so `jinja_options` and
  TEMPLATES_AUTO_RELOAD would have no effect afterwards.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from inspect import signature
from types import MappingProxyType
from typing import Any

import flask
from flask import Flask, Request, current_app
from flask.globals import app_ctx
from flask.typing import ResponseReturnValue
from jinja2 import Environment
from secure_flask.state import StateKey, app_state

RequestCheck = Callable[[Request], ResponseReturnValue | None]
Functions = Mapping[str, Callable[..., Any]]

_CHECKS = StateKey[list[RequestCheck]]("request checks")
_NONE: Functions = MappingProxyType({})


def add_request_check(app: Flask, check: RequestCheck) -> None:
    """Check each request, after the checks that registered before this one.

    A check refuses a request by an exception or a response.
    """
    state = app_state(app)
    if _CHECKS not in state:
        checks = state[_CHECKS] = []
        # If a subclass of Flask overrides the method, that runs after the checks too.
        replace_method(app, "preprocess_request", partial(_preprocess, checks))
    state[_CHECKS].append(check)


def replace_method(app: Flask, name: str, replacement: Callable[..., Any]) -> None:
    """Call `replacement(method, *arguments)` in place of a method of the app.

    `arguments` are what Flask hands over: from Flask 3.2 on, the app context and then the others.

    :raises AttributeError: Flask has no such method any more.
    """
    setattr(app, name, partial(replacement, getattr(app, name)))


def call_method(name: str, argument: object) -> Any:
    """Call a method of the current app with one argument, in the form in which Flask calls it."""
    method = getattr(current_app, name)
    if "ctx" in signature(getattr(Flask, name)).parameters:
        return method(app_ctx._get_current_object(), argument)  # type: ignore[attr-defined]
    return method(argument)


def on_top_of(own: type, ours: type, default: type) -> Any:
    """The core's class if the app has Flask's default, else a subclass of the core's and the app's.

    In this subclass, methods of the core come first. An app, or a subclass of Flask, may set
    `app.request_class` before `init_app`.
    """
    return ours if own is default else type(own.__name__, (ours, own), {})


def add_to_templates(app: Flask, functions: Functions, tests: Functions = _NONE) -> None:
    """Let each template of the app use these functions and tests."""

    def complete(environment: Environment) -> None:
        environment.globals.update(functions)
        environment.tests.update(tests)

    class Completed(app.jinja_environment):  # type: ignore[name-defined]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            complete(self)

    app.jinja_environment = Completed
    # The environment exists already if a blueprint with a filter was registered before `init_app`.
    if "jinja_env" in vars(app):
        complete(app.jinja_env)


def _preprocess(
    checks: Sequence[RequestCheck],
    preprocess: Callable[..., ResponseReturnValue | None],
    *context: object,
) -> ResponseReturnValue | None:
    # Checks get the object behind `flask.request`: the proxy would look it up at each use.
    request: Request = flask.request._get_current_object()  # type: ignore[attr-defined]
    for check in checks:
        response = check(request)
        if response is not None:
            return response
    return preprocess(*context)
