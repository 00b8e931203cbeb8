"""How tests are written: a failure names its case, and an app gets a clock of the test."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
TESTS = sorted(FOLDER.joinpath("core").rglob("*.py"))
PATCHED_TIME = re.compile(r"""setattr\(\s*(time, "|"time\.)time"|\btime\.time = """)


def unnamed_cases(node: ast.AST, *, in_loop: bool = False) -> Iterator[int]:
    """The lines of what a loop proves: a failure there does not say in which round."""
    opened = "".join(map(ast.unparse, node.items)) if isinstance(node, ast.With) else ""
    if "subtests.test(" in opened:
        return
    if in_loop and (isinstance(node, ast.Assert) or "pytest.raises(" in opened):
        yield node.lineno  # type: ignore[attr-defined]
    in_loop = in_loop or isinstance(node, ast.For | ast.While)
    for child in ast.iter_child_nodes(node):
        yield from unnamed_cases(child, in_loop=in_loop)


@pytest.mark.parametrize("file", TESTS, ids=[file.stem for file in TESTS])
def test_a_failure_in_a_loop_names_its_case(file: Path) -> None:
    lines = list(unnamed_cases(ast.parse(file.read_text("utf-8"))))
    assert lines == [], "make each case a parameter or a subtest, or compare all cases at once"


def test_no_test_replaces_the_time_of_the_whole_process() -> None:
    texts = {file.name: file.read_text("utf-8") for file in FOLDER.rglob("*.py")}
    patching = [name for name, text in texts.items() if PATCHED_TIME.search(text)]
    assert patching == [], "step the clock of the app: `wait(60)`"
