"""The rendered project on PostgreSQL and Redis, each the real one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import services
import support
from conftest import Rendered

CORE = support.TEMPLATE / "tests" / "core"
# Accounts, whose users have another class, run alone and weekly: tests/views/ has their routes.
DATA = ["auth", "checks", "crypto", "csp_reports", "database", "keys"]
# These words show that a module of the core, or its test, asks a database.
QUERY = re.compile(r"\bdb\.(session|engine)\b|\bselect\(")
DATABASE = re.compile(r"file_app|postgresql", re.IGNORECASE)
# Those of a project's that store most.
OWN = [f"tests/test_{name}.py" for name in ("account", "encryption", "login", "migrations")]
# Those that count in Redis.
LIMITS = ("auth/test_throttle.py", "web/test_counters.py", "web/test_rate_limits.py")


@pytest.mark.all
@pytest.mark.slow(seconds=120)
def test_the_tests_of_the_core_pass_on_postgresql() -> None:
    with services.postgresql() as url:
        assert "passed" in run_core(*stored(DATA), TEST_DATABASE_URL=url)


@pytest.mark.weekly
@pytest.mark.slow(seconds=120)
def test_the_rules_of_accounts_hold_on_postgresql() -> None:
    with services.postgresql() as url:
        assert "passed" in run_core(*stored(["accounts"]), TEST_DATABASE_URL=url)


def stored(folders: list[str]) -> list[Path]:
    """Return the core's tests that a database decides: all others are the same on each."""
    files = [file for folder in folders for file in sorted((CORE / folder).rglob("test_*.py"))]
    return [
        file
        for file in files
        if DATABASE.search(file.read_text("utf-8")) or QUERY.search(module_of(file))
    ]


def module_of(file: Path) -> str:
    """Return the module of the core that a file tests."""
    core = support.FOLDER / "secure_flask" / file.parent.relative_to(CORE)
    module = core / file.name.removeprefix("test_")
    return module.read_text("utf-8") if module.exists() else ""


@pytest.mark.all
def test_the_tests_of_a_project_with_accounts_pass_on_postgresql(rendered: Rendered) -> None:
    with services.postgresql() as url:
        project = rendered({"accounts": "self-service"})
        assert "passed" in support.own_tests(project, *OWN, "tests/accounts", TEST_DATABASE_URL=url)


@pytest.mark.all
def test_the_limits_of_the_core_hold_in_redis() -> None:
    with services.redis() as url:
        assert "skipped" not in run_core(*(CORE / name for name in LIMITS), TEST_REDIS_URL=url)


def run_core(*which: Path, **environment: str) -> str:
    command: tuple[str | Path, ...] = ("-m", "pytest", "-q", "-rs", *support.random_order(), *which)
    return support.python(*command, cwd=support.TEMPLATE, **environment)


def test_a_project_works_on_postgresql(rendered: Rendered) -> None:
    """Also that migrations make the tables that the models describe."""
    with services.postgresql() as url:
        support.own_tests(rendered({}), *OWN, TEST_DATABASE_URL=url)
