"""Sets up each module for an app, in the order in which requests and responses meet them."""

from functools import partial

from flask import Flask
from secure_flask import assets, csp_reports, health, openapi, security_txt, startup
from secure_flask.auth import access, deleted_users, role_commands, tokens, user_commands
from secure_flask.auth import commands as auth_commands
from secure_flask.checks import command as check_command
from secure_flask.crypto import commands as crypto_commands
from secure_flask.crypto import encryption, keyring
from secure_flask.database import conflicts, database
from secure_flask.policy import DEFAULTS
from secure_flask.settings import Settings
from secure_flask.web import (
    access_log,
    audit,
    cookies,
    cors,
    csp,
    csrf,
    errors,
    forms,
    framing,
    headers,
    hosts,
    logs,
    rate_limiter,
    rate_limits,
    request_ids,
    strict_json,
)


def wire(app: Flask, settings: Settings) -> None:
    """Protect the app; see `secure_flask.init_app`."""
    _configure(app, settings)
    _protect_requests(app)
    _protect_responses(app)
    _add_services(app)
    _add_routes_and_commands(app)
    # So that it wraps every other middleware.
    headers.init_app(app)
    # Around it, to measure whole requests.
    access_log.init_app(app)  # one line per request
    startup.announce(app)


def _configure(app: Flask, settings: Settings) -> None:
    given = settings.for_flask()
    # For the check of misspelt names: what Flask and the settings know.
    app.extensions["known_names"] = {*Flask.default_config, *given}
    for name, value in DEFAULTS.items():
        app.config.setdefault(name, value)
    app.config.update(given)
    app.config["MAX_CONTENT_LENGTH"] = app.config["MAX_BODY"]
    app.extensions["settings"] = settings


def _protect_requests(app: Flask) -> None:
    # Every request is checked in this order.
    logs.init_app(app)  # the log format, safe from log injection
    request_ids.init_app(app)  # X-Request-ID, also in each log line
    audit.init_app(app)  # the audit log
    errors.init_app(app)  # errors as pages or JSON, without internal details
    hosts.init_app(app)  # trusted host names, trusted proxies, https
    csrf.init_app(app)  # no cross-site writes
    rate_limiter.init_app(app)  # the counters behind rate limits
    rate_limits.init_app(app)  # requests per client address
    # After rate_limits, so that preflights of unknown paths are limited too.
    cors.init_app(app)  # which origins may read responses
    access.init_app(app, tokens)  # who may call a view: logged-in users, unless it is public
    strict_json.init_app(app)  # JSON of one meaning
    forms.init_app(app, csrf_token=partial(tokens.csrf_token, masked=True))  # complete forms


def _protect_responses(app: Flask) -> None:
    cookies.init_app(app)  # cookie flags
    # Before csp, since it sets frame-ancestors in the policy that csp sends.
    framing.init_app(app)  # which sites may show pages in a frame
    csp.init_app(app)  # which resources pages may load


def _add_services(app: Flask) -> None:
    keyring.init_app(app)  # encryption keys
    encryption.init_app(app)  # 500 for a value that cannot be decrypted
    database.init_app(app)  # the database, and 503 while it is unavailable
    conflicts.init_app(app)  # 409 where another request changed the same row
    deleted_users.init_app(app)  # 401 where another request deleted the user


def _add_routes_and_commands(app: Flask) -> None:
    tokens.init_app(app)  # the credentials that a login issues
    user_commands.init_app(app)  # `flask user`
    role_commands.init_app(app)  # `flask user roles`
    auth_commands.init_app(app)  # `flask access`, `flask tokens`
    crypto_commands.init_app(app)  # `flask crypto`
    check_command.init_app(app)  # `flask check`
    csp_reports.init_app(app)  # CSP reports from browsers, `flask csp`
    security_txt.init_app(app)  # where to report a vulnerability
    health.init_app(app)  # health checks for load balancers
    assets.init_app(app)  # static files
    openapi.init_app(app)  # the description of all routes
