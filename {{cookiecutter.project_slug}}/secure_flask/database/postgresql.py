"""Timeouts for PostgreSQL, so that a slow, frozen or lost server blocks no request for long.

The server cancels slow statements itself. A frozen server cannot do so; then the client
closes the connection. Source: OWASP ASVS 13.1.3.
"""

import re
import select
from collections.abc import Generator
from time import monotonic
from typing import Any

import psycopg
from psycopg import sql

# In seconds. The longest wait of a request is RESPONSE_TIMEOUT plus CONNECT_TIMEOUT for each host.
CONNECT_TIMEOUT = 3
LOCK_TIMEOUT = 3
STATEMENT_TIMEOUT = 5
RESPONSE_TIMEOUT = 7  # longer than STATEMENT_TIMEOUT, so that a working server cancels first
IDLE_TIMEOUT = 30  # for an idle transaction, which keeps its rows locked
UNCERTAIN = 30  # after so long without use, the network may have dropped a connection silently

_IN_OPTIONS = re.compile(
    r"-c\s*(lock_timeout|statement_timeout|idle_in_transaction_session_timeout)=(\S+)"
)


class NoResponse(psycopg.OperationalError):
    """The server is connected but does not respond."""


class Connection(psycopg.Connection[Any]):
    """A connection that waits at most RESPONSE_TIMEOUT for the server."""

    # The statement that sets the limits of each transaction. Empty if the session has the
    # limits; None until the connection is set up.
    begin_statement: str | None = None

    def wait(self, gen: Any, *args: Any, **options: Any) -> Any:
        timeout = CONNECT_TIMEOUT if self.begin_statement is None else RESPONSE_TIMEOUT
        return super().wait(_until(monotonic() + timeout, gen), *args, **options)

    def rollback(self) -> None:
        """Roll back, or close the connection if that fails; the server then rolls back.

        Every request ends with a rollback. If it raised here, a finished response would become
        a 500. The pool replaces the closed connection, so no late response is misread.
        """
        try:
            super().rollback()
        except (psycopg.OperationalError, psycopg.InternalError):
            self.close()


def connect(*arguments: Any, limited: bool, **options: Any) -> psycopg.Connection[Any]:
    """Connect. Only requests are `limited`: a command such as a migration may take long."""
    options.setdefault("connect_timeout", CONNECT_TIMEOUT)
    # With a database in SQL_ASCII, psycopg would return text as bytes.
    options.setdefault("client_encoding", "utf8")
    if "," in str(options.get("host", "")):
        # Of several hosts, the one that accepts writes: after a failover that is another one.
        options.setdefault("target_session_attrs", "read-write")
    # PgBouncer refuses timeouts in `options`, or silently drops them, so they are set later.
    limits, options["options"] = _split(options.get("options", ""))
    kind = Connection if limited else psycopg.Connection
    connection: psycopg.Connection[Any] = kind.connect(*arguments, **options)
    try:
        _set_up(connection, limits)
    except BaseException:
        connection.close()
        raise
    return connection


def is_usable(connection: psycopg.Connection[Any], seconds_unused: float) -> bool:
    """Whether a pooled connection still works. The server is asked only if that is in doubt.

    A connection that the server has closed is readable, which the kernel knows without asking.
    """
    if connection.info.transaction_status or connection.pgconn.pipeline_status:
        return False  # a view left it in the middle of something
    try:
        if seconds_unused < UNCERTAIN and not _is_readable(connection):
            return True
        connection.execute("SELECT 1")
        connection.rollback()
    except psycopg.Error:
        return False
    return not connection.closed


def _is_readable(connection: psycopg.Connection[Any]) -> bool:
    if not hasattr(select, "poll"):
        return True  # Windows: unknown
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def _split(options: str) -> tuple[dict[str, str], str]:
    """The limits of a request, and the other options. DATABASE_URL overrides our limits."""
    ours = {
        "lock_timeout": f"{LOCK_TIMEOUT}s",
        "statement_timeout": f"{STATEMENT_TIMEOUT}s",
        "idle_in_transaction_session_timeout": f"{IDLE_TIMEOUT}s",
    }
    return ours | dict(_IN_OPTIONS.findall(options)), _IN_OPTIONS.sub("", options).strip()


def _set_up(connection: psycopg.Connection[Any], limits: dict[str, str]) -> None:
    # A pooler sends its own process id at login, and may use another session per transaction.
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    pooled = row != (connection.info.backend_pid,)
    if pooled:
        # A statement that one session prepared does not exist in the next.
        connection.prepare_threshold = None
    if isinstance(connection, Connection):
        statement = _setting(limits, local=pooled)
        try:
            connection.execute(statement)
        except psycopg.DataError as error:
            # An invalid limit is a server error (503), but DataError becomes a 400.
            raise psycopg.OperationalError(str(error)) from error
        connection.begin_statement = statement.as_string(connection) if pooled else ""
    connection.commit()


def _setting(limits: dict[str, str], *, local: bool) -> sql.Composed:
    calls = [sql.SQL("set_config({}, {}, {})").format(*limit, local) for limit in limits.items()]
    return sql.SQL("SELECT {}").format(sql.SQL(", ").join(calls))


def _until(deadline: float, steps: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """Forward the driver's steps until the deadline.

    psycopg resumes the generator ten times a second, with an empty value while it waits.
    """
    ready = None
    try:
        while True:
            ready = yield steps.send(ready)
            if not ready and monotonic() > deadline:
                raise NoResponse("the server does not respond")
    except StopIteration as done:
        return done.value
