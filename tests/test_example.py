"""One command removes the example: it says what goes, and leaves a project that is whole."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import support
from conftest import NewProject
from test_owner_edits import NO_CACHE, red_tests

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


def remove(project: Path, answer: str) -> str:
    finished = subprocess.run(
        [sys.executable, REMOVE], cwd=project, input=answer, capture_output=True, text=True
    )
    assert finished.returncode == (answer != "y"), finished.stdout + finished.stderr
    return finished.stdout


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
    named = re.compile(r"tasks\b|task_|\bseed\b|tests/starter", re.IGNORECASE)
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
@pytest.mark.parametrize(
    "answers",
    [{}, {"accounts": "self-service", "token_type": "session"}, {"token_type": "jwt"}],
    ids=str,
)
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
def test_without_settings_nothing_goes_and_the_last_line_says_why(new_project: NewProject) -> None:
    project = new_project()
    finished = subprocess.run(
        [sys.executable, REMOVE], cwd=project, input="y", capture_output=True, text=True
    )
    assert finished.returncode == 1
    assert "SECRET_KEY: is missing" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert (project / "app/tasks.py").exists()
