"""The template's own files: ordinary Python, with marks only where an answer is data."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import support
from support import FOLDER, POLICY, TEMPLATE, text_of

STATEMENT = re.compile(r"^\s*# cookiecutter: .+\n", re.MULTILINE)
# Flask's pages and the examples in Markdown have marks of their own.
MARK = re.compile(r"\{\{|\{%|\{#|# cookiecutter:")
MARK_OF_OURS = re.compile(r"# cookiecutter:|cookiecutter\.[a-z_]+ *(?:\||\}\})")
CACHES = {"__pycache__", ".pytest_cache", ".ruff_cache", ".mypy_cache", ".hypothesis", ".venv"}

FILES = sorted(file for file in FOLDER.rglob("*") if file.is_file())
PYTHON_FILES = [file for file in FILES if file.suffix == ".py"]
CORE = FOLDER / "secure_flask"


def test_no_name_of_a_file_or_folder_waits_for_an_answer() -> None:
    assert not [path for path in FOLDER.rglob("*") if MARK.search(path.name)]


def test_little_python_holds_marks() -> None:
    assert [file for file in PYTHON_FILES if MARK.search(text_of(file))] == support.MARKED


@pytest.mark.parametrize("file", [file for file in support.MARKED if file != POLICY])
def test_but_for_the_policy_only_accounts_make_a_difference_to_python(file: Path) -> None:
    conditions = re.findall(r"# cookiecutter: (?:el)?if (.+)", text_of(file))
    assert {*conditions} == {'cookiecutter.accounts == "self-service"'}


def test_each_level_of_the_question_is_one_of_the_core() -> None:
    levels = re.findall(r"^([A-Z]+) = ", text_of(CORE / "csp_levels.py"), re.MULTILINE)
    assert {*map(str.upper, support.CHOICES["csp"])} <= {*levels}


def test_no_blank_line_follows_a_line_statement() -> None:
    """It would vanish from the render: it goes before the statement."""
    texts = {file: text_of(file) for file in FILES}
    ends = [(file, found.end()) for file in FILES for found in STATEMENT.finditer(texts[file])]
    assert ends
    assert [file for file, end in ends if texts[file][end : end + 1] == "\n"] == []


def test_what_is_copied_unrendered_waits_for_no_answer() -> None:
    copied = [file for file in FILES if support.is_copied(file)]
    assert copied
    assert not [file for file in copied if MARK_OF_OURS.search(text_of(file))]


def test_all_of_the_core_is_copied_unrendered() -> None:
    assert not [file for file in CORE.rglob("*") if file.is_file() and not support.is_copied(file)]


@pytest.mark.parametrize("glob", support.SETTINGS["_copy_without_render"])
def test_kinds_of_files_are_copied_and_no_folder(glob: str) -> None:
    """Rendered over a project, cookiecutter would delete its owner's files in such a folder."""
    assert re.fullmatch(r"([\w.]+/)?\*\.[a-z]+", glob) or (FOLDER / glob).is_file()


def test_ruff_sees_the_core_here_though_its_owners_leave_it_alone() -> None:
    checked = support.python("-m", "ruff", "check", "--show-files", ".", cwd=TEMPLATE)
    assert set(map(str, PYTHON_FILES)) <= set(checked.splitlines())


def test_holds_nothing_that_a_tool_left() -> None:
    """Whatever lies in the folder is rendered into every project, ignored by git or not."""
    ignored = ("git", "ls-files", "--others", "--ignored", "--exclude-standard", FOLDER.name)
    assert support.run(*ignored, cwd=TEMPLATE) == ""
    assert not [path for path in FOLDER.rglob("*") if path.name in CACHES]
