"""Views that check a demand, such as a login, at each call, whatever decorators stand above them.

A decorator without `functools.wraps` loses the options of a view. The check still runs, since it is
in the function that the decorator calls.
"""

from collections.abc import Callable
from functools import wraps
from inspect import iscoroutinefunction
from types import FunctionType
from typing import Any

# A demand returns if the caller of this request may go on, and raises if not.
Demand = Callable[[], None]


def close_view(view: Any, demand: Demand) -> Any:
    """A function that checks the demand, then calls the view. It is async if the view is."""
    close = _close_coroutine_function if iscoroutinefunction(view) else _close_function
    return close(view, demand)


def view_below(function: Any) -> Any:
    """The view that a closed function calls. None for other functions, or without `__wrapped__`."""
    closed = type(function) is FunctionType and function.__code__ in _CLOSED
    return vars(function).get("__wrapped__") if closed else None


def _close_function(view: Any, demand: Demand) -> Any:
    @wraps(view)
    def closed(*args: Any, **kwargs: Any) -> Any:
        demand()
        return view(*args, **kwargs)

    return closed


def _close_coroutine_function(view: Any, demand: Demand) -> Any:
    @wraps(view)
    async def closed(*args: Any, **kwargs: Any) -> Any:
        demand()
        return await view(*args, **kwargs)

    return closed


# The code marks a closed function: `functools.wraps` would copy an attribute to other functions.
_CLOSED = tuple(
    close(lambda: None, lambda: None).__code__
    for close in (_close_function, _close_coroutine_function)
)
