"""Keeps an app's request and JSON classes, and adds the checks of the core to them.

An app, or a subclass of Flask, may set `app.request_class` before `init_app`.
"""

from typing import Any


def on_top_of(own: type, ours: type, default: type) -> Any:
    """The core's class if the app has Flask's default, else a subclass of the core's and the app's.

    In this subclass, methods of the core come first.
    """
    return ours if own is default else type(own.__name__, (ours, own), {})
