"""Keeps what an app has of its own: its kinds of requests, sessions and JSON.

`app.request_class` and the like can be set before `init_app`, by a subclass of Flask too.
"""

from typing import Any


def on_top_of(own: type, ours: type, default: type) -> Any:
    """The class of the core where the app has Flask's default, else one of both.

    In that one the methods of the core come first.
    """
    return ours if own is default else type(own.__name__, (ours, own), {})
