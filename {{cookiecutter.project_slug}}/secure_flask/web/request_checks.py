"""Runs the checks of each request before its view, in the order in which they registered.

All of them are one `before_request` function: Flask finds out of each such function whether it is
a coroutine, which takes longer than most of these checks. A check refuses a request by an
exception or a response.
"""

from collections.abc import Callable, Sequence
from functools import partial

import flask
from flask import Flask, Request
from flask.typing import ResponseReturnValue
from secure_flask.state import Key, app_state

Check = Callable[[Request], ResponseReturnValue | None]

_CHECKS = Key[list[Check]]("request checks")


def register(app: Flask, check: Check) -> None:
    """Check each request, after the checks that registered before this one."""
    state = app_state(app)
    if _CHECKS not in state:
        checks = state[_CHECKS] = []
        app.before_request(partial(_run_checks, checks))
    state[_CHECKS].append(check)


def _run_checks(checks: Sequence[Check]) -> ResponseReturnValue | None:
    # The object behind `flask.request`, which looks itself up at each use.
    request: Request = flask.request._get_current_object()  # type: ignore[attr-defined]
    for check in checks:
        response = check(request)
        if response is not None:
            return response
    return None
