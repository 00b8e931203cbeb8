"""The database: SQLite in `instance/` unless `DATABASE_URL` names PostgreSQL.

One that is away answers 503 in JSON, and the log holds the stack trace.
"""

import sqlite3
from pathlib import Path
from typing import Any

from flask import Flask, Response
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine, MetaData, event
from sqlalchemy.exc import OperationalError, ProgrammingError
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


class Model(DeclarativeBase):
    """The base of every table."""

    metadata = MetaData(naming_convention=NAMES)


# What was read stays readable after a commit: another client may have deleted the row.
db = SQLAlchemy(model_class=Model, session_options={"expire_on_commit": False})
migrate = Migrate(db=db, directory=str(Path(__file__).parent.parent / "migrations"))


def init_app(app: Flask) -> None:
    app.config["SQLALCHEMY_DATABASE_URI"] = app.config["DATABASE_URL"]
    # An error in the log names no value: a password's hash may be among them.
    app.config.setdefault("SQLALCHEMY_ENGINE_OPTIONS", {"hide_parameters": True})
    db.init_app(app)
    migrate.init_app(app)
    app.register_error_handler(OperationalError, _unavailable)
    # PostgreSQL's word for tables that no migration has made yet.
    app.register_error_handler(ProgrammingError, _unavailable)


def _unavailable(error: Exception) -> Response:
    audit.record(audit.CRASH, exc_info=error)
    return refusal(503, "Temporarily unavailable", Retry_After="5")


@event.listens_for(Engine, "connect")
def _keep_sqlite_honest(connection: Any, record: Any) -> None:
    if isinstance(connection, sqlite3.Connection):
        # SQLite checks foreign keys only when asked; WAL lets readers go on beside a writer.
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA busy_timeout = 5000")
