"""The database: SQLite in `instance/`, or PostgreSQL if `DATABASE_URL` is set to one.

When the database is unreachable, busy, full or read-only, requests get a 503 and the log contains
the stack trace. The app recovers without a restart. PostgreSQL cancels slow statements. A value of
the request that the database cannot store is a 400. Any other error of the database is a bug.

A test does not drop the tables of the database that `.env` names, which has the data of development.
Most tests drop all tables at their end, also one that was given no database of its own.
Source: OWASP ASVS 13.1.3.
"""

import re
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import finalize

from flask import Config, Flask, current_app, request
from flask.typing import ResponseReturnValue
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.pagination import Pagination
from pydantic_settings import DotEnvSettingsSource
from secure_flask.database import failures
from secure_flask.database.engine_options import bind_options, engine_options
from secure_flask.settings import ENV_FILE, Settings, SettingsError
from secure_flask.settings.types import INSTANCE
from secure_flask.state import IN_CONTEXT, state_of
from secure_flask.web import audit
from secure_flask.web.errors import error_response, plain_error, respond_by_default, response_for
from sqlalchemy import (
    URL,
    Connection,
    Engine,
    MetaData,
    Result,
    Select,
    event,
    inspect,
    make_url,
    tuple_,
)
from sqlalchemy.exc import DBAPIError, InvalidRequestError, TimeoutError
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.orm.exc import ObjectDeletedError, StaleDataError

# Alembic can change or drop a constraint only by its name.
NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

# Another request changed or deleted a row at the same moment.
CONFLICTS = (ObjectDeletedError, StaleDataError)

PAGE = 500  # rows
# A list has no such page, and a database can count to its first row, which it cannot for any number.
LAST_PAGE = 10**12
# `int` would accept the digits of other scripts, signs and spaces too.
_DIGITS = re.compile("[0-9]+")


_REFUSED = (
    "This test would drop all tables of the database of .env. Give your tests one of their own: "
    'create_app(testing.settings(Settings, database_url="sqlite://")), or '
    'os.environ["DATABASE_URL"] = "sqlite://" at the top of conftest.py, above the import of the '
    "app."
)

Row = TypeVar("Row")
Execute = Callable[[Select[Any]], Result[Any]]


class _NamesTable:
    """Refuses a model whose table is there already.

    It is no part of `Model`, since Flask-SQLAlchemy copies what `Model` defines into another class.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        name = cls.__dict__.get("__tablename__")
        try:
            super().__init_subclass__(**options)
        except InvalidRequestError as error:
            if name not in Model.metadata.tables:
                raise
            raise TypeError(
                f"The table {name} of {cls.__module__}.{cls.__qualname__} is there already, in "
                "secure_flask or in another model: give yours another name."
            ) from error


class Model(_NamesTable, DeclarativeBase):
    """The base class of all models: `class Task(Model)`, with `__tablename__ = "tasks"`.

    :raises TypeError: there is a table of this name, such as one of the core's.
    """

    metadata = MetaData(naming_convention=NAMES)


class CoreModel(DeclarativeBase):
    """The base class of the core's models, which have a registry apart from that of `Model`.

    So the app may have a class of the same name, such as `Step`, and write `relationship("Step")`.
    SQLAlchemy looks for the class of users, to which some refer, only if one of them is used.
    """

    metadata = Model.metadata


class Database(SQLAlchemy):
    """Flask-SQLAlchemy, whose queries for one row have the type of the row.

    `db.session.add(task)`, `db.session.commit()`, `db.first_or_404(select(Task))`.
    """

    def paginate(
        self, select: Select[Any], *, page: int | None = None, **options: Any
    ) -> Pagination:
        """As Flask-SQLAlchemy's, also for a number that the database cannot count to: 404."""
        return super().paginate(select, page=page_number(page), **options)

    if TYPE_CHECKING:

        def first_or_404(
            self, statement: Select[Row], *, description: str | None = None
        ) -> Row: ...
        def one_or_404(self, statement: Select[Row], *, description: str | None = None) -> Row: ...


