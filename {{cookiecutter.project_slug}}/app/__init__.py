"""The application, put together: one line for each protection, in the order they act."""

from typing import TYPE_CHECKING

from flask import Flask

from app import api, assets, cli, db, health, pages
from app.auth import login, password_change, sessions, tokens
from app.checks import command as check_command
from app.crypto import commands, encryption, keyring
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
    limits,
    logs,
    openapi,
    report_commands,
    reports,
    request_ids,
    security_txt,
    targets,
)

if TYPE_CHECKING:
    from app.settings import Settings

MAX_BODY = 64 * 1024  # bytes; a view that `@takes` more raises request.max_content_length


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

    logs.init_app(app)  # lines that nothing can forge
    request_ids.init_app(app)  # what joins them to an answer
    audit.init_app(app)  # what happened
    errors.init_app(app)  # every error is JSON and gives nothing away
    targets.init_app(app)  # paths that a proxy reads the same way
    hosts.init_app(app)  # known host names, believed proxies, https
    csrf.init_app(app)  # whose pages may write
    limits.init_app(app)  # how often
    cors.init_app(app)  # whose pages may read our answers
    cookies.init_app(app)  # where cookies go
    framing.init_app(app)  # who may frame our pages
    csp.init_app(app)  # what our pages may load
    reports.init_app(app)  # what browsers blocked
    security_txt.init_app(app)  # whom to tell of a hole

    keyring.init_app(app)  # the keys of what is encrypted
    encryption.init_app(app)  # what cannot be decrypted gives nothing away
    db.init_app(app)
    tokens.init_app(app)
    login.init_app(app)
    sessions.init_app(app)
    password_change.init_app(app)
    cli.init_app(app)
    commands.init_app(app)
    check_command.init_app(app)  # what is loose, when you ask
    report_commands.init_app(app)
    health.init_app(app)
    assets.init_app(app)
    pages.init_app(app)
    api.init_app(app)
    openapi.init_app(app)  # all of that, for programs

    headers.init_app(app)  # last: outside all that may answer
    return app
