"""The application: one line for each module, in four groups."""

from typing import TYPE_CHECKING

from flask import Flask

from app import accounts, api, assets, csp_reports, health, openapi, pages, security_txt
from app.auth import commands as token_commands
from app.auth import sessions, tokens
from app.checks import command as check_command
from app.crypto import commands as crypto_commands
from app.crypto import encryption, keyring
from app.db import database
from app.security import (
    audit,
    cookies,
    cors,
    csp,
    csrf,
    errors,
    framing,
    headers,
    hosts,
    logs,
    rate_limiter,
    rate_limits,
    request_ids,
    targets,
)

if TYPE_CHECKING:
    from app.settings import Settings

MAX_BODY = 64 * 1024  # bytes; a view that `@consumes` more raises request.max_content_length


def create_app(settings: "Settings | None" = None, **policy: object) -> Flask:
    """Make the app from the environment's settings and `policy.py`.

    `policy` replaces upper-case names of `policy.py`, for tests.

    :raises SettingsError: the environment lacks something or is unsafe.
    :raises PolicyError: `policy.py` holds what a browser would misread.
    """
    # Imported here, so that `python -m app.settings` does not find it loaded already.
    from app.settings import Settings

    app = Flask(__name__, static_folder=None)
    app.config.from_object("app.policy")
    app.config.update(policy)
    app.config.update((settings or Settings.load()).for_flask())
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY

    # Every request, in this order: what comes first refuses first.
    logs.init_app(app)  # log lines that no value can forge
    request_ids.init_app(app)  # the id that joins a response to its log lines
    audit.init_app(app)  # the audit log
    errors.init_app(app)  # errors in JSON that reveal nothing
    targets.init_app(app)  # paths that a proxy reads the same way
    hosts.init_app(app)  # known host names, believed proxies, https
    csrf.init_app(app)  # whose pages may write
    rate_limiter.init_app(app)  # the counts of rate limits
    rate_limits.init_app(app)  # how many requests an address may send
    # After the limit, which counts preflights of unknown paths too.
    cors.init_app(app, credentials=tokens.COOKIE)  # whose pages may read responses

    # Every response.
    cookies.init_app(app)  # flags of cookies
    # Before csp: it writes frame-ancestors into the policy that csp then sends.
    framing.init_app(app)  # who may show pages in a frame
    csp.init_app(app)  # what pages may load

    # Services.
    keyring.init_app(app)  # encryption keys
    encryption.init_app(app)  # an error for what cannot be decrypted
    database.init_app(app)  # the database, and 503 while it is away

    # Routes and commands.
    tokens.init_app(app)  # what a login gives
    accounts.init_app(app)  # login, password change, `flask user`
    sessions.init_app(app)  # a user's own logins
    token_commands.init_app(app)  # `flask tokens`
    crypto_commands.init_app(app)  # `flask crypto`
    check_command.init_app(app)  # `flask check`
    csp_reports.init_app(app)  # reports of browsers, `flask csp`
    security_txt.init_app(app)  # where to report a vulnerability
    health.init_app(app)  # probes of load balancers
    assets.init_app(app)  # static files
    pages.init_app(app)  # your pages
    api.init_app(app)  # your JSON routes
    openapi.init_app(app)  # the description of all routes

    # Last: it wraps whatever else may answer.
    headers.init_app(app)
    return app
