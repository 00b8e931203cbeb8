"""What a contributor runs: `make` and its targets, one file of tests, the hooks of a commit."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

import support

CORE = Path(support.FOLDER.name) / "secure_flask"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A clone with an environment, in which a file of the core is gone."""
    copy = support.copy_template(tmp_path / "template")
    (copy / ".venv").symlink_to(sys.prefix)
    support.init_git(copy)
    (copy / CORE / "csp_levels.py").unlink()
    return copy


def compare(copy: Path) -> tuple[int, str]:
    """Compare MANIFEST as `make lint` does, without the variables that forbid a cache."""
    finished = subprocess.run(
        [sys.executable, "-m", "tools.manifest", "--check"],
        cwd=copy,
        env=support.newcomers_environment(),
        capture_output=True,
        text=True,
    )
    return finished.returncode, finished.stderr


def caches(copy: Path) -> list[Path]:
    return list((copy / CORE).rglob("__pycache__"))


def test_each_target_is_named_once_and_those_of_most_days_by_make_itself() -> None:
    often = re.findall(r"^make ([a-z-]+)", support.run("make", cwd=support.TEMPLATE), re.MULTILINE)
    assert len(often) <= 12
    contributing = (support.TEMPLATE / "CONTRIBUTING.md").read_text("utf-8")
    seldom = re.findall(r"^\| `make ([a-z-]+)", contributing, re.MULTILINE)
    makefile = (support.TEMPLATE / "Makefile").read_text("utf-8")
    targets = [
        name
        for line in makefile.splitlines()
        if line.startswith(".PHONY:")
        for name in line.split()[1:]
    ]
    assert sorted(targets) == sorted(["help", *often, *seldom])


def marks(target: str) -> str:
    """Return which tests a target runs."""
    planned = support.run("make", "--dry-run", "-o", ".venv/ready", target, cwd=support.TEMPLATE)
    [line] = [line for line in planned.splitlines() if " -m pytest" in line]
    [_, chosen] = [after for word, after in pairwise(shlex.split(line)) if word == "-m"]
    return chosen


def test_each_test_is_run_by_one_target() -> None:
    targets = ("test", "test-all", "test-weekly", "test-containers")
    assert {target: marks(target) for target in targets} == {
        "test": "not all and not engine and not weekly",
        "test-all": "all and not engine and not weekly",
        "test-weekly": "weekly",
        "test-containers": "engine",
    }


def test_lint_says_when_the_manifest_is_old_and_make_manifest_writes_it(copy: Path) -> None:
    assert compare(copy) == (
        1,
        "MANIFEST does not list the core as it is: run `make manifest`.\n",
    )
    ready = ("-o", ".venv/ready")
    assert "tools.manifest --check" in support.run("make", "--dry-run", *ready, "lint", cwd=copy)
    support.run("make", *ready, "manifest", cwd=copy)
    assert compare(copy) == (0, "")
    assert caches(copy) == []


def test_lint_runs_all_its_tools_and_names_what_repairs_them(tmp_path: Path) -> None:
    tools = [
        tmp_path / ".venv" / "bin" / name for name in ("ruff", "mypy", "python", "lint-imports")
    ]
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    for tool in tools:
        tool.write_text('#!/bin/sh\necho "$0 failed"\nexit 1\n')
        tool.chmod(0o755)
    makefile = str(support.TEMPLATE / "Makefile")
    command = ("make", "-f", makefile, "-o", ".venv/ready", "lint")
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert finished.returncode == 2
    said = finished.stdout.splitlines()
    assert [tool.name for tool in tools if f".venv/bin/{tool.name} failed" not in said] == []
    assert "make fix repairs what ruff can, and writes MANIFEST." in said


def test_a_commit_writes_the_manifest_and_stops_until_it_is_added(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path / "pre-commit"))
    hooks = (sys.executable, "-m", "pre_commit", "run")
    support.run("git", "add", "--all", cwd=copy)
    first = subprocess.run(hooks, cwd=copy, capture_output=True, text=True)
    assert (first.returncode, "files were modified by this hook" in first.stdout) == (1, True)
    assert compare(copy) == (0, "")
    support.run("git", "add", "--all", cwd=copy)
    support.run(*hooks, cwd=copy)
    assert caches(copy) == []
