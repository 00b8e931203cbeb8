"""An owner's edits leave the suite and `make check` green, but for tests that state what changed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import following
import support
from conftest import NewProject
from render.owner_edits import ANY_ADDRESS, ROUNDS, VISITS, Edit, module, no_example

NO_CACHE = {"RUFF_NO_CACHE": "true"}
RED = re.compile(r"^(?:FAILED|ERROR|SUBFAILED\S*|SUBFAIL) .*?(tests/.*)", re.MULTILINE)
TOGETHER = [
    pytest.param(kind, edits, id=kind, marks=pytest.mark.all) for kind, edits in ROUNDS.items()
]
# To find the one that turns a test red.
EACH = [
    pytest.param(kind, [edit], id=f"{kind}-{edit.name}")
    for kind, edits in ROUNDS.items()
    for edit in edits
    if os.environ.get("EACH_EDIT")
]


@pytest.mark.parametrize(("token_type", "edits"), [*TOGETHER, *EACH])
def test_an_edit_turns_only_tests_red_that_state_what_it_changed(
    token_type: str, edits: list[Edit], new_project: NewProject
) -> None:
    project = new_project(token_type=token_type)
    for edit in edits:
        edit.change(project)
    if len(edits) > 1:
        check(project)
    stated = [part for edit in edits for part in edit.states]
    red = [test for test in red_tests(project) if not any(part in test for part in stated)]
    assert not red, "\n".join(red)


@pytest.mark.all
@pytest.mark.parametrize(("name", "times"), [("starter/test_red.py", 1), ("test_red.py", 0)])
def test_a_red_starter_test_says_once_that_it_may_be_deleted(
    new_project: NewProject, name: str, times: int
) -> None:
    project, hint = new_project(), "delete the tests that are red"
    (project / "tests" / name).write_text("def test_one(): assert 0\ndef test_two(): assert 0\n")
    finished = run_tests(project, f"tests/{name}")
    assert finished.returncode == 1
    assert finished.stdout.count(hint) == times


@pytest.mark.all
def test_who_answers_each_address_by_200_reads_what_to_write(new_project: NewProject) -> None:
    project = new_project()
    no_example(project)
    module(project, "any_address", ANY_ADDRESS)
    red = red_tests(project)
    assert len(red) == 4
    assert [each for each in red if "return page, 404" not in each] == []


@pytest.mark.all
def test_who_writes_at_each_request_reads_that_it_is_no_path(new_project: NewProject) -> None:
    project = new_project()
    no_example(project)
    module(project, "visits", VISITS)
    said = "\n".join(red_tests(project))
    assert "A function that runs for each request changes the database" in said
    assert "let it take POST" not in said


def check(project: Path) -> None:
    """Make what `make check` makes; an owner's editor sorts imports and formats first."""
    following.tidy(project)
    support.python("-m", "ruff", "check", ".", cwd=project, **NO_CACHE)
    support.python("-m", "mypy", cwd=project)


def red_tests(project: Path) -> list[str]:
    """Run the project's suite; the tests that fail, with what they say."""
    finished = run_tests(project)
    red = RED.findall(finished.stdout)
    assert finished.returncode == bool(red), finished.stdout
    return red


def run_tests(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    pytest = (sys.executable, "-m", "pytest", "-q", "-rfE", "--assert=plain")
    options = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "COLUMNS": "200"}
    return support.attempt(*pytest, "-p", "no:cacheprovider", *arguments, cwd=project, **options)
