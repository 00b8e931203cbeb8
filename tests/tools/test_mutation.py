"""`make mutation`: the core is broken one place at a time, and what no test notices is named."""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path

import pytest

import support

pytestmark = pytest.mark.weekly
MODULE = Path(support.FOLDER.name, "secure_flask", "guards", "numbers.py")
GUARD = """
def {name}(number: int) -> None:
    if number > 1:
        raise ValueError
"""
# cosmic-ray fails where it replaces an exception with a dotted name.
DOTTED = "import json\ntry:\n    pass\nexcept (json.JSONDecodeError, KeyError):\n    pass\n"
SURVIVOR = "`guards/numbers.py` unproved: `raise ValueError` → `pass`"
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
    copy = support.copy_template(tmp_path_factory.mktemp("mutation") / "template")
    for file in (MODULE, MODULE.with_name("__init__.py"), TESTS, TESTS.with_name("__init__.py")):
        (copy / file).parent.mkdir(exist_ok=True)
        (copy / file).touch()
    (copy / ".venv").mkdir()
    (copy / MODULE).write_text(DOTTED + GUARD.format(name="proved") + GUARD.format(name="unproved"))
    (copy / TESTS).write_text(PROOFS)
    return copy


def killers_of_the_removed_guard(session: Path) -> list[str]:
    noticed = "SELECT output FROM work_results JOIN mutation_specs USING (job_id)"
    where = " WHERE operator_name = 'mutation/RemoveStatement' AND definition_name = 'proved'"
    [[killers]] = sqlite3.connect(session).execute(noticed + where)
    found: list[str] = json.loads(killers)
    return found


@pytest.fixture(scope="module")
def shown(copy: Path) -> str:
    return mutated(copy)


def mutated(copy: Path, *options: str) -> str:
    packages = str(support.TEMPLATE / ".venv" / "mutation")
    command = (
        sys.executable,
        "-m",
        "tools.mutation",
        "guards",
        *options,
        "--tests",
        str(TESTS.parent),
    )
    return support.run(*command, cwd=copy, PYTHONPATH=packages)


def test_what_no_test_notices_is_named_and_the_rest_is_not(shown: str) -> None:
    survivors = [line for line in shown.splitlines() if line.startswith("- `guards/numbers.py`")]
    assert f"- {SURVIVOR}" in survivors
    assert [line for line in survivors if "` proved: " in line and "pass" in line] == []


@pytest.mark.usefixtures("shown")
def test_the_session_holds_who_noticed_a_removed_guard(copy: Path) -> None:
    [session] = (copy / ".venv" / "mutation-sessions").glob("guards-100-1-*.sqlite")
    assert killers_of_the_removed_guard(session) == [f"{TESTS}::test_two_is_refused"]


@pytest.mark.usefixtures("shown")
def test_the_page_keeps_its_words_and_why_a_survivor_may_live(copy: Path) -> None:
    page = copy / "page.md"
    reason = f"- {SURVIVOR}\n  A test of this repository.\n"
    page.write_text(f"# What tests notice\n\n| package |\n\n{reason}")
    mutated(copy, "--page", str(page))
    assert page.read_text().startswith("# What tests notice\n\n| package | mutants |")
    assert reason in page.read_text()


def test_a_run_goes_on_where_it_was_stopped(copy: Path, shown: str) -> None:
    [session] = (copy / ".venv" / "mutation-sessions").glob("guards-100-1-*.sqlite")
    with sqlite3.connect(session) as database:
        database.execute(
            "DELETE FROM work_results WHERE job_id = (SELECT min(job_id) FROM work_results)"
        )
    again = mutated(copy)
    assert "1 of 1\n" in again
    assert again.partition("| package")[2] == shown.partition("| package")[2]


@pytest.mark.usefixtures("shown")
def test_what_noticed_a_mutant_runs_first_after_a_change_of_the_tests(copy: Path) -> None:
    kept = copy / ".venv" / "mutation-sessions"
    before = set(kept.glob("*.sqlite"))
    (copy / TESTS).write_text(PROOFS + PROOFS.replace("def test_", "def test_again_"))
    mutated(copy)
    [session] = set(kept.glob("*.sqlite")) - before
    assert killers_of_the_removed_guard(session) == [f"{TESTS}::test_two_is_refused"]
    session.unlink()
    (copy / TESTS).write_text(PROOFS)
