"""Functions that make a demand each time that they are called, whatever stands above them.

A decorator without `functools.wraps` loses the options of a view. It cannot call the view without
the demand.
"""

from collections.abc import Callable
from functools import wraps
from inspect import iscoroutinefunction
from types import FunctionType
from typing import Any

# Returns if the caller of this request may go on, and raises if not.
Demand = Callable[[], None]


def close_view(view: Any, demand: Demand) -> Any:
    """A function that makes the demand, then calls the view; a coroutine function for such a view."""
    close = _close_coroutine_function if iscoroutinefunction(view) else _close_function
    return close(view, demand)


def view_below(function: Any) -> Any:
    """What a closed function calls; None for any other, and for a copy of its code."""
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


# No attribute says which functions are closed: `functools.wraps` would copy it to others.
_CLOSED = tuple(
    close(lambda: None, lambda: None).__code__
    for close in (_close_function, _close_coroutine_function)
)
