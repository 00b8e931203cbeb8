"""Views that check a demand, such as a login, at each call, whatever decorators stand above them.

A decorator without `functools.wraps` loses the options of a view. The check still runs, since it is
in the function that the decorator calls. What answers in place of that function, such as a cache or
a form handler, finds its demands by `demands_within`.
"""

import gc
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from inspect import iscoroutinefunction
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any

from flask import Blueprint, Flask
from flask.views import View

# The search for demands does not enter these, since they lead to every other view.
_NEVER_ENTERED = (Flask, Blueprint, ModuleType, CodeType, FrameType)

# The searched objects by id. They are kept, so that no other object gets the same id.
Objects = dict[int, object]


@dataclass(frozen=True, eq=False)
class Demand:
    """One closing mark on one function, compared by identity."""

    mark: str
    function: str
    # This function raises an exception if the caller of this request may not go on.
    check: Callable[["Demand"], None]

    def __call__(self) -> None:
        self.check(self)


def close_view(view: Any, demand: Callable[[], None]) -> Any:
    """A function that checks the demand, then calls the view. It is async if the view is."""
    close = _close_coroutine_function if iscoroutinefunction(view) else _close_function
    return close(view, demand)


def closed_chain(view: Any) -> list[Any]:
    """A view and, where it is a closed function, what it calls, down to the owner's function."""
    chain = [view]
    while (below := view_below(chain[-1])) is not None:
        chain.append(below)
    return chain


def view_below(function: Any) -> Any:
    """The view that a closed function calls. None for other functions, or without `__wrapped__`."""
    closed = type(function) is FunctionType and function.__code__ in _CLOSED
    return vars(function).get("__wrapped__") if closed else None


def demands_within(view: Any, method: str, without: Objects | None = None) -> list[Demand]:
    """The demands of all marked functions that a view leads to; runs no code of the app.

    `without` collects the objects that lead to no demand, for the next search.
    """
    view_class: type[View] | None = getattr(view, "view_class", None)
    waiting = [view, *_methods_of(view_class, method)]
    # The class of the view is not searched: only the methods above answer this request.
    seen = {**(without or {}), id(view_class): view_class}
    found = []
    while waiting:
        each = waiting.pop()
        if id(each) not in seen:
            seen[id(each)] = each
            waiting += _parts_of(each)
            found += [each] if type(each) is Demand else []
    if without is not None and not found:
        without.update(seen)
    return found


def _close_function(view: Any, demand: Callable[[], None]) -> Any:
    @wraps(view)
    def closed(*args: Any, **kwargs: Any) -> Any:
        demand()
        return view(*args, **kwargs)

    return closed


def _close_coroutine_function(view: Any, demand: Callable[[], None]) -> Any:
    @wraps(view)
    async def closed(*args: Any, **kwargs: Any) -> Any:
        demand()
        return await view(*args, **kwargs)

    return closed


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
        return [*_closed_over(each), vars(each), each.__defaults__, each.__kwdefaults__]
    return gc.get_referents(each)


def _closed_over(function: FunctionType) -> list[Any]:
    """The variables of a function, and of a method with `super()` the methods that it overrides."""
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    # The class would lead to its other methods.
    owner = cells.pop("__class__", None)
    bases = owner.cell_contents.__mro__[1:] if owner else ()
    return [*cells.values(), *(vars(base).get(function.__name__) for base in bases)]


# The code marks a closed function: `functools.wraps` would copy an attribute to other functions.
_CLOSED = tuple(
    close(lambda: None, lambda: None).__code__
    for close in (_close_function, _close_coroutine_function)
)