# expire_on_commit would reload each object after a commit, and fail if its row was deleted.
db = Database(model_class=Model, session_options={"expire_on_commit": False})
migrate = Migrate(db=db, directory=str(Path(__file__).parents[2] / "migrations"))


def init_app(app: Flask, is_user_gone: Callable[[], bool]) -> None:
    """Set the database up. `is_user_gone` says whether the user of a request was deleted meanwhile.

    :raises PolicyError: an option of an engine weakens a protection.
    """
    _configure_engines(app.config)
    db.init_app(app)
    _listen_to_engines(app)
    migrate.init_app(app)
    app.teardown_request(_release)
    respond_by_default(app, DBAPIError, partial(_respond_to_database_error, is_user_gone))
    respond_by_default(app, TimeoutError, _respond_unavailable)
    respond_by_default(app, OverflowError, _respond_to_overflow)
    for conflict in CONFLICTS:
        respond_by_default(app, conflict, _respond_conflict)


@contextmanager
def impatient_transaction() -> Iterator[Connection]:
    """A transaction outside the session, which fails at once instead of waiting for a lock."""
    with db.engine.begin() as connection:
        if connection.dialect.name != "sqlite":
            connection.exec_driver_sql("SET LOCAL lock_timeout = 1")  # millisecond
            yield connection
            return
        waits = connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one()  # milliseconds
        connection.exec_driver_sql("PRAGMA busy_timeout = 0")
        try:
            yield connection
        finally:
            # Restore the timeout: the pool lends this connection to others.
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {waits}")


def missing_tables() -> list[str]:
    """The tables of models that the database does not have, in alphabetical order."""
    found = inspect(db.session.connection())
    tables = Model.metadata.tables.values()
    return sorted(
        each.fullname for each in tables if not found.has_table(each.name, schema=each.schema)
    )


def pages_of_rows(
    execute: Execute, found: Select[*tuple[Any, ...]], keys: list[Any]
) -> Iterator[Sequence[Any]]:
    """The rows of `found`, page by page. Each row begins with `keys`, which identify it.

    So a large table needs no more memory than a small one.
    """
    page = found.order_by(*keys).limit(PAGE)
    rows = execute(page).all()
    while rows:
        yield rows
        last = tuple_(*rows[-1][: len(keys)], types=[key.type for key in keys])
        rows = execute(page.where(tuple_(*keys) > last)).all()


def page_number(given: int | None) -> int:
    """The number of a page that a view gives, or else that of `?page=2`; 0 for a text that is none.

    A larger one than LAST_PAGE is LAST_PAGE.
    """
    if given is None:
        text = request.args.get("page", "1") if request else "1"
        # Python converts no text of more than 4,300 digits, and 13 are too many for a page.
        given = int(text[:13]) if _DIGITS.fullmatch(text) else 0
    return min(given, LAST_PAGE)


def refuse_in_tests(target: object, connection: Connection, **options: object) -> None:
    """Listen to `before_drop` of tables.

    :raises SettingsError: a test would drop the tables of the database of `.env`.
    """
    if _in_tests() and ENV_FILE.exists() and _place(connection.engine.url) == _place_of_env_file():
        raise SettingsError(_REFUSED)


def _configure_engines(config: Config) -> None:
    url = config["SQLALCHEMY_DATABASE_URI"] = config["DATABASE_URL"]
    own = config.get("SQLALCHEMY_ENGINE_OPTIONS") or {}
    config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(url, own)
    config["SQLALCHEMY_BINDS"] = bind_options(config.get("SQLALCHEMY_BINDS") or {})


def _listen_to_engines(app: Flask) -> None:
    """Configure connections, and close them at the end."""
    with app.app_context():
        engines = list(db.engines.values())
    for engine in engines:
        event.listen(engine, "connect", _configure_sqlite)
    # A test may make many apps. From Python 3.13 on, SQLite warns of what nobody closed.
    finalize(app, _close_connections, engines).atexit = False


