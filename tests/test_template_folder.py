"""The template's own files: ordinary Python, with few marks, each in its place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import support
from support import FOLDER, INCLUDE, POLICY, TEMPLATE, VARIANTS, text_of

STATEMENT = re.compile(r"^\s*# cookiecutter: .+\n", re.MULTILINE)
MARKS = ("{{", "{%", "{#")
CACHES = {"__pycache__", ".pytest_cache", ".ruff_cache", ".mypy_cache", ".hypothesis", ".venv"}

FILES = sorted(file for file in FOLDER.rglob("*") if file.is_file())
PYTHON_FILES = [file for file in FILES if file.suffix == ".py"]
INCLUDING = [file for file in FILES if INCLUDE.search(text_of(file))]
# What the answers reach has marks in its name, as in `{{ 'policy.py' }}`.
MARKED = [file for file in FILES if file.name.startswith("{{")]
MARKED_PYTHON = [file for file in MARKED if ".py" in file.name]


def named(files: list[Path]) -> list[object]:
    return [pytest.param(file, id=file.relative_to(TEMPLATE).as_posix()) for file in files]


def caches() -> list[Path]:
    return [path for path in FOLDER.rglob("*") if path.name in CACHES]


@pytest.mark.parametrize("file", named(INCLUDING))
def test_every_choice_has_its_file(file: Path) -> None:
    for answers in support.every_combination():
        for variant in support.included(file, answers):
            assert variant.is_file(), f"{support.name(answers)} needs {variant}"


def test_every_variant_belongs_to_a_choice() -> None:
    every = support.every_combination()
    chosen = {
        variant
        for file in INCLUDING
        for answers in every
        for variant in support.included(file, answers)
    }
    assert chosen == {file for file in VARIANTS.rglob("*") if file.is_file()}


@pytest.mark.parametrize("file", named([file for file in INCLUDING if ".py" in file.name]))
def test_an_include_comes_last(file: Path) -> None:
    """A blank line after a line statement vanishes, so what follows would be misformatted."""
    last = file.read_text("utf-8").rstrip("\n").rpartition("\n")[2]
    assert INCLUDE.match(last)
    assert len(INCLUDE.findall(file.read_text("utf-8"))) == 1


@pytest.mark.parametrize("file", named(FILES))
def test_no_blank_line_follows_a_line_statement(file: Path) -> None:
    """It would vanish from the render: it goes before the statement."""
    text = file.read_text("utf-8", errors="replace")
    assert not [
        found.group() for found in STATEMENT.finditer(text) if text[found.end() :][:1] == "\n"
    ]


@pytest.mark.parametrize("file", named(sorted(VARIANTS.rglob("*.py"))))
def test_variants_hold_no_marks(file: Path) -> None:
    """They are rendered when they are included: a mark in a string would be executed."""
    text = file.read_text("utf-8")
    assert not [mark for mark in (*MARKS, "# cookiecutter:") if mark in text]


@pytest.mark.parametrize("file", named(PYTHON_FILES))
def test_ordinary_python_holds_no_marks(file: Path) -> None:
    text = file.read_text("utf-8")
    assert not [mark for mark in (*MARKS, "# cookiecutter:") if mark in text]


@pytest.mark.parametrize("file", named([file for file in MARKED_PYTHON if file != POLICY]))
def test_python_that_waits_for_an_answer_is_included_whole(file: Path) -> None:
    assert INCLUDE.sub("", file.read_text("utf-8")).strip() == ""


@pytest.mark.parametrize("file", named([file for file in MARKED if ".md" in file.name]))
def test_a_page_of_docs_waits_for_an_answer_by_includes_alone(file: Path) -> None:
    # Between these, `{%` is shown to the reader.
    text = re.sub(r"\{% raw %\}.*?\{% endraw %\}", "", file.read_text("utf-8"), flags=re.DOTALL)
    assert set(re.findall(r"(?:\{%-?|# cookiecutter:) *(\w+)", text)) <= {"include"}


def test_what_has_marks_in_its_name_is_rendered() -> None:
    assert not [file for file in MARKED if support.is_copied(file)]


def test_what_is_copied_unrendered_waits_for_no_answer() -> None:
    marks = re.compile(
        r"# cookiecutter:|cookiecutter\.[a-z_]+ *(?:\||}})|\{% include .*cookiecutter\."
    )
    copied = [file for file in FILES if support.is_copied(file)]
    assert copied
    assert not [file for file in copied if marks.search(text_of(file))]


@pytest.mark.parametrize("glob", support.SETTINGS["_copy_without_render"])
def test_kinds_of_files_are_copied_and_no_folder(glob: str) -> None:
    """Rendered over a project, cookiecutter would delete its owner's files in such a folder."""
    assert re.fullmatch(r"([\w.]+/)?\*\.[a-z]+", glob)


def test_a_condition_on_several_answers_names_a_list_of_them() -> None:
    """The list is in cookiecutter.json, where another answer is added once for all files."""
    spelled_out = re.compile(r"cookiecutter\.\w+ (?:not )?in *[(\[{]")
    assert not [file for file in FILES if spelled_out.search(f"{file.name}\n{text_of(file)}")]


def test_a_list_of_answers_holds_nothing_else() -> None:
    """A misspelt answer would leave its files out without a word."""
    listed = re.compile(r"cookiecutter\.(\w+) (?:not )?in cookiecutter\.(\w+)")
    used = {pair for file in FILES for pair in listed.findall(f"{file.name}\n{text_of(file)}")}
    assert used
    for question, private in used:
        assert set(support.SETTINGS[private]) <= set(support.CHOICES[question]), private


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids="-".join)
def test_ruff_passes_in_place_and_leaves_nothing_behind(command: list[str]) -> None:
    # Ruff itself finds only what ends in .py.
    support.python("-m", "ruff", *command, "--no-cache", ".", *MARKED_PYTHON, cwd=TEMPLATE)
    assert not caches()


@pytest.mark.parametrize("folder", [TEMPLATE, FOLDER], ids=["template", "project"])
def test_ruff_excludes_nothing_of_the_folder(folder: Path) -> None:
    checked = support.python("-m", "ruff", "check", "--show-files", ".", cwd=folder)
    assert set(map(str, PYTHON_FILES)) <= set(checked.splitlines())


def test_holds_nothing_that_a_tool_left() -> None:
    """Whatever lies in the folder is rendered into every project, ignored by git or not."""
    ignored = ("git", "ls-files", "--others", "--ignored", "--exclude-standard", FOLDER.name)
    assert support.run(*ignored, cwd=TEMPLATE) == ""
