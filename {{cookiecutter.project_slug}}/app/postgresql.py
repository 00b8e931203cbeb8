"""A PostgreSQL that is slow, frozen or gone keeps no request waiting: each wait has an end.

The server itself ends what takes too long there. One that says nothing any more cannot,
so the client then gives the connection up. Source: OWASP ASVS 13.1.3.
"""

from collections.abc import Generator
from time import monotonic
from typing import Any

import click
import psycopg

# In seconds. A request waits at most for an answer and then for a new connection.
CONNECT_TIMEOUT = 3
LOCK_TIMEOUT = 3
STATEMENT_TIMEOUT = 5
ANSWER_TIMEOUT = 7  # longer, so that a server that lives ends its statement itself
IDLE_TIMEOUT = 30  # in a transaction whose client does nothing, and keeps its rows locked


class NoAnswer(psycopg.OperationalError):
    """The server is connected and silent."""


class Connection(psycopg.Connection[Any]):
    """One that waits for no answer longer than ANSWER_TIMEOUT."""

    def wait(self, gen: Any, *args: Any, **options: Any) -> Any:
        return super().wait(_until(monotonic() + ANSWER_TIMEOUT, gen), *args, **options)

    def rollback(self) -> None:
        """Roll back, or close what cannot: its server does so when it sees that.

        Every request ends with this, and one that was answered before is served all the same.
        The pool replaces what is closed, so that no late answer is taken for another.
        """
        try:
            super().rollback()
        except (psycopg.OperationalError, psycopg.InternalError):
            self.close()


def connect(*arguments: Any, **options: Any) -> psycopg.Connection[Any]:
    """Connect for a request. A command has its own time: a migration rewrites whole tables."""
    options.setdefault("connect_timeout", CONNECT_TIMEOUT)
    # Whatever the database's own encoding is, else text may come back as bytes.
    options.setdefault("client_encoding", "utf8")
    if click.get_current_context(silent=True):
        return psycopg.connect(*arguments, **options)
    # What DATABASE_URL itself says comes last and counts.
    options["options"] = f"{_limits()} {options.get('options', '')}"
    return Connection.connect(*arguments, **options)


def _limits() -> str:
    limits = {
        "lock_timeout": LOCK_TIMEOUT,
        "statement_timeout": STATEMENT_TIMEOUT,
        "idle_in_transaction_session_timeout": IDLE_TIMEOUT,
    }
    return " ".join(f"-c {name}={seconds * 1000:.0f}" for name, seconds in limits.items())


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
