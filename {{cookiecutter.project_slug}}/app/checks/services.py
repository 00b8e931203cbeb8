"""What the app needs around it: its database and Redis, and workers that agree.

Source: OWASP ASVS 6.3.1.
"""

from logging import ERROR, WARNING

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.checks.registry import check
from app.db import db, migrate
from app.security import limits


@check(
    "database.unreachable",
    ERROR,
    "The database cannot be reached: every login would be answered with 503.",
    "Look at DATABASE_URL, and whether the database runs.",
)
def database_is_away(app: Flask) -> bool:
    try:
        with db.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return True
    return False


@check(
    "migrations.pending",
    WARNING,
    "The database is not at the newest migration: its tables are missing or others.",
    "Run: flask db upgrade",
)
def migrations_are_pending(app: Flask) -> bool:
    newest = ScriptDirectory.from_config(migrate.get_config()).get_heads()
    try:
        with db.engine.connect() as connection:
            applied = MigrationContext.configure(connection).get_current_heads()
    except SQLAlchemyError:
        return False  # database.unreachable tells
    return set(applied) != set(newest)


@check(
    "redis.unreachable",
    WARNING,
    "Redis cannot be reached: each worker counts failed logins for itself, to half the limit.",
    "Look at REDIS_URL, and whether Redis runs.",
)
def redis_is_away(app: Flask) -> bool:
    return not limits.shared_storage_answers()


@check(
    "workers.limits-apart",
    ERROR,
    "WEB_CONCURRENCY is above 1 without REDIS_URL: each worker would count for itself.",
    "Set REDIS_URL, or WEB_CONCURRENCY to 1.",
    deploy=True,
)
def count_apart(app: Flask) -> bool:
    return _several_workers(app) and app.config["REDIS_URL"] is None


@check(
    "workers.sqlite",
    ERROR,
    "WEB_CONCURRENCY is above 1 on SQLite, which lets one worker write at a time.",
    "Name a PostgreSQL in DATABASE_URL, or set WEB_CONCURRENCY to 1.",
    deploy=True,
)
def share_sqlite(app: Flask) -> bool:
    return _several_workers(app) and _on_sqlite(app)


@check(
    "redis.missing",
    WARNING,
    "REDIS_URL is not set: each instance would count for itself, and two allow twice the guesses.",
    "Set it. Accept this where one process serves the whole site.",
    deploy=True,
)
def counts_alone(app: Flask) -> bool:
    return not _several_workers(app) and app.config["REDIS_URL"] is None


@check(
    "database.sqlite",
    WARNING,
    "The database is SQLite: a second instance would have users and logins of its own.",
    "Name a PostgreSQL in DATABASE_URL. Accept this where one process serves the whole site.",
    deploy=True,
)
def stores_alone(app: Flask) -> bool:
    return not _several_workers(app) and _on_sqlite(app)


def _several_workers(app: Flask) -> bool:
    return bool(app.config["WEB_CONCURRENCY"] > 1)


def _on_sqlite(app: Flask) -> bool:
    return bool(app.config["DATABASE_URL"].startswith("sqlite"))
