"""One line at the start: the policy in force, for whoever asks later what protected the app.

Source: OWASP Logging Vocabulary Cheat Sheet, sys_startup.
"""

import click
from flask import Flask
from flask.cli import run_command
from flask.helpers import get_debug_flag
from werkzeug.serving import is_running_from_reloader

from app.auth import tokens
from app.security import audit, csp
from app.security.sources import serialize


def is_server() -> bool:
    """Say whether this process answers requests.

    `flask user …` and other commands do not, nor does the process in which `flask run
    --reload` watches the files: it loads the app and starts another process that serves.
    """
    context = click.get_current_context(silent=True)
    if context is None:
        return True
    if context.command is not run_command:
        return False
    reload = context.params["reload"]
    reloads = get_debug_flag() if reload is None else reload
    return is_running_from_reloader() or not reloads


def announce(app: Flask) -> None:
    """Tell what a server of this app enforces. None of it is secret."""
    policy = csp.effective(app.config, {})
    audit.record(
        audit.STARTUP,
        production=app.config["PRODUCTION"],
        csp=serialize(policy),
        csp_report_only=app.config["CSP_REPORT_ONLY"],
        framing=" ".join(policy["frame-ancestors"]),
        cors_origins=" ".join(sorted(app.extensions["cors_origins"])),
        trusted_hosts=" ".join(sorted(app.extensions["trusted_hosts"])),
        proxy_hops=app.config["PROXY_HOPS"],
        token_type=tokens.NAME,
    )
