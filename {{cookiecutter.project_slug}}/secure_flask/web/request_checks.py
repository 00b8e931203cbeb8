"""Runs the checks of each request before any function of the app, in the order of wiring.py.

They wrap `preprocess_request` of Flask, so they run before each `url_value_preprocessor` and
`before_request` function, wherever an app or an extension adds it. A check refuses a request by an
exception or a response.
"""

from collections.abc import Callable, Sequence
from functools import partial

import flask
from flask import Flask, Request
from flask.typing import ResponseReturnValue
from secure_flask.state import Key, app_state
from secure_flask.web.app_methods import replace_method

RequestCheck = Callable[[Request], ResponseReturnValue | None]

_CHECKS = Key[list[RequestCheck]]("request checks")


def add_request_check(app: Flask, check: RequestCheck) -> None:
    """Check each request, after the checks that registered before this one."""
    state = app_state(app)
    if _CHECKS not in state:
        checks = state[_CHECKS] = []
        # If a subclass of Flask overrides the method, that runs after the checks too.
        replace_method(app, "preprocess_request", partial(_preprocess, checks))
    state[_CHECKS].append(check)


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
