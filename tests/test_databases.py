"""The rendered project on PostgreSQL and Redis, each the real one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import services
import support
from conftest import Bake


@pytest.fixture
def postgresql() -> Iterator[str]:
    with services.postgresql() as url:
        yield url


def test_its_own_tests_pass_on_postgresql(bake: Bake, postgresql: str) -> None:
    output = support.python("-m", "pytest", "-q", cwd=bake().path, TEST_DATABASE_URL=postgresql)
    assert "passed" in output


def test_its_limits_hold_in_redis(bake: Bake) -> None:
    with services.redis() as url:
        command = ["-m", "pytest", "-q", "-rs", "tests/security/test_limits.py"]
        output = support.python(*command, cwd=bake().path, TEST_REDIS_URL=url)
    assert "skipped" not in output


def test_migrations_make_the_tables_that_the_models_describe(bake: Bake, postgresql: str) -> None:
    project = bake().path
    for database in ("sqlite:///app.db", postgresql):
        flask(project, "db", "upgrade", database=database)
        assert "No new upgrade operations" in flask(project, "db", "check", database=database)
        flask(project, "db", "downgrade", "base", database=database)


def flask(project: Path, *arguments: str, database: str) -> str:
    return support.python(
        "-m",
        "flask",
        *arguments,
        cwd=project,
        APP_ENV="development",
        SECRET_KEY="only-the-tests-know-0123456789-abcdefghij",
        DATABASE_URL=database,
    )
