"""The database: SQLite in `instance/`, or PostgreSQL if `DATABASE_URL` is set to one.

When the database is unreachable, busy, full or read-only, requests get a 503 and the log contains
the stack trace. The app recovers without a restart. PostgreSQL cancels what takes too long.
A value of the request that it cannot hold is a 400. Any other error of the database is a bug.
Source: OWASP ASVS 13.1.3.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from flask import Flask, request
from flask.typing import ResponseReturnValue
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from secure_flask.database import failures
from secure_flask.state import IN_CONTEXT, request_state
from secure_flask.web import audit
from secure_flask.web.errors import error_response, respond_by_default, response_for
from secure_flask.web.serving import serves_requests
from sqlalchemy import Connection, Engine, MetaData, Select, event, inspect, make_url
from sqlalchemy.exc import DBAPIError, TimeoutError
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.orm.exc import ObjectDeletedError, StaleDataError

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
# For libpq. A name in the query of DATABASE_URL replaces it: PgBouncer refuses these limits, so
# there write ?options=-c%20application_name%3Dapp, and set them on the role, as in
# ALTER ROLE app SET statement_timeout = '5s'.
POSTGRESQL = {
    "connect_timeout": 3,  # seconds, for each host
    # Milliseconds until a connection counts as lost where nothing is acknowledged.
    "tcp_user_timeout": 7000,
    # With a database in SQL_ASCII, psycopg would return text as bytes.
    "client_encoding": "utf8",
    # psycopg prepares no statements: a pooler may lend another session to the next transaction.
    "prepare_threshold": None,
}
# Of several hosts, the one that accepts writes: after a failover that is another one.
SEVERAL_HOSTS = {"target_session_attrs": "read-write"}
# Of requests alone, since a migration may take long.
LIMITS = {
    "options": "-c lock_timeout=3s -c statement_timeout=5s"
    " -c idle_in_transaction_session_timeout=30s"
}

# Another request changed or deleted a row at the same moment.
CONFLICTS = (ObjectDeletedError, StaleDataError)


Row = TypeVar("Row")


class Model(DeclarativeBase):
    """The base class of all models."""

    metadata = MetaData(naming_convention=NAMES)


class Database(SQLAlchemy):
    """Flask-SQLAlchemy, whose queries for one row have the type of the row."""

    if TYPE_CHECKING:

        def first_or_404(
            self, statement: Select[Row], *, description: str | None = None
        ) -> Row: ...
        def one_or_404(self, statement: Select[Row], *, description: str | None = None) -> Row: ...


# expire_on_commit would reload each object after a commit, and fail if its row was deleted.
db = Database(model_class=Model, session_options={"expire_on_commit": False})
migrate = Migrate(db=db, directory=str(Path(__file__).parents[2] / "migrations"))


def init_app(app: Flask) -> None:
    app.config["SQLALCHEMY_DATABASE_URI"] = app.config["DATABASE_URL"]
    app.config.setdefault("SQLALCHEMY_ENGINE_OPTIONS", _engine_options(app))
    db.init_app(app)
    migrate.init_app(app)
    app.teardown_request(_release)
    respond_by_default(app, DBAPIError, _respond_to_database_error)
    respond_by_default(app, TimeoutError, _respond_unavailable)
    respond_by_default(app, OverflowError, _respond_to_overflow)
    for conflict in CONFLICTS:
        respond_by_default(app, conflict, _respond_conflict)


def _engine_options(app: Flask) -> dict[str, object]:
    # Logged errors must not contain parameters, such as a password hash.
    options: dict[str, object] = {"hide_parameters": True}
    url = make_url(app.config["DATABASE_URL"])
    if url.get_backend_name() == "postgresql":
        several = SEVERAL_HOSTS if "," in str(url.query.get("host", "")) else {}
        wanted = {**POSTGRESQL, **several, **(LIMITS if serves_requests() else {})}
        given = {name: value for name, value in wanted.items() if name not in url.query}
        # Before each request a connection is asked, so a restart of the database is not noticed.
        options |= {"pool_pre_ping": True, "connect_args": given}
    if url.database in (None, "", ":memory:"):
        return options
    return options | {"pool_size": THREADS, "max_overflow": 0, "pool_timeout": POOL_TIMEOUT}


@contextmanager
def impatient_transaction() -> Iterator[Connection]:
    """A transaction beside the session, which fails at once where it would wait for a lock."""
    with db.engine.begin() as connection:
        if connection.dialect.name != "sqlite":
            connection.exec_driver_sql("SET LOCAL lock_timeout = 1")  # millisecond
            yield connection
            return
        connection.exec_driver_sql("PRAGMA busy_timeout = 0")
        try:
            yield connection
        finally:
            # The pool lends the same connection to others.
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {BUSY_TIMEOUT * 1000}")


def missing_tables() -> list[str]:
    """The tables of models that the database does not have, in alphabetical order."""
    found = inspect(db.session.connection())
    tables = Model.metadata.tables.values()
    return sorted(
        each.fullname for each in tables if not found.has_table(each.name, schema=each.schema)
    )


def _release(error: object) -> None:
    """Give the connection back, before Flask-SQLAlchemy does.

    Where the database is gone, that would raise after the view has finished, and the server would
    replace its response by a page of its own.
    """
    if not db.session.registry.has():
        return
    try:
        if IN_CONTEXT in request_state(request.environ):
            # A test or a command goes on with its objects.
            db.session.rollback()
        else:
            # It leaves loaded what a test looks at afterwards, such as `current_user`.
            db.session().close()
    except DBAPIError:
        db.session().invalidate()


def _respond_conflict(error: Exception) -> ResponseReturnValue:
    # Nothing is stored, and the client may try again. Source: RFC 9110, 15.5.10.
    db.session.rollback()
    return response_for(error_response(409, "Changed by another request: try again"))


def _respond_to_database_error(error: DBAPIError) -> ResponseReturnValue:
    if failures.is_away(error):
        return _respond_unavailable(error)
    if failures.is_value_of_request(error, request):
        return _respond_invalid(error)
    if failures.is_missing_reference(error):
        # Another request deleted the row that this one refers to, such as its user. Or it is a bug.
        audit.record(audit.CRASH, exc_info=error)
        return _respond_conflict(error)
    failures.explain_undefined_name(error)
    raise error


def _respond_to_overflow(error: OverflowError) -> ResponseReturnValue:
    # SQLite's driver raises it for an integer of more than 64 bits, and much else does too.
    if failures.is_value_of_request(error, request):
        return _respond_invalid(error)
    raise error


def _respond_invalid(error: Exception) -> ResponseReturnValue:
    # The message may quote the value.
    audit.record(audit.INPUT_REFUSED, reason=type(getattr(error, "orig", error)).__name__)
    return response_for(error_response(400, "Invalid request"))


def _respond_unavailable(error: Exception) -> ResponseReturnValue:
    audit.record(audit.CRASH, exc_info=error)
    return response_for(error_response(503, "Temporarily unavailable", Retry_After="5"))


@event.listens_for(Engine, "connect")
def _configure_sqlite(connection: object, record: object) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT * 1000}")
        # By default SQLite does not enforce foreign keys. WAL allows reads during a write.
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA journal_mode = WAL")