def _close_connections(engines: list[Engine]) -> None:
    for engine in engines:
        engine.dispose()


def _release(error: object) -> None:
    """Return the connection to the pool, before Flask-SQLAlchemy does.

    If the database is gone, Flask-SQLAlchemy would raise after the view has finished, and the
    server would replace the response by an error page.
    """
    if not db.session.registry.has():
        return
    # A test or a command still uses its objects after a request in its context. `close` keeps
    # loaded attributes, which a test may read later, such as `current_user`.
    in_context = IN_CONTEXT in state_of(request)
    _end_transaction(db.session().rollback if in_context else db.session().close)


def _end_transaction(end: Callable[[], None]) -> None:
    try:
        end()
    except DBAPIError:
        db.session().invalidate()


def _respond_conflict(error: Exception) -> ResponseReturnValue:
    # Nothing is stored, and the client may try again. Source: RFC 9110, 15.5.10.
    db.session.rollback()
    return response_for(error_response(409, "Changed by another request: try again"))


def _respond_to_database_error(
    is_user_gone: Callable[[], bool], error: DBAPIError
) -> ResponseReturnValue:
    if failures.is_away(error):
        return _respond_unavailable(error)
    if failures.is_value_of_request(error, request):
        return _respond_invalid(error)
    if failures.is_missing_reference(error):
        answer = _respond_conflict(error)
        # Another request has deleted the user, or the code refers to a row that does not exist.
        if not is_user_gone():
            audit.record(audit.CRASH, exc_info=error)
        return answer
    failures.explain_undefined_name(error)
    raise error


def _respond_to_overflow(error: OverflowError) -> ResponseReturnValue:
    # SQLite's driver raises it for an integer of more than 64 bits, but other code raises it too.
    if failures.is_value_of_request(error, request):
        return _respond_invalid(error)
    raise error


def _respond_invalid(error: Exception) -> ResponseReturnValue:
    _end_transaction(db.session().rollback)
    # The message may quote the value.
    audit.record(audit.INPUT_REFUSED, reason=type(getattr(error, "orig", error)).__name__)
    return response_for(plain_error(400))


def _respond_unavailable(error: Exception) -> ResponseReturnValue:
    # In a failed transaction, PostgreSQL refuses each statement, such as one of a page for this
    # error. Without a connection nothing can be read again, so what was read stays.
    if isinstance(error, DBAPIError) and not error.connection_invalidated:
        _end_transaction(db.session().rollback)
    audit.record(audit.CRASH, exc_info=error)
    return response_for(plain_error(503, Retry_After="5"))


# Each `drop_all` comes here, also that of a `MetaData` of the owner's. Migrations do not.
event.listen(MetaData, "before_drop", refuse_in_tests)


def _configure_sqlite(connection: object, record: object) -> None:
    if isinstance(connection, sqlite3.Connection):
        # By default SQLite does not enforce foreign keys. WAL allows reads during a write.
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA journal_mode = WAL")


def _in_tests() -> bool:
    return "pytest" in sys.modules or bool(current_app and current_app.testing)


def _place_of_env_file() -> object:
    found = DotEnvSettingsSource(Settings, env_file=ENV_FILE)()
    default = Settings.model_fields["database_url"].default.get_secret_value()
    return _place(make_url(found.get("database_url") or default))


def _place(url: URL) -> tuple[Any, ...]:
    """What names a database, however its address is written: a file, or hosts with a name."""
    if url.get_backend_name() != "sqlite":
        return (url.host, url.port or 5432, url.database, url.query.get("host"))
    if url.database in (None, "", ":memory:"):
        # Each has a memory of its own, so none is that of `.env`.
        return (object(),)
    folder = Path(current_app.instance_path) if current_app else INSTANCE
    return ((folder / str(url.database)).resolve(),)
