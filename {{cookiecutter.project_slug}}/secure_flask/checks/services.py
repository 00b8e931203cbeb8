"""Checks the services that the app needs: the database and its clock, Redis, shared storage.

Source: OWASP ASVS 6.3.1, 12.3.1, 12.3.2.
"""

import os
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from flask import Flask
from secure_flask.checks import Finding, register_check
from secure_flask.clock import seconds_now
from secure_flask.database import db
from secure_flask.database.database import migrate
from secure_flask.database.engine_options import arguments_of_requests
from secure_flask.web import count_storages
from secure_flask.web.counters import counters
from sqlalchemy import Engine, NullPool, create_engine, extract, func, make_url, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

# These options decide on TLS. libpq reads each from the URL or the environment, as in PGHOST.
LIBPQ = ("host", "hostaddr", "service", "sslmode")
UNREACHABLE = "database.unreachable"
MIGRATIONS = "database.migrations"
MOST_OFF = 60  # seconds


@register_check(UNREACHABLE, "error")
def unreachable_database(app: Flask) -> Iterator[Finding]:
    yield from _problems_of_database(UNREACHABLE) or _problems_of_requests(app)


@register_check(MIGRATIONS, "error")
def migrations(app: Flask) -> Iterator[Finding]:
    yield from _problems_of_database(MIGRATIONS)


@register_check("clock.off", "warning", deploy=True)
def different_clocks(app: Flask) -> Iterator[Finding]:
    # SQLite has the clock of this machine.
    if _is_sqlite(app):
        return
    try:
        with db.engine.connect() as connection:
            there = connection.scalar(select(extract("epoch", func.clock_timestamp())))
    except SQLAlchemyError:
        return  # database.unreachable reports this
    off = seconds_now() - int(there or 0)
    if abs(off) > MOST_OFF:
        yield Finding(
            f"The clock of this machine is {off:+} seconds off that of the database: limits, tokens "
            "and codes of a second factor go by it.",
            hint="Let both machines set their clocks by NTP: timedatectl set-ntp true",
        )


@register_check("database.no-limits", "warning", deploy=True)
def missing_limits(app: Flask) -> Iterator[Finding]:
    engine = _engine_of_requests(app)
    if _is_sqlite(app) or not engine:
        return
    try:
        with engine.connect() as connection:
            limit = connection.scalar(select(func.current_setting("statement_timeout")))
    except SQLAlchemyError:
        return  # database.unreachable reports this
    if limit == "0":
        yield Finding(
            "PostgreSQL ends no statement of a request, however long it takes.",
            hint="Set the three time limits on the role, as docs/reference/settings.md of the "
            "template says of PgBouncer.",
        )


@register_check("redis.unreachable", "warning")
def unreachable_redis(app: Flask) -> Iterator[Finding]:
    if error := counters().redis_error():
        yield Finding(
            f"Redis cannot be used ({error}): each worker counts failed logins separately, with half "
            "the limit.",
            hint="Check REDIS_URL: the host, the password, the certificate; and whether Redis is "
            "running.",
        )


@register_check("database.sqlite", "warning", deploy=True)
def on_sqlite(app: Flask) -> Iterator[Finding]:
    if _is_sqlite(app):
        yield Finding(
            "The database is SQLite: a second instance would have separate users and logins.",
            hint="Set DATABASE_URL to a PostgreSQL database. Accept this if one process serves the "
            "whole site.",
        )


@register_check("redis.missing", "warning", deploy=True)
def missing_redis(app: Flask) -> Iterator[Finding]:
    if not app.config.get("REDIS_URL"):
        yield Finding(
            "REDIS_URL is not set: each process counts failed logins separately.",
            hint="Set it. Accept this if one process serves the whole site.",
        )


