"""RealWorld's public collection passes against the API that the page about a contract builds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import following
import services
import support
from conftest import NewProject

PAGE = support.PAGES / "how-to" / "api-with-a-contract.md"
COLLECTION = Path(__file__).parent / "realworld"


@pytest.mark.all
@pytest.mark.slow
def test_the_collection_of_the_contract_passes(
    new_project: NewProject, node_programs: Path, tmp_path: Path
) -> None:
    """By the command of the page."""
    project = new_project()
    following.write_files(project, PAGE)
    [command] = [step.code for step in following.steps(PAGE) if "npx newman" in step.code]
    newman = re.sub(r"^\$ npx newman@\d+", str(node_programs / "newman"), command)
    with services.gunicorn(project, tmp_path / "log") as port:
        here = newman.replace(following.ADDRESS, f"localhost:{port}")
        printed = support.run("bash", "-c", here, cwd=COLLECTION)
    counts = re.findall(r"│ +(requests|assertions) │ +(\d+) │ +(\d+) │", printed)
    assert counts == [("requests", "32", "0"), ("assertions", "311", "0")], printed
