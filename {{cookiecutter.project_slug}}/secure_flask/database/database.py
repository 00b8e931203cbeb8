"""The database: SQLite in `instance/`, or PostgreSQL if `DATABASE_URL` is set to one.

When the database is unreachable, busy, full or read-only, requests get a 503 in JSON and the
log contains the stack trace. The app recovers without a restart.
"""

import os
import sqlite3
from pathlib import Path
from time import monotonic
from typing import Any

import click
from flask import Flask
from flask.typing import ResponseReturnValue
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from secure_flask.web import audit
from secure_flask.web.errors import error_response, response_for
from sqlalchemy import Engine, MetaData, event, make_url
from sqlalchemy.exc import (
    DataError,
    InterfaceError,
    InternalError,
    InvalidatePoolError,
    OperationalError,
    ProgrammingError,
    TimeoutError,
)
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import Pool

# Alembic can change or drop a constraint only by its name.
NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

# The number of concurrent requests of one process, and of its database connections.
THREADS = 16
POOL_TIMEOUT = 5  # seconds: a view that opens a second connection may have to wait for it
BUSY_TIMEOUT = 5  # seconds that SQLite waits for another writer

# A command sets this key in the `meta` of its click context to get the timeouts of a request.
REQUEST_TIMEOUTS = f"{__name__}.request_timeouts"

# The exceptions of an unusable database: unreachable, busy, full, read-only, or without
# tables because no migration was run. Invalid data raises other exceptions.
UNAVAILABLE = (OperationalError, InterfaceError, InternalError, ProgrammingError, TimeoutError)


class Model(DeclarativeBase):
    """The base class of all models."""

    metadata = MetaData(naming_convention=NAMES)


class Migrations(Migrate):
    """Lets the project's path contain a percent sign, which Alembic reads as a variable."""

    def get_config(self, directory: str | None = None, *args: Any, **options: Any) -> Any:
        folder = Path(directory or self.directory)
        # os.devnull contains no alembic.ini, so this reads no file and interpolates no path.
        config = super().get_config(os.devnull, *args, **options)
        config.config_file_name = str(folder / "alembic.ini")
        config.file_config.read(config.config_file_name, encoding="utf-8")
        for name in ("here", "script_location"):
            config.set_main_option(name, str(folder).replace("%", "%%"))
        return config


# expire_on_commit would reload each object after a commit, and fail if its row was deleted.
db = SQLAlchemy(model_class=Model, session_options={"expire_on_commit": False})
migrate = Migrations(db=db, directory=str(Path(__file__).parents[2] / "migrations"))


def init_app(app: Flask) -> None:
    app.config["SQLALCHEMY_DATABASE_URI"] = app.config["DATABASE_URL"]
    app.config.setdefault("SQLALCHEMY_ENGINE_OPTIONS", _engine_options(app))
    db.init_app(app)
    migrate.init_app(app)
    for error in UNAVAILABLE:
        app.register_error_handler(error, _respond_unavailable)
    app.register_error_handler(DataError, _respond_invalid)
    # SQLite's driver raises this for an integer of more than 64 bits.
    app.register_error_handler(OverflowError, _respond_invalid)


def _engine_options(app: Flask) -> dict[str, Any]:
    # Logged errors must not contain parameters, such as a password hash.
    options: dict[str, Any] = {"hide_parameters": True}
    if make_url(app.config["DATABASE_URL"]).database in (None, "", ":memory:"):
        return options
    pool = {"pool_size": THREADS, "max_overflow": 0, "pool_timeout": POOL_TIMEOUT}
    return {**options, **pool}


def _respond_invalid(error: Exception) -> ResponseReturnValue:
    # For example, a character that the encoding of the database lacks.
    return response_for(error_response(400, "Invalid request"))


def _respond_unavailable(error: Exception) -> ResponseReturnValue:
    audit.record(audit.CRASH, exc_info=error)
    return response_for(error_response(503, "Temporarily unavailable", Retry_After="5"))


@event.listens_for(Engine, "do_connect")
def _limit_waits(dialect: Any, record: Any, arguments: Any, options: Any) -> Any:
    if dialect.driver != "psycopg":
        return None
    # Imported here: the driver is an extra.
    from secure_flask.database import postgresql

    record.info["is_usable"] = postgresql.is_usable
    context = click.get_current_context(silent=True)
    limited = context is None or REQUEST_TIMEOUTS in context.meta
    return postgresql.connect(*arguments, limited=limited, **options)


@event.listens_for(Pool, "checkout")
def _replace_closed(connection: Any, record: Any, fairy: Any) -> None:
    """Replace a connection that a restart of the database closed, before its next use."""
    # The time of the last checkout: the connection was used then or later.
    now, last_used = monotonic(), record.info.get("used")
    record.info["used"] = now
    is_usable = record.info.get("is_usable")
    if is_usable and last_used and not is_usable(connection, now - last_used):
        # The pool connects again, and later replaces all connections that are older than this.
        raise InvalidatePoolError


@event.listens_for(Engine, "begin")
def _limit_transaction(connection: Any) -> None:
    statement = getattr(connection.connection.driver_connection, "begin_statement", "")
    if statement:
        connection.exec_driver_sql(statement)


@event.listens_for(Engine, "connect")
def _configure_sqlite(connection: Any, record: Any) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT * 1000}")
        # By default SQLite does not enforce foreign keys. WAL allows reads during a write.
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA journal_mode = WAL")
