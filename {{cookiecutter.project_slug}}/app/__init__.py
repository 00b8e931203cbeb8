"""The application factory: one line for each module, in four groups."""

from functools import partial
from typing import TYPE_CHECKING

from flask import Flask

from app import (
    accounts,
    api,
    assets,
    csp_reports,
    example,
    health,
    metrics,
    openapi,
    pages,
    security_txt,
)
from app.auth import access, deleted_users, sessions, tokens
from app.auth import commands as auth_commands
from app.checks import command as check_command
from app.crypto import commands as crypto_commands
from app.crypto import encryption, keyring
from app.db import conflicts, database
from app.security import (
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

if TYPE_CHECKING:
    from app.settings import Settings

MAX_BODY = 64 * 1024  # bytes; a view may raise it for itself by max_size


def create_app(settings: "Settings | None" = None, **policy: object) -> Flask:
    """Create the app from the environment's settings and `policy.py`.

    `policy` overrides upper-case names of `policy.py` in tests.

    :raises SettingsError: a setting is missing or insecure.
    :raises PolicyError: `policy.py` contains a value that a browser would misread.
    """
    # Imported here, since `python -m app.settings` must not import that module twice.
    from app.settings import Settings

    # assets.py serves static files; extensions build their addresses on this path.
    app = Flask(__name__, static_folder=None, static_url_path="/static")
    app.config.from_object("app.policy")
    app.config.update(policy)
    app.config.update((settings or Settings.load()).for_flask())
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY

    # Every request, checked in this order.
    logs.init_app(app)  # the log format, safe from log injection
    request_ids.init_app(app)  # X-Request-ID, also in each log line
    audit.init_app(app)  # the audit log
    errors.init_app(app)  # errors as pages or JSON, without internal details
    hosts.init_app(app)  # trusted host names, trusted proxies, https
    csrf.init_app(app, cookie=tokens.COOKIE)  # no cross-site writes
    rate_limiter.init_app(app)  # the counters behind rate limits
    rate_limits.init_app(app)  # requests per client address
    # After rate_limits, so that preflights of unknown paths are limited too.
    cors.init_app(app, credentials=tokens.COOKIE)  # which origins may read responses
    access.init_app(app, tokens)  # who may call a view: logged-in users, unless it is public
    strict_json.init_app(app)  # JSON of one meaning
    forms.init_app(app, csrf_token=partial(tokens.csrf_token, masked=True))  # complete forms

    # Every response.
    cookies.init_app(app)  # cookie flags
    # Before csp, since it sets frame-ancestors in the policy that csp sends.
    framing.init_app(app)  # which sites may show pages in a frame
    csp.init_app(app)  # which resources pages may load

    # Services.
    keyring.init_app(app)  # encryption keys
    encryption.init_app(app)  # 500 for a value that cannot be decrypted
    database.init_app(app)  # the database, and 503 while it is unavailable
    conflicts.init_app(app)  # 409 where another request changed the same row
    deleted_users.init_app(app)  # 401 where another request deleted the user

    # Routes and commands.
    tokens.init_app(app)  # the credentials that a login issues
    accounts.init_app(app)  # login, password change, `flask user`
    sessions.init_app(app)  # a user's own logins
    auth_commands.init_app(app)  # `flask access`, `flask tokens`
    crypto_commands.init_app(app)  # `flask crypto`
    check_command.init_app(app)  # `flask check`
    csp_reports.init_app(app)  # CSP reports from browsers, `flask csp`
    security_txt.init_app(app)  # where to report a vulnerability
    health.init_app(app)  # health checks for load balancers
    assets.init_app(app)  # static files
    pages.init_app(app)  # your pages
    api.init_app(app)  # your JSON routes
    example.init_app(app)  # the rest of the example, such as `flask seed`
    openapi.init_app(app)  # the description of all routes

    # So that it wraps every other middleware.
    headers.init_app(app)
    # Around it, to measure whole requests.
    access_log.init_app(app)  # one line per request
    metrics.init_app(app)  # numbers for Prometheus
    return app
