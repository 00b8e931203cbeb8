"""Lets a late `@public` open only the one endpoint that its function has already.

The mark applies to a function, so it opens all its endpoints, also those of other apps in this
process. A function of an extension may have endpoints that nobody meant to open.
"""

from typing import Any
from weakref import ReferenceType, WeakKeyDictionary, WeakSet, ref

from flask import Flask
from secure_flask.auth.demands import name_of_view

_Endpoint = tuple[ReferenceType[Flask], str]

_APPS: WeakSet[Flask] = WeakSet()
# The endpoint that `@public` opened after the registration, such as by a mark above `@app.get`.
_OPENED: WeakKeyDictionary[Any, _Endpoint] = WeakKeyDictionary()


def init_app(app: Flask) -> None:
    _APPS.add(app)


def note_public_mark(view: Any) -> None:
    """
    :raises TypeError: several endpoints have the function.
    """
    if endpoints := _endpoints_of(view):
        _OPENED[_function_of(view)] = endpoints[0]
        require_no_other_endpoint(view)


def require_no_other_endpoint(view: Any) -> None:
    """
    :raises TypeError: the function has another endpoint than the one that a later mark opened.
    """
    function = _function_of(view)
    # The comparison is by identity, since a view may be an object without a hash.
    opened = [endpoint for each, endpoint in list(_OPENED.items()) if each is function]
    if not opened or _endpoints_of(view) == opened:
        return
    names = sorted(endpoint for _, endpoint in _endpoints_of(view))
    raise TypeError(
        f"@public on {name_of_view(view)} opens it in all apps of this process, and it had an endpoint "
        f"before the mark. It is the view of: {', '.join(names)}. To open one endpoint, remove the "
        'mark and write the reason into policy.py, as in PUBLIC_ENDPOINTS["shop.static"] = "Style '
        'sheets, without data." To open all, put the mark below the lines of the routes.'
    )


def _endpoints_of(view: Any) -> list[_Endpoint]:
    function = _function_of(view)
    return [
        (ref(app), endpoint)
        for app in list(_APPS)
        for endpoint, registered in list(app.view_functions.items())
        if _function_of(registered) is function
    ]


def _function_of(view: Any) -> Any:
    """The function that carries a mark, also for a bound method of it."""
    return getattr(view, "__func__", view)
