"""Flask's own server, for development: it hands on what was sent, and outlives a slip.

gunicorn hands on requests as they are; otherwise app/security/targets.py and hosts.py would see
another one than a proxy did. A slip in `policy.py`, a setting or the code is shown in the
terminal and in the browser until it is fixed. So nothing here imports `app`.
"""

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
from sqlalchemy import inspect
from sqlalchemy.exc import SQLAlchemyError
from werkzeug import serving

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

ENV_FILE = Path(__file__).parent / ".env"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_THIS_COMPUTER = re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]+)?", re.IGNORECASE)


class RequestHandler(serving.WSGIRequestHandler):
    """http.server makes `/me` of `//me`; Werkzeug puts the host of a whole URL in place of Host."""

    def version_string(self) -> str:
        # It would name the version of Werkzeug and of Python.
        return "development"

    def make_environ(self) -> "WSGIEnvironment":
        sent = {
            "RAW_URI": self.requestline.split()[1],
            "HTTP_HOST": ",".join(self.headers.get_all("Host", [])),
        }
        return {**super().make_environ(), **sent}


# What `flask run` takes, since it names none.
serving.WSGIRequestHandler = RequestHandler  # type: ignore[misc]


def is_reloading(command: click.Context | None) -> bool:
    """Whether this is `flask run --reload` in development."""
    if command is None or command.info_name != "run":
        return False
    asked = command.params.get("reload")
    return (get_debug_flag() if asked is None else asked) and _app_env() == "development"


def keep_serving(load: Callable[[], Flask]) -> Flask:
    """The app or, after a slip, one that shows it; the reloader watches for the next change."""
    if not serving.is_running_from_reloader():
        _let_the_server_read_settings()
        # The reloader starts another process, which serves.
        return Flask(__name__)
    with suppress(OSError, UnicodeDecodeError):
        load_dotenv(ENV_FILE)
    try:
        app = load()
        _make_tables(app)
        return app
    except (Exception, SystemExit) as error:
        return showing(_print(error))


def showing(message: str) -> Flask:
    """An app that answers everything with a message, for this computer alone."""
    app = Flask(__name__)

    @app.before_request
    def show() -> Response:
        named = _THIS_COMPUTER.fullmatch(request.environ.get("HTTP_HOST", ""))
        here = named and request.remote_addr in ("127.0.0.1", "::1")
        text = message if here else "The terminal says what is wrong."
        return Response(f"{text}\n", 503, HEADERS, content_type="text/plain; charset=utf-8")

    return app


def _app_env() -> str | None:
    return os.environ.get("APP_ENV") or _settings().get("APP_ENV")


def _settings() -> dict[str, str | None]:
    try:
        return dotenv_values(ENV_FILE)
    except (OSError, UnicodeDecodeError):
        # The app says so itself.
        return {}


def _let_the_server_read_settings() -> None:
    """Let each process that serves read .env, and start another when it changes."""
    for name, value in _settings().items():
        # Flask put it into the environment, where it would outlive an edit.
        if os.environ.get(name) == value and not name.startswith("FLASK_"):
            del os.environ[name]
    # The server stays in development, and Flask itself would end at a .env that is not UTF-8.
    os.environ.update(APP_ENV="development", FLASK_SKIP_DOTENV="1")
    os.environ.setdefault("FLASK_RUN_EXTRA_FILES", str(ENV_FILE))


def _make_tables(app: Flask) -> None:
    """Do what `flask db upgrade` could not while a slip stopped it, where nothing did it yet."""
    # What a database says against it is in the terminal, and answers say 503.
    with app.app_context(), suppress(SQLAlchemyError, SystemExit):
        engine = app.extensions["migrate"].db.engine
        if not inspect(engine).has_table("alembic_version"):
            upgrade()


def _print(error: BaseException) -> str:
    """Tell what is wrong in the terminal; the last words of it are for the browser."""
    if isinstance(error, SystemExit):
        # wsgi.py ends so after a slip that can be told in sentences.
        print(error, file=sys.stderr)
        return str(error)
    traceback.print_exception(error)
    return f"{type(error).__name__}: {error}\nThe terminal says where."
