"""One command removes the example: it says what goes, and leaves a project that is whole."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import support
from conftest import NewProject
from render.test_owner_edits import NO_CACHE, red_tests

REMOVE = "tests/starter/remove.py"
OWN = """

@blueprint.get("/{path}")
@responds("text/html")
@public
def {name}() -> str:
    return "mine"
"""
TABLES = """
from app import create_app
from secure_flask import db
from sqlalchemy import inspect
with create_app().app_context():
    print(sorted(inspect(db.engine).get_table_names()))
"""


def run_remove(project: Path, answer: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, REMOVE],
        cwd=project,
        env=os.environ | environment,
        input=answer,
        capture_output=True,
        text=True,
    )


def remove(project: Path, answer: str) -> str:
    finished = run_remove(project, answer)
    assert finished.returncode == (answer != "y"), finished.stdout + finished.stderr
    return finished.stdout


def assert_refused(project: Path, *words: str, **environment: str) -> None:
    """It asks nothing and changes nothing, and says what to do first."""
    before = {file: file.read_bytes() for file in project.rglob("*.*") if file.is_file()}
    finished = run_remove(project, "y", **environment)
    assert finished.returncode == 1
    assert "Go on?" not in finished.stdout
    assert "Traceback" not in finished.stderr
    expected = ("Nothing was changed", *words)
    assert [each for each in expected if each not in finished.stderr] == []
    assert {file: file.read_bytes() for file in before} == before


def import_beside_the_example(project: Path) -> None:
    """As ruff sorts it: two modules of `app` in one line."""
    (project / "app/boats.py").write_text('"""Boats."""\n\nNUMBER = "mine"\n', "utf-8")
    pages = project / "app/pages.py"
    text = pages.read_text("utf-8").replace("from app import tasks", "from app import boats, tasks")
    pages.write_text(text.replace('return "mine"', "return boats.NUMBER"), "utf-8")


def add(project: Path, name: str, path: str) -> None:
    with (project / "app/pages.py").open("a", encoding="utf-8") as file:
        file.write(OWN.format(name=name, path=path))


def naming_tasks(project: Path) -> list[str]:
    """The files with code, pages or documents that name the example."""
    files = [
        each for folder in ("app", "tests", "docs") for each in (project / folder).rglob("*.*")
    ]
    named = re.compile(r"tasks\b|task_|\bseed\b|/people\b|, people\b|tests/starter", re.IGNORECASE)
    kinds = (".py", ".html", ".md", ".css", ".js")
    return [
        file.relative_to(project).as_posix()
        for file in [*files, *project.glob("*.md"), project / "Makefile"]
        if (file.suffix in kinds or not file.suffix) and named.search(support.text_of(file))
    ]


def tables(project: Path, **environment: str) -> list[str]:
    said = support.python("-c", TABLES, cwd=project, **environment).splitlines()[-1]
    return list(ast.literal_eval(said))


@pytest.mark.all
@pytest.mark.slow
@pytest.mark.parametrize("answers", [{}, {"accounts": "self-service"}], ids=str)
def test_one_command_removes_it_and_leaves_what_is_the_owners(
    answers: support.Answers, ready_project: NewProject, tmp_path: Path
) -> None:
    project = ready_project(**answers)
    add(project, "tasks_of_mine", "mine")
    add(project, "shop", "shop")
    import_beside_the_example(project)
    # Neither is text: a picture, and what Python keeps beside the code.
    for name in ("static/pets.png", "static/tasks.pyc"):
        (project / "app" / name).write_bytes(b"\x89")
    support.init_git(project)
    before = {file: file.read_bytes() for file in project.rglob("*.py") if file.is_file()}
    assert "tasks_of_mine" in remove(project, "n")
    assert {file: file.read_bytes() for file in before} == before
    assert "Still naming tasks: nothing" in remove(project, "y")
    pages = (project / "app/pages.py").read_text("utf-8")
    assert ("def shop()" in pages, "tasks_of_mine" in pages) == (True, False)
    assert naming_tasks(project) == []
    support.python("-m", "ruff", "check", "app", "tests", cwd=project, **NO_CACHE)
    support.python("-m", "ruff", "format", "--check", "app", cwd=project, **NO_CACHE)
    support.python("-m", "mypy", cwd=project)
    assert red_tests(project) == []
    fresh = {"DATABASE_URL": f"sqlite:///{tmp_path}/new.db"}
    support.python("-m", "flask", "db", "upgrade", cwd=project, **fresh)
    support.python("-m", "flask", "db", "check", cwd=project, **fresh)
    assert tables(project) == tables(project, **fresh)
    assert "tasks" not in tables(project)


@pytest.mark.all
@pytest.mark.slow
@pytest.mark.parametrize("answer", ["y", "Y", "yes", " YES \n"])
def test_without_settings_nothing_goes_and_the_last_line_says_why(
    answer: str, committed: Path
) -> None:
    finished = run_remove(committed, answer)
    assert finished.returncode == 1
    assert "SECRET_KEY: is missing" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert (committed / "app/tasks.py").exists()


@pytest.fixture
def committed(new_project: NewProject) -> Path:
    project = new_project()
    support.init_git(project)
    return project


@pytest.mark.parametrize("answer", ["", "\n", "n", "yesterday"])
def test_any_other_answer_than_yes_changes_nothing(answer: str, committed: Path) -> None:
    finished = run_remove(committed, answer)
    assert (finished.returncode, finished.stderr) == (1, "Nothing was changed.\n")
    assert (committed / "app/tasks.py").exists()


def test_what_no_git_could_bring_back_is_kept(new_project: NewProject, tmp_path: Path) -> None:
    project = new_project()
    assert_refused(project, "git init")
    assert_refused(project, "git init", PATH=str(tmp_path))


def test_a_repository_that_ignores_the_project_is_no_undo(new_project: NewProject) -> None:
    project = new_project()
    (project.parent / ".gitignore").write_text(f"{project.name}/\n", "utf-8")
    support.init_git(project.parent)
    assert_refused(project, " app/tasks.py\n", " README.md\n", "git commit")


@pytest.mark.parametrize(
    "name", ["app/tasks.py", "app/pages.py", "README.md", "tests/starter/x.py"]
)
def test_what_was_never_committed_is_kept(name: str, committed: Path) -> None:
    with (committed / name).open("a", encoding="utf-8") as file:
        file.write("\n")
    assert_refused(committed, f" {name}\n", "git commit")
    support.run("git", "add", "--all", cwd=committed)
    assert_refused(committed, f" {name}\n", "git commit")
