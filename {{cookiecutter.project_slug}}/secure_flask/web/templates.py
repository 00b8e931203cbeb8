"""Gives templates the functions and the tests of the core.

They are added when the app makes its Jinja environment. Flask's `add_template_global` would make an
environment at once, so `jinja_options` and TEMPLATES_AUTO_RELOAD would have no effect afterwards.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from flask import Flask
from jinja2 import Environment

Functions = Mapping[str, Callable[..., Any]]

_NONE: Functions = MappingProxyType({})


def add_to_templates(app: Flask, functions: Functions, tests: Functions = _NONE) -> None:
    """Let each template of the app use these functions and tests."""

    def complete(environment: Environment) -> None:
        environment.globals.update(functions)
        environment.tests.update(tests)

    class Completed(app.jinja_environment):  # type: ignore[name-defined]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            complete(self)

    app.jinja_environment = Completed
    # The environment exists already if a blueprint with a filter was registered before `init_app`.
    if "jinja_env" in vars(app):
        complete(app.jinja_env)
