"""The rendered project on PostgreSQL and Redis, each the real one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import services
import support
from conftest import NewProject


@pytest.fixture
def postgresql() -> Iterator[str]:
    with services.postgresql() as url:
        yield url


# The project's own tests of what it stores.
STORED = [
    *(f"tests/{name}" for name in ("accounts", "auth", "crypto", "csp_reports", "db")),
    *(f"tests/test_{name}.py" for name in ("app", "health", "methods")),
]


@pytest.mark.parametrize("accounts", support.CHOICES["accounts"])
def test_its_own_tests_pass_on_postgresql(accounts: str, new_project: NewProject) -> None:
    which = [] if support.EVERY_COMBINATION else STORED
    # A database of its own, since the answers have other tables.
    with services.postgresql() as url:
        output = support.own_tests(new_project(accounts=accounts), *which, TEST_DATABASE_URL=url)
    assert "passed" in output


def test_refreshes_pass_on_postgresql(new_project: NewProject) -> None:
    tests = "tests/auth/test_refresh.py"
    with services.postgresql() as url:
        output = support.own_tests(new_project(token_type="jwt"), tests, TEST_DATABASE_URL=url)
    assert "skipped" not in output


def test_its_limits_hold_in_redis(new_project: NewProject) -> None:
    with services.redis() as url:
        arguments = ("-rs", "tests/security/test_rate_limits.py")
        output = support.own_tests(new_project(), *arguments, TEST_REDIS_URL=url)
    assert "skipped" not in output


# As `flask db upgrade`, `check` and `downgrade base` do, without starting thrice.
MIGRATE = """
from flask_migrate import check, downgrade, upgrade
from wsgi import app

with app.app_context():
    upgrade()
    check()
    downgrade(revision="base")
"""


@pytest.mark.parametrize("accounts", support.CHOICES["accounts"])
def test_migrations_make_the_tables_that_the_models_describe(
    accounts: str, new_project: NewProject, postgresql: str
) -> None:
    project = new_project(accounts=accounts)
    support.write_settings(project)
    for database in ("sqlite:///secure_flask.database", postgresql):
        told = support.python("-c", MIGRATE, cwd=project, DATABASE_URL=database)
        assert "No new upgrade operations" in told
