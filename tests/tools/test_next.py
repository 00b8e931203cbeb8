"""The tests with the next Flask and Werkzeug: what `make test-next` runs, and the job each night."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

import support
from updates.github_runner import Runner, create_runner
from updates.releases import write

TITLE = "The tests fail with the next Flask and Werkzeug"
BRANCHES = [f"{name} @ git+https://github.com/pallets/{name}" for name in ("flask", "werkzeug")]
# These stand in for uv and cookiecutter. They write down their arguments. The python that uv makes
# does so too, and fails for the tests whose arguments hold the text of RED.
UV = """#!/bin/sh
echo "uv $*" >> "$LOG"
if [ "$1" = venv ]; then
    for folder; do :; done
    mkdir -p "$folder/bin"
    cp "$(dirname "$0")/python" "$folder/bin/python"
fi
"""
PYTHON = """#!/bin/sh
echo "$(basename "$(dirname "$PWD")"): $*" >> "$LOG"
case "$PWD $*" in *"$RED"*) exit 1 ;; esac
"""
COOKIECUTTER = """#!/bin/sh
while [ "$1" != --output-dir ]; do shift; done
mkdir -p "$2/my-service"
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder that has the script, and stubs of the programs that it starts."""
    support.need(shutil.which("bash"), "bash")
    programs = {"uv": UV, "python": PYTHON, "cookiecutter": COOKIECUTTER}
    files = {f".venv/bin/{name}": script for name, script in programs.items()}
    script = (support.TEMPLATE / ".ci" / "next").read_text("utf-8")
    write(tmp_path / "template", {**files, ".ci/next": script})
    for name in (*files, ".ci/next"):
        (tmp_path / "template" / name).chmod(0o755)
    return tmp_path / "template"


def run(copy: Path, *requirements: str, red: str = "nothing is red") -> tuple[int, list[str]]:
    """The exit status of the script, and what it started."""
    log = copy / "log"
    script = copy / ".ci" / "next"
    status = subprocess.run(
        [script, *requirements], env={**os.environ, "LOG": str(log), "RED": red}
    ).returncode
    return status, log.read_text("utf-8").splitlines()


def installed(started: list[str]) -> str:
    [line] = [line for line in started if line.startswith("uv pip install")]
    return line


def test_it_runs_the_core_and_both_kinds_of_projects(copy: Path) -> None:
    status, started = run(copy)
    tests = [line for line in started if "-m pytest" in line]
    assert (status, len(tests)) == (0, 4)
    assert [line.split()[-1] for line in tests[:2]] == ["tests/core", "tests/core/accounts"]
    assert [line.partition(":")[0] for line in tests[2:]] == ["builtin", "self-service"]


def test_it_fetches_both_main_branches_unless_it_is_told_what_to_install(copy: Path) -> None:
    assert installed(run(copy)[1]).endswith(" ".join(BRANCHES))
    (copy / "log").unlink()
    assert installed(run(copy, "flask.whl", "werkzeug.whl")[1]).endswith(" flask.whl werkzeug.whl")


@pytest.mark.parametrize("red", ["tests/core", "tests/core/accounts", "builtin", "self-service"])
def test_it_fails_if_one_of_them_does_and_runs_the_others(copy: Path, red: str) -> None:
    status, started = run(copy, red=red)
    assert (status, len([line for line in started if "-m pytest" in line])) == (1, 4)


def test_make_hands_the_requirements_on() -> None:
    command = ("--dry-run", "-o", ".venv/ready", "test-next", "NEXT=flask.whl werkzeug.whl")
    planned = support.run("make", *command, cwd=support.TEMPLATE)
    assert ".ci/next flask.whl werkzeug.whl" in planned.splitlines()


# Each night.


def jobs() -> dict[str, Any]:
    workflow = support.TEMPLATE / ".github" / "workflows" / "nightly.yml"
    found: dict[str, Any] = yaml.safe_load(workflow.read_text("utf-8"))["jobs"]
    return found


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return create_runner(tmp_path)


def report(runner: Runner) -> None:
    """What follows on a night on which the tests are red."""
    [step] = jobs()["next-issue"]["steps"]
    done = runner.bash(step, runner.folder)
    assert done.returncode == 0, done.stdout


def test_the_job_installs_what_the_script_fetches() -> None:
    commands = [step.get("run") for step in jobs()["next"]["steps"]]
    assert commands[-1] == "make test-next"


def test_an_issue_is_opened_only_where_the_tests_fail() -> None:
    job = jobs()["next-issue"]
    assert (job["needs"], job["if"]) == ("next", "failure()")
    # Tests that hang are stopped as a step that fails: a job that is stopped opens no issue.
    [*_, tests] = jobs()["next"]["steps"]
    assert tests["timeout-minutes"] < jobs()["next"]["timeout-minutes"]


def test_the_job_that_may_write_issues_runs_no_code_of_anybody() -> None:
    assert jobs()["next"]["permissions"] == {"contents": "read"}
    job = jobs()["next-issue"]
    assert job["permissions"] == {"issues": "write"}
    assert [step for step in job["steps"] if "uses" in step] == []


def test_red_nights_open_one_issue_that_says_what_to_run(runner: Runner) -> None:
    for _ in range(2):
        report(runner)
    [issue] = runner.issues
    assert issue["title"] == TITLE
    assert "make test-next" in issue["body"]
    assert "https://github.com/acme/template/actions/runs/42" in issue["body"]


@pytest.mark.parametrize(
    "other",
    [
        {"title": TITLE, "author": {"is_bot": False}},
        {"title": f"What to do, as {TITLE}", "author": {"is_bot": True}},
        {"title": TITLE, "author": {"is_bot": True}, "state": "closed"},
    ],
    ids=["of a stranger", "of another title", "closed"],
)
def test_another_issue_hides_nothing(runner: Runner, other: dict[str, Any]) -> None:
    runner.write_issues(other)
    report(runner)
    assert [issue["title"] for issue in runner.issues] == [other["title"], TITLE]
