"""The database: SQLite in `instance/` unless `DATABASE_URL` names PostgreSQL.

One that is away, busy, full or read-only answers 503 in JSON, the log holds the stack
trace, and the app goes on by itself when it is back.
"""

import os
import sqlite3
from pathlib import Path
from typing import Any

import click
from flask import Flask, Response
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine, MetaData, event, make_url
from sqlalchemy.exc import (
    DataError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
    TimeoutError,
)
from sqlalchemy.orm import DeclarativeBase

from app.security import audit
from app.security.errors import refusal

# Alembic finds a constraint again only by its name.
NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

# How many requests one process serves at once, each with a connection of its own.
THREADS = 16
POOL_TIMEOUT = 5  # seconds: a view that takes a second connection may find none left
BUSY_TIMEOUT = 5  # seconds that SQLite waits for another writer

# A command says by this in its context's `meta` that it is to meet what a request meets.
AS_A_REQUEST = f"{__name__}.as_a_request"

# What a database raises that does not serve: gone, busy, full, read-only, or without
# tables, as no migration has been run. Wrong data are not among these.
UNAVAILABLE = (OperationalError, InterfaceError, InternalError, ProgrammingError, TimeoutError)


class Model(DeclarativeBase):
    """The base of every table."""

    metadata = MetaData(naming_convention=NAMES)


class Migrations(Migrate):  # type: ignore[misc]
    """Those of a project whose path may hold a percent sign: for Alembic it begins a variable."""

    def get_config(self, directory: str | None = None, *args: Any, **options: Any) -> Any:
        folder = Path(directory or self.directory)
        # There is no such folder, so this reads no file and says no path.
        config = super().get_config(os.devnull, *args, **options)
        config.config_file_name = str(folder / "alembic.ini")
        config.file_config.read(config.config_file_name, encoding="utf-8")
        for name in ("here", "script_location"):
            config.set_main_option(name, str(folder).replace("%", "%%"))
        return config


# What was read stays readable after a commit: another client may have deleted the row.
db = SQLAlchemy(model_class=Model, session_options={"expire_on_commit": False})
migrate = Migrations(db=db, directory=str(Path(__file__).parent.parent / "migrations"))


def init_app(app: Flask) -> None:
    app.config["SQLALCHEMY_DATABASE_URI"] = app.config["DATABASE_URL"]
    app.config.setdefault("SQLALCHEMY_ENGINE_OPTIONS", _engine_options(app))
    db.init_app(app)
    migrate.init_app(app)
    for error in UNAVAILABLE:
        app.register_error_handler(error, _unavailable)
    app.register_error_handler(DataError, _unstorable)
    # So SQLite's driver calls a number of more than 64 bits.
    app.register_error_handler(OverflowError, _unstorable)


def _engine_options(app: Flask) -> dict[str, Any]:
    # An error in the log names no value: a password's hash may be among them.
    options: dict[str, Any] = {"hide_parameters": True}
    if make_url(app.config["DATABASE_URL"]).database in (None, "", ":memory:"):
        return options
    pool = {"pool_size": THREADS, "max_overflow": 0, "pool_timeout": POOL_TIMEOUT}
    # A connection that a restart of the database ended is replaced before its next use.
    return {**options, **pool, "pool_pre_ping": True}


def _unstorable(error: Exception) -> Response:
    # A character that a database of another encoding than UTF-8 lacks, for one.
    return refusal(400, "Invalid request")


def _unavailable(error: Exception) -> Response:
    audit.record(audit.CRASH, exc_info=error)
    return refusal(503, "Temporarily unavailable", Retry_After="5")


@event.listens_for(Engine, "do_connect")
def _limit_waits(dialect: Any, record: Any, arguments: Any, options: Any) -> Any:
    if dialect.driver != "psycopg":
        return None
    # Imported here: the driver is an extra.
    from app import postgresql

    context = click.get_current_context(silent=True)
    limited = context is None or AS_A_REQUEST in context.meta
    return postgresql.connect(*arguments, limited=limited, **options)


@event.listens_for(Engine, "begin")
def _limit_transaction(connection: Any) -> None:
    statement = getattr(connection.connection.driver_connection, "begin_with", "")
    if statement:
        connection.exec_driver_sql(statement)


@event.listens_for(Engine, "connect")
def _keep_sqlite_honest(connection: Any, record: Any) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT * 1000}")
        # SQLite checks foreign keys only when asked; WAL lets readers go on beside a writer.
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA journal_mode = WAL")
