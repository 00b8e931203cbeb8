"""The options of each engine: those that the app needs, merged with those that the owner sets.

The owner's options win. One that would weaken a protection is refused with an explanation: a time
limit may be shorter, not longer. Only the query of a database's URL sets a longer one, since the
operator who writes it knows the database. Source: OWASP ASVS 13.1.3, 16.2.5.
"""

from collections.abc import Mapping
from typing import Any

from secure_flask.web.origins import PolicyError
from secure_flask.web.serving import serves_requests
from sqlalchemy import URL, QueuePool, make_url

# The number of concurrent requests of one process, and of its database connections.
THREADS = 16
POOL_TIMEOUT = 5  # seconds: a view that opens a second connection may have to wait for it
BUSY_TIMEOUT = 5  # seconds that SQLite waits for another writer
# Arguments of psycopg. A name in the query of DATABASE_URL replaces one. PgBouncer refuses LIMITS:
# there write ?options=-c%20application_name%3Dapp, and set the limits on the role, such as by
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
# If the URL names several hosts, the app uses the one that accepts writes, which changes with a
# failover.
SEVERAL_HOSTS = {"target_session_attrs": "read-write"}
# These limits apply to requests alone, since a migration may take long.
LIMITS = {
    "options": "-c lock_timeout=3s -c statement_timeout=5s"
    " -c idle_in_transaction_session_timeout=30s"
}
_LIMIT_NAMES = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
# The owner may lower these options, not raise them. 0 or None would mean no limit.
_TIME_LIMITS = ("pool_timeout", "connect_timeout", "tcp_user_timeout", "timeout")
_SWITCHES = {
    "hide_parameters": "or the log shows what statements store, such as the hash of a password",
    "pool_pre_ping": "or requests fail after a restart of the database",
}
_HOW_TO_CHANGE = "remove it, or write it into the query of the database's URL"


def engine_options(url: str, own: Mapping[str, Any]) -> dict[str, Any]:
    """The options of the engine for DATABASE_URL.

    :raises PolicyError: SQLALCHEMY_ENGINE_OPTIONS weakens an option, or names another database.
    """
    if "url" in own:
        raise PolicyError("SQLALCHEMY_ENGINE_OPTIONS: remove 'url', since DATABASE_URL gives it.")
    return _merged("SQLALCHEMY_ENGINE_OPTIONS", make_url(url), own)


def bind_options(binds: Mapping[str | None, Any]) -> dict[str | None, dict[str, Any]]:
    """The options of the engine for each bind, its URL among them.

    :raises PolicyError: a bind weakens an option, or replaces the database of DATABASE_URL.
    """
    if None in binds:
        raise PolicyError("SQLALCHEMY_BINDS: remove None, since DATABASE_URL gives this database.")
    merged: dict[str | None, dict[str, Any]] = {}
    for key, bind in binds.items():
        own = bind if isinstance(bind, Mapping) else {"url": bind}
        merged[key] = _merged(f"SQLALCHEMY_BINDS[{key!r}]", make_url(own["url"]), own)
    return merged


def arguments_of_requests(url: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments by which a request connects to DATABASE_URL, from those of a command."""
    database = make_url(url)
    options = str(arguments.get("options", ""))
    has_limits = "options" in database.query or LIMITS["options"] in options
    if has_limits or not _is_psycopg(database):
        return {**arguments}
    return {**arguments, "options": f"{LIMITS['options']} {options}"}


def _merged(place: str, url: URL, own: Mapping[str, Any]) -> dict[str, Any]:
    needed = _needed_options(url, own)
    arguments = _needed_arguments(url)
    own_arguments = own.get("connect_args") or {}
    _refuse_weaker(place, {**needed, **arguments}, {**own, **own_arguments})
    # Arguments that the query of the URL sets are left out.
    arguments = {name: value for name, value in arguments.items() if name not in url.query}
    if "options" in arguments and "options" in own_arguments:
        own_options = f"{arguments['options']} {own_arguments['options']}"
        own_arguments = {**own_arguments, "options": own_options}
    return {**needed, **own, "connect_args": {**arguments, **own_arguments}}


def _needed_options(url: URL, own: Mapping[str, Any]) -> dict[str, Any]:
    # Logged errors must not contain parameters, such as a password hash.
    options: dict[str, Any] = {"hide_parameters": True}
    if url.get_backend_name() == "postgresql":
        # The pool tests a connection before each use, so a restart of the database is not noticed.
        options["pool_pre_ping"] = True
    in_memory = url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:")
    # Other kinds of pools do not accept `pool_size`, `max_overflow` and `pool_timeout`.
    if in_memory or "pool" in own or not issubclass(own.get("poolclass", QueuePool), QueuePool):
        return options
    return options | {"pool_size": THREADS, "max_overflow": 0, "pool_timeout": POOL_TIMEOUT}


def _needed_arguments(url: URL) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        return {"timeout": BUSY_TIMEOUT}
    # Other drivers do not know these names.
    if not _is_psycopg(url):
        return {}
    several = SEVERAL_HOSTS if "," in str(url.query.get("host", "")) else {}
    return {**POSTGRESQL, **several, **(LIMITS if serves_requests() else {})}


def _is_psycopg(url: URL) -> bool:
    return (url.get_backend_name(), url.get_driver_name()) == ("postgresql", "psycopg")


def _refuse_weaker(place: str, needed: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    for name in own.keys() & needed.keys():
        if name in _SWITCHES and own[name] is not True:
            raise PolicyError(f"{place}: {name} stays True, {_SWITCHES[name]}: remove it.")
        if name in _TIME_LIMITS and not _is_shorter(own[name], needed[name]):
            raise PolicyError(
                f"{place}: {name} is more than 0 and at most {needed[name]}: {_HOW_TO_CHANGE}."
            )
    # PostgreSQL reads --Lock-Timeout=0 as -c lock_timeout=0.
    options = str(own.get("options", "")).lower().replace("-", "_")
    for name in _LIMIT_NAMES:
        if "options" in needed and name in options:
            raise PolicyError(f"{place}: options may not replace {name}: {_HOW_TO_CHANGE}.")


def _is_shorter(limit: object, longest: float) -> bool:
    return isinstance(limit, int | float) and 0 < limit <= longest
