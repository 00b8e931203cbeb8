"""An owner changes pages, routes, values, tables and files: the suite and `make check` stay green."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import support
from conftest import NewProject
from owner_edits import ROUNDS, Edit

RED = re.compile(r"^(?:FAILED|ERROR|SUBFAILED\S*) (\S+)", re.MULTILINE)
EDITS = [(token_type, edit) for token_type, edits in ROUNDS.items() for edit in edits]
TOGETHER = [pytest.param(token_type, edits, id=token_type) for token_type, edits in ROUNDS.items()]
ALONE = [
    pytest.param(token_type, [edit], id=f"{token_type}-{edit.name}") for token_type, edit in EDITS
]


@pytest.mark.parametrize(
    ("token_type", "edits"), ALONE if support.EVERY_COMBINATION else TOGETHER
)
def test_the_suite_is_red_only_where_it_states_what_was_changed(
    token_type: str, edits: list[Edit], new_project: NewProject
) -> None:
    project = new_project(token_type=token_type)
    for edit in edits:
        edit.change(project)
    support.python("-m", "ruff", "check", "--no-cache", ".", cwd=project)
    support.python("-m", "ruff", "format", "--check", "--no-cache", ".", cwd=project)
    support.python("-m", "mypy", cwd=project)
    support.run(Path(sys.executable).with_name("lint-imports"), "--no-cache", cwd=project)
    stated = [part for edit in edits for part in edit.states]
    red = [test for test in red_tests(project) if not any(part in test for part in stated)]
    assert red == []
