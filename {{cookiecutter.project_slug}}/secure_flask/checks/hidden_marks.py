"""Finds endpoints whose view hides a marked function, so that `flask access` shows no mark.

A decorator without `functools.wraps` hides a mark. The function still refuses others when it is
called, but a cache that answers in place of the function does not.
"""

from collections.abc import Iterator

from flask import Flask, Request, current_app
from secure_flask.auth.route_table import route_operations
from secure_flask.checks.registry import Finding, register_check
from secure_flask.state import Key, app_state
from secure_flask.web.closed_views import Objects, demands_within
from secure_flask.web.request_checks import add_request_check

_SEARCHED = Key[bool]("searched for hidden marks")


@register_check("access.hidden-mark", "warning")
def hidden_marks(app: Flask) -> Iterator[Finding]:
    for message in dict.fromkeys(_messages(app)):
        yield Finding(
            message,
            hint="Give the decorator between them functools.wraps, or put the mark on the view, "
            "directly below the route's line.",
        )


def init_app(app: Flask) -> None:
    if not app.config["PRODUCTION"]:
        add_request_check(app, _warn_at_first_request)


def _warn_at_first_request(request: Request) -> None:
    state = app_state(current_app)
    if _SEARCHED not in state:
        state[_SEARCHED] = True
        for finding in hidden_marks(current_app):
            current_app.logger.warning("%s %s", finding.message, finding.hint)


def _messages(app: Flask) -> Iterator[str]:
    without: Objects = {}
    for rule, method, options in route_operations(app):
        view = app.view_functions.get(rule.endpoint)
        for demand in demands_within(view, method, without):
            if demand not in options.demands:
                yield (
                    f"{rule.endpoint} hides {demand.function}, which is marked {demand.mark}. The "
                    "function refuses others when it is called, but a cache may answer in its "
                    "place."
                )
