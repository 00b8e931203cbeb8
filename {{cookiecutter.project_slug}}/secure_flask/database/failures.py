"""Classifies errors: the database is away, it cannot store a value, or the code has a bug.

Drivers raise the same classes for a server that is gone and for a typo, so the code of the error
decides. Source: PostgreSQL, appendix A, "PostgreSQL Error Codes"; SQLite, "Result and Error Codes".
"""

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from flask import Request
from sqlalchemy.exc import DataError, DBAPIError, OperationalError, TimeoutError
from werkzeug.exceptions import HTTPException
from werkzeug.http import parse_date

# Classes of SQLSTATE: no connection, a deadlock, no memory, disk or connection left, an operator or
# a time limit that ended the statement, and an error of the system.
_AWAY_CLASSES = ("08", "40", "53", "57", "58")
# A read-only server, limits of a transaction, and the wait for a lock.
_AWAY_STATES = ("25006", "25P03", "25P04", "55P03")
_AWAY_IN_SQLITE = (
    *("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL", "SQLITE_INTERRUPT"),
    *("SQLITE_FULL", "SQLITE_READONLY", "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_PERM"),
)
# A text that is too long, a number or a date out of range, and characters that do not fit.
# psycopg has no SQLSTATE for a text with NUL, which it does not send.
_VALUE_STATES = (None, "22001", "22003", "22007", "22008", "22021", "22P02", "22P05")
_FOREIGN_KEY = ("23503", "SQLITE_CONSTRAINT_FOREIGNKEY")
_UNDEFINED = ("42P01", "42703")  # a table, a column
# SQLite has one code for a missing name and for wrong syntax, so its words decide.
_UNDEFINED_IN_SQLITE = ("no such table", "no such column", "has no column named")
# SQLite's driver raises an OverflowError with this text for an integer of more than 64 bits.
_TOO_LARGE = "Python int too large to convert to SQLite INTEGER"
_HEADERS_OF_DATES = ("If-Modified-Since", "If-Unmodified-Since", "If-Range", "Date")

MIGRATION_COMMANDS = ".venv/bin/flask db migrate", ".venv/bin/flask db upgrade"


def is_away(error: Exception) -> bool:
    """Whether the database does not serve: unreachable, busy, full, read-only or too slow."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, TimeoutError)
    state, name = _codes_of(error)
    if error.connection_invalidated or name.startswith(_AWAY_IN_SQLITE):
        return True
    if state:
        return state[:2] in _AWAY_CLASSES or state in _AWAY_STATES
    # Without a server there is no SQLSTATE.
    return isinstance(error, OperationalError) and not isinstance(error.orig, sqlite3.Error)


def is_missing_reference(error: DBAPIError) -> bool:
    """Whether a foreign key refers to a row that does not exist."""
    return any(code in _FOREIGN_KEY for code in _codes_of(error))


def undefined_name(error: DBAPIError) -> str | None:
    """The message of the database about a table or column that it does not have, or None."""
    # Only the first line counts: PostgreSQL adds lines with the statement.
    [said, *_] = str(error.orig).splitlines() or [""]
    in_sqlite = isinstance(error.orig, sqlite3.Error) and any(
        words in said for words in _UNDEFINED_IN_SQLITE
    )
    return said if in_sqlite or _codes_of(error)[0] in _UNDEFINED else None


def explain_undefined_name(error: DBAPIError) -> None:
    """Add to the error what to do about a table or column that the database does not have.

    The traceback shows it, in the log and in Flask's debugger.
    """
    if said := undefined_name(error):
        error.add_note(
            f"The database says: {said}. If a model has it, write the migration and run it:\n"
            + "\n".join(f"    {command}" for command in MIGRATION_COMMANDS)
        )


def is_value_of_request(error: Exception, request: Request) -> bool:
    """Whether the error comes from a value that the client sent, and that the view did not change.

    A value that a view has computed is a bug of the view. A date in a header that Werkzeug
    cannot hold counts too.
    """
    if isinstance(error, OverflowError):
        too_large = str(error) == _TOO_LARGE and any(map(_is_too_large, _texts_of(request)))
        return too_large or _has_impossible_date(request)
    if not isinstance(error, DataError) or _codes_of(error)[0] not in _VALUE_STATES:
        return False
    return not {*_texts(error.params)}.isdisjoint(_texts_of(request))


def _has_impossible_date(request: Request) -> bool:
    """Whether Werkzeug fails at the year of a header, which it passes to `datetime` unchecked."""
    try:
        for name in _HEADERS_OF_DATES:
            parse_date(request.headers.get(name))
    except OverflowError:
        return True
    return False


def _codes_of(error: DBAPIError) -> tuple[str | None, str]:
    """The SQLSTATE, and the name of the error of SQLite."""
    return getattr(error.orig, "sqlstate", None), getattr(error.orig, "sqlite_errorname", "")


def _texts_of(request: Request) -> Iterator[str]:
    """The values in the path, the query, the form and the JSON of a request."""
    yield from _texts(request.view_args)
    yield from _texts(request.args.to_dict(flat=False))
    # No view can have a value of a body that is too large or malformed, so it is skipped.
    with suppress(HTTPException):
        yield from _texts(request.form.to_dict(flat=False))
        yield from _texts(request.get_json(silent=True))


def _texts(value: Any) -> Iterator[str]:
    """The single values in lists and dicts, as texts."""
    # This does not recurse, since a client may nest many values deeply.
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            waiting += each.values()
        elif isinstance(each, list | tuple):
            waiting += each
        else:
            yield str(each)


def _is_too_large(text: str) -> bool:
    try:
        return not -(2**63) <= int(text) < 2**63
    except ValueError:
        return False
