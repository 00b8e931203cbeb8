"""The development server: passes requests on unchanged, and survives errors in your code.

app/security/hosts.py must see the request target and Host as sent, which Flask's server
normalises and gunicorn does not. An error in `policy.py`, a setting or the code
is shown in the terminal and in the browser until it is fixed, so this module imports no `app`.
"""

import logging
import os
import re
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click
from dotenv import dotenv_values, load_dotenv
from flask import Flask, Response, request
from flask.helpers import get_debug_flag
from flask_migrate import upgrade
from sqlalchemy import inspect, text
from sqlalchemy.exc import SQLAlchemyError
from werkzeug import serving

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

ENV_FILE = Path(__file__).parent / ".env"
# app/env_file.py names a line that cannot be read, once and with the file.
logging.getLogger("dotenv").setLevel(logging.ERROR)
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_LOOPBACK_HOST = re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]+)?", re.IGNORECASE)


class RequestHandler(serving.WSGIRequestHandler):
    """Keeps the request target and Host as sent.

    http.server changes `//me` to `/me`. Werkzeug replaces Host by the host of an absolute-form
    target.
    """

    def version_string(self) -> str:
        # The default reveals the versions of Werkzeug and Python.
        return "development"

    def make_environ(self) -> "WSGIEnvironment":
        sent = {
            "RAW_URI": self.requestline.split()[1],
            "HTTP_HOST": ",".join(self.headers.get_all("Host", [])),
        }
        return {**super().make_environ(), **sent}


# `flask run` uses this default class.
serving.WSGIRequestHandler = RequestHandler  # type: ignore[misc]


def is_reloading(command: click.Context | None) -> bool:
    """Whether this is `flask run --reload` in development."""
    if command is None or command.info_name != "run":
        return False
    option = command.params.get("reload")
    return (get_debug_flag() if option is None else option) and _app_env() == "development"


def keep_serving(load: Callable[[], Flask]) -> Flask:
    """The app, or an app that shows the error; the reloader restarts it after the next change."""
    if not serving.is_running_from_reloader():
        _prepare_reloader()
        # An empty app: the reloader starts another process, which serves.
        return Flask(__name__)
    with suppress(OSError, UnicodeDecodeError):
        load_dotenv(ENV_FILE)
    try:
        app = load()
        # Set in both: Flask copies its debug flag into the environment unless the app has a value.
        app.config["TEMPLATES_AUTO_RELOAD"] = app.jinja_env.auto_reload = True
        _prepare_database(app)
        return app
    except (Exception, SystemExit) as error:
        return error_app(_print(error))


def error_app(message: str) -> Flask:
    """An app that responds to every request from this computer with an error message."""
    app = Flask(__name__)

    @app.before_request
    def show() -> Response:
        named = _LOOPBACK_HOST.fullmatch(request.environ.get("HTTP_HOST", ""))
        local = named and request.remote_addr in ("127.0.0.1", "::1")
        shown = message if local else "The terminal shows the error."
        return Response(f"{shown}\n", 503, HEADERS, content_type="text/plain; charset=utf-8")

    return app


def _app_env() -> str | None:
    return os.environ.get("APP_ENV") or _settings().get("APP_ENV")


def _settings() -> dict[str, str | None]:
    try:
        return dotenv_values(ENV_FILE)
    except (OSError, UnicodeDecodeError):
        # The app reports this error itself.
        return {}


def _prepare_reloader() -> None:
    """Make each serving process read .env again, and restart it when .env changes."""
    for name, value in _settings().items():
        # Flask loaded it into the environment, where it would override a later edit.
        if os.environ.get(name) == value and not name.startswith("FLASK_"):
            del os.environ[name]
    # APP_ENV stays set while .env is broken. Flask itself would exit if .env is not UTF-8.
    os.environ.update(APP_ENV="development", FLASK_SKIP_DOTENV="1")
    os.environ.setdefault("FLASK_RUN_EXTRA_FILES", str(ENV_FILE))


def _prepare_database(app: Flask) -> None:
    """Create the tables if an error in the code has so far prevented `flask db upgrade`.

    While there is no user, say how to make one.
    """
    # Database errors are not fatal here: they are in the terminal, and requests get a 503.
    with app.app_context(), suppress(SQLAlchemyError, SystemExit):
        engine = app.extensions["migrate"].db.engine
        if not inspect(engine).has_table("alembic_version"):
            upgrade()
        with engine.connect() as connection:
            if connection.scalar(text("SELECT 1 FROM users LIMIT 1")) is None:
                click.echo(_first_user(app), err=True)


def _first_user(app: Flask) -> str:
    flask = Path(".venv", "Scripts" if os.name == "nt" else "bin", "flask")
    example = f", or an example with tasks: {flask} seed" if "seed" in app.cli.commands else ""
    return f"There is no user yet. To make one: {flask} user create NAME{example}"


def _print(error: BaseException) -> str:
    """Print the error in the terminal; return a shorter message for the browser."""
    if isinstance(error, SystemExit):
        # wsgi.py exits with a full explanation of wrong settings or policy.
        print(error, file=sys.stderr)
        return str(error)
    traceback.print_exception(error)
    return f"{type(error).__name__}: {error}\nThe terminal shows the traceback."
