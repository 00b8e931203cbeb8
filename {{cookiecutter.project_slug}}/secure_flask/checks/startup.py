"""What happens once when a server starts: its settings are checked and its policy is logged.

Source: OWASP Logging Vocabulary Cheat Sheet, sys_startup.
"""

import sys
from typing import Any

from flask import Flask
from secure_flask.checks.settings import is_loopback
from secure_flask.settings import Settings, SettingsError
from secure_flask.state import app_state
from secure_flask.web import audit, csp
from secure_flask.web.cors import CORS_ORIGINS
from secure_flask.web.csp import serialize_directives
from secure_flask.web.hosts import TRUSTED_HOSTS
from secure_flask.web.serving import serves_requests


def log_startup(app: Flask) -> None:
    """Log the policy that a server enforces. None of it is secret."""
    if app.testing or not serves_requests():
        return
    policy = csp.page_policy(app.config)
    origins = app_state(app)[CORS_ORIGINS]
    trusted = app_state(app)[TRUSTED_HOSTS]
    with app.app_context():
        audit.record(
            audit.STARTUP,
            production=app.config["PRODUCTION"],
            csp=serialize_directives(policy),
            csp_report_only=app.config["CSP_REPORT_ONLY"],
            framing=" ".join(policy["frame-ancestors"]),
            cors_origins=" ".join(sorted(origins)),
            trusted_hosts=" ".join(sorted(trusted)),
            proxy_hops=app.config["PROXY_HOPS"],
            token_type=app.config["TOKEN_TYPE"],
        )


def on_starting(
    server: Any,
    settings: type[Settings],
    token_type: str = "session",  # noqa: S107 - a kind of token, no password
) -> None:
    """Stop gunicorn with one message about wrong settings, instead of a traceback.

    gunicorn.conf.py calls it in its hook of the same name:
    `secure_flask.on_starting(server, Settings, policy.TOKEN_TYPE)`.

    :raises SystemExit: a setting is missing or insecure, also for the number of workers, or those
        of development would serve other machines.
    """
    try:
        loaded = settings.load()
        loaded.check_workers(server.cfg.workers)
        loaded.check_token_keys(token_type)
    except SettingsError as error:
        sys.exit(error.message)
    # An address is a pair, or the path or the number of a socket.
    pairs = [address for address in server.cfg.address if isinstance(address, tuple)]
    elsewhere = [host for host, _ in pairs if not is_loopback(host)]
    if elsewhere and loaded.app_env == "development":
        sys.exit(
            f"gunicorn would serve other machines on {elsewhere[0] or '::'} with APP_ENV=development: on this "
            "machine alone unset BIND_HOST, for a site set APP_ENV=production and its settings."
        )
