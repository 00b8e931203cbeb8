"""Logs the policy in force at start-up, for later investigation.

Source: OWASP Logging Vocabulary Cheat Sheet, sys_startup.
"""

import click
from flask import Flask
from flask.cli import run_command
from flask.helpers import get_debug_flag
from werkzeug.serving import is_running_from_reloader

from app.auth import tokens
from app.security import audit, csp
from app.security.csp_syntax import serialize


def is_server() -> bool:
    """Return whether this process serves requests.

    `flask user …` and other commands do not. The first process of `flask run --reload` does
    not either: it watches the files and starts another process, which serves.
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
    """Log the policy that the server enforces. None of it is secret."""
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
