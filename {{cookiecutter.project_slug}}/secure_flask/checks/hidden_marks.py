"""Finds endpoints whose view hides a marked function, so that `flask access` shows no mark.

A decorator without `functools.wraps` hides a mark. The function still refuses others when it is
called, but a cache that answers in place of the function does not.
"""

import gc
from collections.abc import Iterator
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any

from flask import Blueprint, Flask, Request, current_app
from flask.views import View
from secure_flask.auth.demands import Demand
from secure_flask.auth.route_table import route_operations
from secure_flask.checks.registry import Finding, register_check
from secure_flask.state import Key, app_state
from secure_flask.web.request_checks import add_request_check

# The search does not enter these, since they lead to every other view.
_NEVER_ENTERED = (Flask, Blueprint, ModuleType, CodeType, FrameType)
_SEARCHED = Key[bool]("searched for hidden marks")

# The searched objects by id. They are kept, so that no other object gets the same id.
_Objects = dict[int, object]


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
    without: _Objects = {}
    for rule, method, options in route_operations(app):
        view = app.view_functions.get(rule.endpoint)
        for demand in _demands_within(view, method, without):
            if demand not in options.demands:
                yield (
                    f"{rule.endpoint} hides {demand.function}, which is marked {demand.mark}. The "
                    "function refuses others when it is called, but a cache may answer in its "
                    "place."
                )


def _demands_within(view: Any, method: str, without: _Objects) -> list[Demand]:
    """The demands of all marked functions that a view leads to; runs no code of the app.

    `without` collects the objects that lead to no demand.
    """
    view_class: type[View] | None = getattr(view, "view_class", None)
    waiting = [view, *_methods_of(view_class, method)]
    # The class of the view is not searched: only the methods above answer this request.
    seen = {**without, id(view_class): view_class}
    found = []
    while waiting:
        each = waiting.pop()
        if id(each) not in seen:
            seen[id(each)] = each
            waiting += _parts_of(each)
            found += [each] if type(each) is Demand else []
    if not found:
        without.update(seen)
    return found


def _methods_of(view_class: type[View] | None, method: str) -> list[Any]:
    names = ("dispatch_request", method.lower())
    return [getattr(view_class, name, None) for name in names] if view_class else []


def _parts_of(each: Any) -> list[Any]:
    """The objects that an object refers to, without the code and the globals of a function."""
    # The check asks type(), since isinstance() may run code of an object such as a proxy.
    if issubclass(type(each), _NEVER_ENTERED):
        return []
    if issubclass(type(each), type):
        return [vars(base) for base in each.__mro__] if issubclass(each, View) else []
    if type(each) is FunctionType:
        cells = each.__closure__ or ()
        return [*cells, vars(each), each.__defaults__, each.__kwdefaults__, *_overridden_by(each)]
    return gc.get_referents(each)


def _overridden_by(method: FunctionType) -> list[Any]:
    """The methods that a method may call by `super()`, which has its class in a cell."""
    cells = zip(method.__code__.co_freevars, method.__closure__ or (), strict=True)
    owners = [cell.cell_contents for name, cell in cells if name == "__class__"]
    return [vars(base).get(method.__name__) for owner in owners for base in owner.__mro__[1:]]
