"""Refuses a late `@public`, on a function that is the view of an endpoint already.

The mark applies to a function, so it would open each of these endpoints, also those of other apps in
this process. A function of an extension may have endpoints that nobody meant to open.
"""

from collections.abc import Iterator
from typing import Any
from weakref import WeakSet

from flask import Flask
from secure_flask.auth.demands import name_of_view

_APPS: WeakSet[Flask] = WeakSet()


def init_app(app: Flask) -> None:
    _APPS.add(app)


def require_no_endpoint(function: Any) -> None:
    """
    :raises TypeError: an app has the function as a view, or as a method of a class-based view.
    """
    endpoints = sorted(
        endpoint
        for app in list(_APPS)
        for endpoint, view in list(app.view_functions.items())
        # The comparison is by identity, since `==` may run code of the app.
        if any(each is function for each in _functions_of(view))
    )
    if endpoints:
        raise TypeError(
            f"{name_of_view(function)} is the view of {', '.join(endpoints)} already. Write @public "
            "below the lines of its routes, which opens all of them, in all apps of this process. "
            "To open one endpoint, write the reason into policy.py instead, as in "
            'PUBLIC_ENDPOINTS["shop.static"] = "Style sheets, without data."'
        )


def _functions_of(view: Any) -> Iterator[object]:
    """The functions whose marks a view has."""
    yield getattr(view, "__func__", view)
    yield from vars(getattr(view, "view_class", object)).values()
