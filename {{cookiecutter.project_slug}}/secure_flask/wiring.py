"""Sets up each module for an app, in the order in which requests and responses meet them."""

from collections.abc import Mapping
from functools import partial

from flask import Flask
from secure_flask import assets, health, keys, openapi, policy_in_force, security_txt
from secure_flask.auth import (
    access,
    principal,
    route_table,
    tokens,
    user_commands,
    user_sessions,
)
from secure_flask.checks import check_command
from secure_flask.crypto import encryption, rotation
from secure_flask.csp_reports import endpoint as csp_reports
from secure_flask.csp_reports import report as csp_report
from secure_flask.database import database
from secure_flask.settings import KNOWN_NAMES, SETTINGS, Settings
from secure_flask.settings.frozen_config import (
    ConfigCheck,
    freeze_config,
    refuse_other_objects,
    refuse_other_values,
    refuse_replaced_config,
    refuse_weak_fallbacks,
)
from secure_flask.state import begin_app_state
from secure_flask.web import (
    audit,
    bodies,
    cookies,
    cors,
    counters,
    csp,
    csrf,
    error_bodies,
    errors,
    flask_hooks,
    headers,
    hosts,
    logs,
    rate_limits,
    responses,
    serving,
    strict_json,
)


def wire_app(
    app: Flask,
    settings: Settings,
    shapes: Mapping[str, error_bodies.ErrorBody] | None = None,
) -> None:
    """Protect the app; see `secure_flask.init_app`, whose `error_bodies` are the shapes."""
    _configure(app, settings)
    error_bodies.init_app(app, shapes or {})  # refuses a shape of errors that cannot work
    _protect_requests(app)
    _add_services(app)
    _add_routes_and_commands(app)
    csp.init_app(app)  # refuses a policy that browsers misread; `csp_nonce()` in templates
    # This middleware comes last, so it is the outermost: every response gets its headers.
    headers.init_app(app)
    freeze_config(app, settings, _config_checks(app))
    policy_in_force.log_startup(app)


def _configure(app: Flask, settings: Settings) -> None:
    refuse_other_objects(settings)
    state = begin_app_state(app)
    given = settings.for_flask()
    # `flask check` looks for a misspelling of these names of Flask and the settings.
    state[KNOWN_NAMES] = {*Flask.default_config, *given}
    refuse_other_values(app.config, settings)
    app.config.update(given)
    # Extensions would take None for an address.
    if settings.redis_url is None:
        app.config.pop("REDIS_URL", None)
    app.config.update(dict(settings.policy.load(app.config)))
    state[SETTINGS] = settings


def _config_checks(app: Flask) -> list[ConfigCheck]:
    # These check names of Flask now, and each time that a line changes one.
    most = app.config["MAX_CONTENT_LENGTH"]
    return [
        refuse_weak_fallbacks,
        partial(bodies.refuse_larger, most),
        cookies.refuse_weaker_flags,
        csrf.refuse_tokens,
    ]


def _protect_requests(app: Flask) -> None:
    # A request meets these modules in this order.
    flask_hooks.add_request_check(app, partial(refuse_replaced_config, app.config))
    serving.init_app(app)  # no debugger in production
    logs.init_app(app)  # the log and X-Request-ID
    audit.init_app(app)  # one log line for each crash, without the path of the request
    errors.init_app(app)  # error pages, or errors as JSON, without internal details
    responses.init_app(app)  # models that views return; compares them with `@responds`
    hosts.init_app(app)  # refuses unknown host names, trusts PROXY_HOPS proxies, demands https
    cookies.init_app(app)  # the flags of Flask's session cookie; refuses a cookie sent twice
    csrf.init_app(app)  # refuses writes that another site sends
    # The counters of all rate limits, in memory or in Redis.
    counters.init_app(app, audit.record_redis_error)
    rate_limits.init_app(app)  # RATE_LIMIT: requests of one client address
    cors.init_app(app)  # lets the sites of CORS_ORIGINS read responses
    principal.init_app(app)  # stores after a request when its login was last used
    user_sessions.init_app(app)  # lets no code read cookies that do not count
    # This comes before `access`, since the page of a refusal may read the session too.
    user_sessions.bind_sessions(app)  # hides a session that another user has left
    access.init_app(app)  # refuses requests without a login, unless the view is public
    strict_json.init_app(app)  # refuses JSON that two parsers would read differently
    bodies.init_app(app)  # refuses truncated, invalid and too large bodies


def _add_services(app: Flask) -> None:
    # The keys of ENCRYPTION_KEYS and BLIND_INDEX_KEYS; a 500 where a value cannot be decrypted.
    encryption.init_app(app)
    database.init_app(
        app, principal.is_user_gone
    )  # the database; responds 503 while it is unavailable


def _add_routes_and_commands(app: Flask) -> None:
    access.add_current_user(app)  # `current_user` in templates
    keys.init_app(app)  # keys of programs, which are read before tokens, and `flask key`
    tokens.init_app(app)  # TOKEN_TYPE: the tokens that programs get at a login
    user_commands.init_app(app)  # `flask user` and `flask logins`
    rotation.init_app(app)  # `flask crypto`
    route_table.init_app(app)  # `flask access`
    check_command.init_app(app)  # `flask check`
    policy_in_force.init_app(app)  # `flask policy`
    csp_reports.init_app(app)  # `POST /csp-reports`, where browsers report what the CSP blocks
    csp_report.init_app(app)  # `flask csp`, which lists these reports
    security_txt.init_app(app)  # `/.well-known/security.txt`
    health.init_app(app)  # `/healthz` and `/readyz` for load balancers
    assets.init_app(app)  # static files, and `asset()` for their URLs in templates
    openapi.init_app(app)  # `/openapi.json`, which describes all routes