@register_check("database.unverified-tls", "warning", deploy=True)
def unverified_database(app: Flask) -> Iterator[Finding]:
    if not _is_sqlite(app) and not _is_verified(app.config["DATABASE_URL"]):
        yield Finding(
            "An attacker on the way to the database, which is on another host, can read and "
            "change it.",
            hint="Add ?sslmode=verify-full&sslrootcert=/path/ca.pem to DATABASE_URL. Accept this "
            "if the network between them is yours alone.",
        )


@register_check("redis.unverified-tls", "warning", deploy=True)
def unverified_redis(app: Flask) -> Iterator[Finding]:
    written = app.config.get("REDIS_URL") or ""
    elsewhere = _is_elsewhere(urlsplit(written).hostname or "")
    if elsewhere and not count_storages.is_redis_verified(written):
        yield Finding(
            "An attacker on the way to Redis, which is on another host, can read and change the "
            "counts.",
            hint="Write rediss:// in REDIS_URL, and with an authority of your own "
            "?ssl_ca_certs=/path/ca.pem. Accept this if the network between them is yours alone.",
        )


def problem_of_migrations() -> Finding | None:
    """What is wrong with the database; None where it is at the newest migration."""
    try:
        newest = ScriptDirectory.from_config(migrate.get_config()).get_heads()
    except CommandError:
        return Finding(
            f"There is no folder {Path(migrate.directory).name}/, which makes the tables of "
            "secure_flask.",
            hint="Copy it from a new project, and run: .venv/bin/flask db upgrade",
            id=MIGRATIONS,
        )
    try:
        with db.engine.connect() as connection:
            applied = MigrationContext.configure(connection).get_current_heads()
    except SQLAlchemyError:
        return Finding(
            "The database cannot be reached.",
            hint="Check DATABASE_URL, and whether the database is running.",
            id=UNREACHABLE,
        )
    if {*applied} == {*newest}:
        return None
    return Finding(
        "The database is not at the newest migration.",
        hint="Check DATABASE_URL, and run: .venv/bin/flask db upgrade",
        id=MIGRATIONS,
    )


def _problems_of_database(finding_id: str) -> list[Finding]:
    problem = problem_of_migrations()
    return [problem] if problem and problem.id == finding_id else []


def _problems_of_requests(app: Flask) -> Iterator[Finding]:
    """What keeps requests from connecting, with their time limits, where a command can."""
    try:
        if engine := _engine_of_requests(app):
            engine.connect().close()
    except DBAPIError as error:
        yield Finding(
            f"The database refuses the connection of each request: {error.orig}",
            hint="Behind PgBouncer, end DATABASE_URL by ?options=-c%20application_name%3Dapp, and "
            "set the three time limits on the role, as docs/reference/settings.md of the template "
            "says.",
        )


def _engine_of_requests(app: Flask) -> Engine | None:
    """One that connects as a request does; None where the owner opens the connections."""
    options = app.config["SQLALCHEMY_ENGINE_OPTIONS"]
    if {"creator", "pool"} & options.keys():
        return None
    url = app.config["DATABASE_URL"]
    arguments = arguments_of_requests(url, options["connect_args"])
    return create_engine(url, connect_args=arguments, poolclass=NullPool)


def _is_verified(database_url: str) -> bool:
    """Whether the connection stays on this machine, or verifies the server's certificate."""
    url = make_url(database_url)
    _, options = url.get_dialect()().create_connect_args(url)
    given = {name: options.get(name) or os.environ.get(f"PG{name.upper()}", "") for name in LIBPQ}
    hosts = f"{given['host']},{given['hostaddr']}".split(",")
    elsewhere = given["service"] or any(map(_is_elsewhere, hosts))
    return not elsewhere or given["sslmode"] == "verify-full"


def _is_sqlite(app: Flask) -> bool:
    return bool(app.config["DATABASE_URL"].startswith("sqlite"))


def _is_elsewhere(host: str) -> bool:
    """Whether this is the name or address of another machine.

    A name without a dot counts as a container of the same network, as in compose.yaml, and a
    path as a socket of this machine.
    """
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return "." in host and not host.startswith("/")
