"""A PostgreSQL that is slow, frozen or gone keeps no request waiting: each wait has an end.

The server itself ends what takes too long there. One that says nothing any more cannot,
so the client then gives the connection up. Source: OWASP ASVS 13.1.3.
"""

import re
from collections.abc import Generator
from time import monotonic
from typing import Any

import psycopg
from psycopg import sql

# In seconds. A request waits at most for an answer and then for a new connection.
CONNECT_TIMEOUT = 3
LOCK_TIMEOUT = 3
STATEMENT_TIMEOUT = 5
ANSWER_TIMEOUT = 7  # longer, so that a server that lives ends its statement itself
IDLE_TIMEOUT = 30  # in a transaction whose client does nothing, and keeps its rows locked

_IN_OPTIONS = re.compile(
    r"-c\s*(lock_timeout|statement_timeout|idle_in_transaction_session_timeout)=(\S+)"
)


class NoAnswer(psycopg.OperationalError):
    """The server is connected and silent."""


class Connection(psycopg.Connection[Any]):
    """One that waits for no answer longer than ANSWER_TIMEOUT."""

    # The statement that sets a transaction's limits: empty where the session has them,
    # and None until that is known.
    begin_with: str | None = None

    def wait(self, gen: Any, *args: Any, **options: Any) -> Any:
        timeout = CONNECT_TIMEOUT if self.begin_with is None else ANSWER_TIMEOUT
        return super().wait(_until(monotonic() + timeout, gen), *args, **options)

    def rollback(self) -> None:
        """Roll back, or close what cannot: its server does so when it sees that.

        Every request ends with this, and one that was answered before is served all the same.
        The pool replaces what is closed, so that no late answer is taken for another.
        """
        try:
            super().rollback()
        except (psycopg.OperationalError, psycopg.InternalError):
            self.close()


def connect(*arguments: Any, limited: bool, **options: Any) -> psycopg.Connection[Any]:
    """Connect for a request; without limits for a command, as a migration rewrites whole tables."""
    options.setdefault("connect_timeout", CONNECT_TIMEOUT)
    # Whatever the database's own encoding is, else text may come back as bytes.
    options.setdefault("client_encoding", "utf8")
    # PgBouncer refuses limits that stand there, or drops them and says nothing.
    limits, options["options"] = _split(options.get("options", ""))
    kind = Connection if limited else psycopg.Connection
    connection: psycopg.Connection[Any] = kind.connect(*arguments, **options)
    try:
        _set_up(connection, limits)
    except BaseException:
        connection.close()
        raise
    return connection


def _split(options: str) -> tuple[dict[str, str], str]:
    """The limits of a request, those of DATABASE_URL before ours, and its other options."""
    ours = {
        "lock_timeout": f"{LOCK_TIMEOUT}s",
        "statement_timeout": f"{STATEMENT_TIMEOUT}s",
        "idle_in_transaction_session_timeout": f"{IDLE_TIMEOUT}s",
    }
    return ours | dict(_IN_OPTIONS.findall(options)), _IN_OPTIONS.sub("", options).strip()


def _set_up(connection: psycopg.Connection[Any], limits: dict[str, str]) -> None:
    # Who spoke at login is not who answers: a pooler lends a session to each transaction.
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    pooled = row != (connection.info.backend_pid,)
    if pooled:
        # Prepared in one session, a statement would be missing in the next.
        connection.prepare_threshold = None
    if isinstance(connection, Connection):
        statement = _setting(limits, local=pooled)
        try:
            connection.execute(statement)
        except psycopg.DataError as error:
            # No client is to blame for it.
            raise psycopg.OperationalError(str(error)) from error
        connection.begin_with = statement.as_string(connection) if pooled else ""
    connection.commit()


def _setting(limits: dict[str, str], *, local: bool) -> sql.Composed:
    calls = [sql.SQL("set_config({}, {}, {})").format(*limit, local) for limit in limits.items()]
    return sql.SQL("SELECT {}").format(sql.SQL(", ").join(calls))


def _until(deadline: float, steps: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """Pass the driver's steps on; it wakes up ten times a second, with nothing while it waits."""
    ready = None
    try:
        while True:
            ready = yield steps.send(ready)
            if not ready and monotonic() > deadline:
                raise NoAnswer("the server says nothing")
    except StopIteration as done:
        return done.value
