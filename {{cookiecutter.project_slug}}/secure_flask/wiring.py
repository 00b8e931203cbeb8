"""Sets up each module for an app, in the order in which requests and responses meet them."""

from flask import Flask
from secure_flask import assets, health, openapi, security_txt
from secure_flask.auth import access, current_login, route_table, tokens, user_commands
from secure_flask.checks import check_command, hidden_marks, policy_command, startup
from secure_flask.crypto import encryption, keyring, rotation
from secure_flask.csp_reports import endpoint as csp_reports
from secure_flask.csp_reports import report as csp_report
from secure_flask.database import database
from secure_flask.settings import KNOWN_NAMES, SETTINGS, Settings
from secure_flask.state import begin_app_state
from secure_flask.web import (
    audit,
    bodies,
    cookies,
    cors,
    counters,
    csp,
    csrf,
    errors,
    framing,
    header_values,
    hosts,
    logs,
    rate_limits,
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
    header_values.init_app(app)
    startup.announce(app)


def _configure(app: Flask, settings: Settings) -> None:
    state = begin_app_state(app)
    given = settings.for_flask()
    # For the check of misspelt names: what Flask and the settings know.
    state[KNOWN_NAMES] = {*Flask.default_config, *given}
    app.config.update(dict(settings.policy.load(app.config)))
    app.config.update(given)
    app.config["MAX_CONTENT_LENGTH"] = app.config["MAX_BODY"]
    state[SETTINGS] = settings


def _protect_requests(app: Flask) -> None:
    # Every request is checked in this order.
    logs.init_app(app)  # the log, safe from log injection, and X-Request-ID
    audit.init_app(app)  # the audit log
    errors.init_app(app)  # errors as pages or JSON, without internal details
    hidden_marks.init_app(app)  # a warning of lost marks, in development
    hosts.init_app(app)  # trusted host names, trusted proxies, https
    cookies.init_app(app)  # cookie flags, and no cookie twice
    csrf.init_app(app)  # no cross-site writes
    counters.init_app(app)  # the counters behind rate limits
    rate_limits.init_app(app)  # requests per client address
    cors.init_app(app)  # which origins may read responses
    current_login.init_app(app)  # the login of a request
    access.init_app(app)  # who may call a view: logged-in users, unless it is public
    strict_json.init_app(app)  # JSON of one meaning
    bodies.init_app(app)  # complete bodies


def _protect_responses(app: Flask) -> None:
    # Before csp, since it sets frame-ancestors in the policy that csp sends.
    framing.init_app(app)  # which sites may show pages in a frame
    csp.init_app(app)  # which resources pages may load


def _add_services(app: Flask) -> None:
    keyring.init_app(app)  # encryption keys
    encryption.init_app(app)  # 500 for a value that cannot be decrypted
    database.init_app(app)  # the database, and 503 while it is unavailable


def _add_routes_and_commands(app: Flask) -> None:
    tokens.init_app(app)  # the credentials that a login issues
    user_commands.init_app(app)  # `flask user`, `flask logins`
    route_table.init_app(app)  # `flask access`
    rotation.init_app(app)  # `flask crypto`
    check_command.init_app(app)  # `flask check`
    policy_command.init_app(app)  # `flask policy`
    csp_reports.init_app(app)  # CSP reports from browsers
    csp_report.init_app(app)  # `flask csp`
    security_txt.init_app(app)  # where to report a vulnerability
    health.init_app(app)  # health checks for load balancers
    assets.init_app(app)  # static files
    openapi.init_app(app)  # the description of all routes
