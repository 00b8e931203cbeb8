"""`make bite`: the core is broken one place at a time, and what no test notices is named."""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path

import pytest

import support

pytestmark = pytest.mark.all
MODULE = Path(support.FOLDER.name, "secure_flask", "guards", "numbers.py")
GUARD = """
def {name}(number: int) -> None:
    if number > 1:
        raise ValueError
"""
# cosmic-ray fails where it replaces an exception with a dotted name.
DOTTED = "import json\ntry:\n    pass\nexcept (json.JSONDecodeError, KeyError):\n    pass\n"
TESTS = Path("tests", "core", "guards", "test_numbers.py")
PROOFS = """
import pytest
from secure_flask.guards.numbers import proved, unproved


def test_two_is_refused() -> None:
    with pytest.raises(ValueError):
        proved(2)


def test_one_is_accepted() -> None:
    proved(1)
    unproved(1)
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone whose core has a guard that a test proves, and one that none proves."""
    copy = support.copy_template(tmp_path_factory.mktemp("bite") / "template")
    for file in (MODULE, MODULE.with_name("__init__.py"), TESTS, TESTS.with_name("__init__.py")):
        (copy / file).parent.mkdir(exist_ok=True)
        (copy / file).touch()
    (copy / ".venv").mkdir()
    (copy / MODULE).write_text(DOTTED + GUARD.format(name="proved") + GUARD.format(name="unproved"))
    (copy / TESTS).write_text(PROOFS)
    return copy


@pytest.fixture(scope="module")
def shown(copy: Path) -> str:
    return bite(copy)


def bite(copy: Path) -> str:
    packages = str(support.TEMPLATE / ".venv" / "bite")
    command = (sys.executable, "-m", "bite", "guards", "--tests", str(TESTS.parent))
    return support.run(*command, cwd=copy, PYTHONPATH=packages)


def test_what_no_test_notices_is_named_and_the_rest_is_not(shown: str) -> None:
    survivors = [line for line in shown.splitlines() if line.startswith("- `guards/numbers.py`")]
    assert "- `guards/numbers.py` unproved: `raise ValueError` → `pass`" in survivors
    assert [line for line in survivors if "` proved: " in line and "pass" in line] == []


@pytest.mark.usefixtures("shown")
def test_the_session_holds_who_noticed_a_removed_guard(copy: Path) -> None:
    [session] = (copy / ".venv" / "bite-sessions").glob("guards-100-1-*.sqlite")
    noticed = "SELECT output FROM work_results JOIN mutation_specs USING (job_id)"
    where = " WHERE operator_name = 'bite/RemoveStatement' AND definition_name = 'proved'"
    [[killers]] = sqlite3.connect(session).execute(noticed + where)
    assert json.loads(killers) == [f"{TESTS}::test_two_is_refused"]
