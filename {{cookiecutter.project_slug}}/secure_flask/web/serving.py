"""Tells a server from a command, which needs less: no large packages, no limits on its queries."""

import click
from flask.cli import run_command
from flask.helpers import get_debug_flag
from werkzeug.serving import is_running_from_reloader


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
