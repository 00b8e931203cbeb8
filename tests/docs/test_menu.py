"""The start pages that docs/how-to/menu-and-error-pages.md shows, each in place of the template's."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import following
import support
from conftest import NewProject

PAGE = support.PAGES / "how-to" / "menu-and-error-pages.md"
# What a visitor and a user get at `/`.
ASK = """
from app import create_app
from app.settings import Settings
from secure_flask import create_user, testing
app = create_app(testing.settings(Settings))
testing.create_tables(app)
with app.app_context():
    create_user("ada", "a good long password")
visitor, user = app.test_client(), app.test_client()
testing.log_in_by_form(user, "ada", "a good long password")
browser = {"Accept": "text/html"}
for client in (visitor, user):
    answer = client.get("/", headers=browser)
    print(answer.status_code, answer.headers.get("Location"))
"""


@pytest.mark.all
@pytest.mark.parametrize(
    ("words", "visitors"),
    [("for those who are logged in", "200 None"), ("members alone", "303 /login?next=/")],
)
def test_users_come_to_their_page_and_visitors_to_another(
    words: str, visitors: str, new_project: NewProject
) -> None:
    project = new_project()
    [shown] = [
        step.code
        for step in following.steps(PAGE)
        if step.code.startswith('@blueprint.get("/")') and words in step.words
    ]
    put_in_place(project / "app" / "pages.py", "index", shown)
    support.write_settings(project)
    printed = support.python("-c", ASK, cwd=project).splitlines()
    assert printed[-2:] == [visitors, "303 /tasks"]


def put_in_place(file: Path, name: str, code: str) -> None:
    """Write a function in place of the one of this name."""
    source = file.read_text("utf-8")
    [old] = [node for node in ast.parse(source).body if getattr(node, "name", "") == name]
    assert isinstance(old, ast.FunctionDef)
    lines = source.splitlines(keepends=True)
    first = min(mark.lineno for mark in old.decorator_list)
    file.write_text("".join([*lines[: first - 1], code, *lines[old.end_lineno :]]), "utf-8")
