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

RequestCheck = Callable[[Request], ResponseReturnValue | None]


def add_request_check(app: Flask, check: RequestCheck) -> None:
    """Check each request, after the checks that registered before this one."""
    if "request_checks" not in app.extensions:
        checks = app.extensions["request_checks"] = list[RequestCheck]()
        app.before_request(partial(_run_checks, checks))
    app.extensions["request_checks"].append(check)


def _run_checks(checks: Sequence[RequestCheck]) -> ResponseReturnValue | None:
    # The object behind `flask.request`, which looks itself up at each use.
    request: Request = flask.request._get_current_object()  # type: ignore[attr-defined]
    for check in checks:
        response = check(request)
        if response is not None:
            return response
    return None
