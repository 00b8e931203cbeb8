"""Says whether a process is a server; commands load fewer packages and do not limit their queries.

In production, `app.run` refuses to start Werkzeug's debugger, which runs code for anybody who
guesses its PIN. The check of the setting FLASK_DEBUG refuses `flask run --debug`.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import click
from flask import Flask
from flask.cli import run_command
from flask.helpers import get_debug_flag
from secure_flask.web.origins import PolicyError
from werkzeug.serving import is_running_from_reloader


def init_app(app: Flask) -> None:
    if app.config["PRODUCTION"]:
        app.run = partial(_run_without_debugger, app, app.run)  # type: ignore[method-assign]


def serves_requests() -> bool:
    """Whether this process serves requests; `flask user …` and other commands do not.

    The first process of `flask run --reload` does not either: it starts another one, which does.
    """
    context = click.get_current_context(silent=True)
    if context is None:
        return True
    if context.command is not run_command:
        return False
    reload = context.params["reload"]
    reloads = get_debug_flag() if reload is None else reload
    return is_running_from_reloader() or not reloads


def _run_without_debugger(
    app: Flask,
    run: Callable[..., None],
    host: str | None = None,
    port: int | None = None,
    debug: bool | None = None,
    **options: Any,
) -> None:
    """
    :raises PolicyError: the server would start the debugger.
    """
    debugs = app.debug if debug is None else debug
    if options.get("use_debugger", debugs):
        raise PolicyError(
            "app.run: the debugger runs code for anybody. Remove debug=True; development sets "
            "APP_ENV=development in .env."
        )
    run(host, port, debug, **options)
