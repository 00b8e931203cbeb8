"""How tests are written: a failure names its case, and an app gets a clock of the test."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TEMPLATE = Path(__file__).parents[2]
FOLDERS = [TEMPLATE / "tests", TEMPLATE / "{{cookiecutter.project_slug}}" / "tests"]
TESTS = [file for folder in FOLDERS for file in sorted(folder.rglob("*.py"))]
PATCHED_TIME = re.compile(r"""setattr\(\s*(time, "|"time\.)time"|\btime\.time = """)


def unnamed_cases(node: ast.AST, *, in_loop: bool = False, in_test: bool = False) -> Iterator[int]:
    """The lines of what a loop proves: a failure there does not say in which round.

    What is no test may say it in the message: a test would leave out the cases after it.
    """
    opened = "".join(map(ast.unparse, node.items)) if isinstance(node, ast.With) else ""
    if "subtests.test(" in opened:
        return
    in_test = in_test or (isinstance(node, ast.FunctionDef) and node.name.startswith("test_"))
    is_unnamed = isinstance(node, ast.Assert) and (in_test or node.msg is None)
    if in_loop and (is_unnamed or "pytest.raises(" in opened):
        yield node.lineno  # type: ignore[attr-defined]
    in_loop = in_loop or isinstance(node, ast.For | ast.While)
    for child in ast.iter_child_nodes(node):
        yield from unnamed_cases(child, in_loop=in_loop, in_test=in_test)


@pytest.mark.parametrize(
    "file", TESTS, ids=[file.relative_to(TEMPLATE).as_posix() for file in TESTS]
)
def test_a_failure_in_a_loop_names_its_case(file: Path) -> None:
    lines = list(unnamed_cases(ast.parse(file.read_text("utf-8"))))
    assert lines == [], "make each case a parameter or a subtest, or compare all cases at once"


def test_no_test_replaces_the_time_of_the_whole_process() -> None:
    texts = {file.name: file.read_text("utf-8") for file in (TEMPLATE / "tests").rglob("*.py")}
    patching = [name for name, text in texts.items() if PATCHED_TIME.search(text)]
    assert patching == [], "step the clock of the app: `wait(60)`"
