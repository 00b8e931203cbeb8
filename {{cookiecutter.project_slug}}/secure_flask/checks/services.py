"""Checks the services that the app needs: the database, Redis and storage that workers share.

Source: OWASP ASVS 6.3.1.
"""

from logging import ERROR, WARNING

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from secure_flask.checks.registry import check
from secure_flask.database import db
from secure_flask.database.database import migrate
from secure_flask.programs import FLASK
from secure_flask.web import rate_limiter
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError


@check(
    "database.unreachable",
    ERROR,
    "The database cannot be reached: every login would get a 503.",
    "Check DATABASE_URL, and whether the database is running.",
)
def unreachable_database(app: Flask) -> bool:
    try:
        with db.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return True
    return False


@check(
    "migrations.pending",
    WARNING,
    "The database is not at the newest migration: its tables are missing or outdated.",
    f"Run: {FLASK} db upgrade",
)
def pending_migrations(app: Flask) -> bool:
    newest = ScriptDirectory.from_config(migrate.get_config()).get_heads()
    try:
        with db.engine.connect() as connection:
            applied = MigrationContext.configure(connection).get_current_heads()
    except SQLAlchemyError:
        return False  # database.unreachable reports this
    return set(applied) != set(newest)


@check(
    "redis.unreachable",
    WARNING,
    "Redis cannot be reached: each worker counts failed logins separately, with half the limit.",
    "Check REDIS_URL, and whether Redis is running.",
)
def unreachable_redis(app: Flask) -> bool:
    return not rate_limiter.shared_storage_is_available()


@check(
    "workers.unshared-limits",
    ERROR,
    "WEB_CONCURRENCY is above 1 without REDIS_URL: each worker would count failures separately.",
    "Set REDIS_URL, or WEB_CONCURRENCY to 1.",
    deploy=True,
)
def unshared_limits(app: Flask) -> bool:
    return _several_workers(app) and app.config["REDIS_URL"] is None


@check(
    "workers.sqlite",
    ERROR,
    "WEB_CONCURRENCY is above 1 on SQLite, which allows only one writer at a time.",
    "Set DATABASE_URL to a PostgreSQL database, or WEB_CONCURRENCY to 1.",
    deploy=True,
)
def workers_on_sqlite(app: Flask) -> bool:
    return _several_workers(app) and _on_sqlite(app)


@check(
    "redis.missing",
    WARNING,
    "REDIS_URL is not set: each instance would count failures separately, so two allow twice as many.",
    "Set it. Accept this if one process serves the whole site.",
    deploy=True,
)
def missing_redis(app: Flask) -> bool:
    return not _several_workers(app) and app.config["REDIS_URL"] is None


@check(
    "database.sqlite",
    WARNING,
    "The database is SQLite: a second instance would have separate users and logins.",
    "Set DATABASE_URL to a PostgreSQL database. Accept this if one process serves the whole site.",
    deploy=True,
)
def sqlite_database(app: Flask) -> bool:
    return not _several_workers(app) and _on_sqlite(app)


def _several_workers(app: Flask) -> bool:
    return bool(app.config["WEB_CONCURRENCY"] > 1)


def _on_sqlite(app: Flask) -> bool:
    return bool(app.config["DATABASE_URL"].startswith("sqlite"))
