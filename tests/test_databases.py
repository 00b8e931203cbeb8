"""The rendered project on PostgreSQL and Redis, each the real one."""

from __future__ import annotations

from pathlib import Path

import pytest

import services
import support
from conftest import NewProject

CORE = Path(__file__).with_name("core")
# Those of the core's tests that store something, or count in Redis.
STORED = [CORE / name for name in ("auth", "crypto", "csp_reports", "database")]
LIMITS = CORE / "web" / "test_rate_limits.py"


def test_the_projects_own_tests_pass_on_postgresql(new_project: NewProject) -> None:
    with services.postgresql() as url:
        output = support.own_tests(new_project(), TEST_DATABASE_URL=url)
    assert "passed" in output


@pytest.mark.all
def test_the_tests_of_the_core_pass_on_postgresql() -> None:
    with services.postgresql() as url:
        assert "passed" in run_core(*STORED, TEST_DATABASE_URL=url)


def test_the_limits_of_the_core_hold_in_redis() -> None:
    with services.redis() as url:
        assert "skipped" not in run_core(LIMITS, TEST_REDIS_URL=url)


def run_core(*which: Path, **environment: str) -> str:
    command: tuple[str | Path, ...] = ("-m", "pytest", "-q", "-rs", *which)
    return support.python(*command, cwd=support.TEMPLATE, **environment)


# As `flask db upgrade`, `check` and `downgrade base` do, without starting thrice.
MIGRATE = """
from flask_migrate import check, downgrade, upgrade
from wsgi import app

with app.app_context():
    upgrade()
    check()
    downgrade(revision="base")
"""


def test_migrations_make_the_tables_that_the_models_describe(new_project: NewProject) -> None:
    project = new_project()
    support.write_settings(project)
    with services.postgresql() as postgresql:
        for database in ("sqlite:///app.db", postgresql):
            shown = support.python("-c", MIGRATE, cwd=project, DATABASE_URL=database)
            assert "No new upgrade operations" in shown
