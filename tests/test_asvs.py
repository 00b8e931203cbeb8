"""docs/asvs.md is right in a render of each kind, and so is what the README says of it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import asvs_tables
import support
from conftest import NewProject
from support import Answers

SHOWN = re.compile(r"\| shown by tests \| \d+ \| \d+ \| (\d+) \|")
LISTED = re.compile(r"^\| \d+\.\d+\.\d+ \| [12] \|", re.MULTILINE)


@pytest.mark.parametrize("kind", support.KINDS, ids=support.name)
def test_the_table_is_what_that_render_writes_of_itself(kind: Answers, tmp_path: Path) -> None:
    kept = asvs_tables.kept(kind).read_text("utf-8").splitlines()
    made = asvs_tables.made(kind, tmp_path).splitlines()
    assert set(made) - set(kept) == set(), "run `make asvs`"
    assert kept == made, "run `make asvs`"


def test_marks_and_rows_that_disagree_are_named(new_project: NewProject) -> None:
    project = new_project()
    rows = project / "docs" / "asvs.toml"
    rows.write_text(rows.read_text("utf-8").replace('"3.4.3"', '"3.4.99"'), "utf-8")
    command = [sys.executable, "-m", "tests.asvs"]
    refused = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert refused.returncode == 1
    assert "names 3.4.3, which asvs.toml does not list." in refused.stderr
    assert "asvs.toml: 3.4.99 and the tests disagree" in refused.stderr


def test_the_readme_counts_what_the_tables_show() -> None:
    tables = [asvs_tables.kept(kind).read_text("utf-8") for kind in support.KINDS]
    shown = [int(count) for table in tables for count in SHOWN.findall(table)]
    listed = {len(LISTED.findall(table)) for table in tables}
    readme = (support.TEMPLATE / "README.md").read_text("utf-8")
    assert len(shown) == len(tables)
    assert f"{min(shown)} to {max(shown)} of {listed.pop()} requirements" in readme
    assert not listed
