"""Replaces and calls methods of Flask's app for which Flask has no hook, in both of their forms.

Flask 3.2 hands the app context to these methods as the first argument, and Flask 3.1 does not. Its
compatibility covers a subclass of Flask, but no method that is replaced on an app. So a replacement
takes what Flask hands over and passes it on as it came.

- `preprocess_request` is replaced for the checks of a request. A `before_request` function runs
  after those that were added before it, and after each `url_value_preprocessor`. The signal
  `request_started` comes before both, but a check in its receiver fails open: any code may mute the
  signal, and `app.preprocess_request()` in a context of its own sends none.
- `handle_user_exception` is replaced for the session: no hook and no signal comes before the
  handler of an error.
- `log_exception` is replaced since Flask's line contains the path. A filter of the logger would
  recognise that line only by its words.
"""

from collections.abc import Callable
from functools import partial
from inspect import signature
from typing import Any

from flask import Flask, current_app
from flask.globals import app_ctx


def replace_method(app: Flask, name: str, replacement: Callable[..., Any]) -> None:
    """Call `replacement(method, *arguments)` in place of a method of the app.

    `arguments` are what Flask hands over: from Flask 3.2 on, the app context and then the others.

    :raises AttributeError: Flask has no such method any more.
    """
    setattr(app, name, partial(replacement, getattr(app, name)))


def call_method(name: str, argument: object) -> Any:
    """Call a method of the current app with one argument, in the form in which Flask calls it."""
    method = getattr(current_app, name)
    if "ctx" in signature(getattr(Flask, name)).parameters:
        return method(app_ctx._get_current_object(), argument)  # type: ignore[attr-defined]
    return method(argument)
