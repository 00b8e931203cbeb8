"""Flask's own tests, run with the core in each app, fail only where a page says why.

docs/reference/plain-flask.md is that page, and tests/suites/flask.md names the tests. The archive
is the one of the Flask that tools/requirements/dev.txt names, so the nightly job, which pins the newest versions
first, runs the tests of the newest Flask.
"""

from __future__ import annotations

import json
import re
import sys
from functools import partial
from importlib.metadata import version
from pathlib import Path

import pytest

import support
from conftest import keep
from suites.running import Outcomes, names_of, passing, run_suite

pytestmark = [pytest.mark.weekly, pytest.mark.slow(seconds=80)]

PAGE = support.PAGES / "reference" / "plain-flask.md"
NAMED = support.TEMPLATE / "tests" / "suites" / "flask.md"
HOW = {"plain": (), "wired": ("wired",), "cured": ("wired", "cured")}

# Rows of the page whose cure `suites.cured` writes, and their tests that need another one.
CURED = ("Hosts", "Writes", "Bodies")
NOT_CURED = {
    "test_environ_for_valid_idna_completes": "Its Host is not ASCII, as no browser sends it.",
}


@pytest.fixture(scope="module")
def outcomes(
    flask_source: Path, shared: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Outcomes]:
    """How each test ends with plain Flask, with the core, and with the cures of the page."""
    kept = shared / "flask-suite.json"
    if not kept.exists():
        run = partial(run_suite, flask_source)
        ended = {how: run(tmp_path_factory.mktemp(how), *each) for how, each in HOW.items()}
        made = tmp_path_factory.mktemp("flask-suite") / "outcomes.json"
        made.write_text(json.dumps(ended), "utf-8")
        keep(made, kept)
    found: dict[str, Outcomes] = json.loads(kept.read_text("utf-8"))
    return found


def rows(file: Path) -> dict[str, str]:
    """Return the last cell of each row of a file's table, by the bold name in the first cell."""
    text = file.read_text("utf-8")
    return dict(re.findall(r"^\| \*\*(.+?)\*\*.*?\| ([^|]*) \|$", text, re.MULTILINE))


def listed() -> dict[str, set[str]]:
    """Return the tests of Flask that are named for each row of the page."""
    cells = rows(NAMED).items()
    return {name: set(re.findall(r"`([\w:]+)`", cell)) for name, cell in cells}


def test_a_test_of_flask_fails_only_where_the_page_says_why(outcomes: dict[str, Outcomes]) -> None:
    failing = names_of(passing(outcomes["plain"]) - passing(outcomes["wired"]))
    assert failing - set().union(*listed().values()) == set()


def test_each_test_that_is_named_fails(outcomes: dict[str, Outcomes]) -> None:
    failing = names_of(passing(outcomes["plain"]) - passing(outcomes["wired"]))
    assert set().union(*listed().values()) - failing == set()


def test_the_page_gives_a_reason_and_a_cure_for_each_difference() -> None:
    """A difference that no test of Flask shows names a test of the template instead."""
    assert rows(PAGE).keys() == rows(NAMED).keys()
    assert all(rows(PAGE).values())


def test_the_cures_of_the_page_cure(outcomes: dict[str, Outcomes]) -> None:
    expected = set().union(*(listed()[name] for name in CURED)) - NOT_CURED.keys()
    failing = names_of(passing(outcomes["plain"]) - passing(outcomes["cured"]))
    assert expected & failing == set()


def test_what_is_said_of_how_many_tests_pass_is_true(outcomes: dict[str, Outcomes]) -> None:
    measured = f"Flask {version('flask')} on Python {sys.version_info[0]}.{sys.version_info[1]}"
    text = NAMED.read_text("utf-8")
    if measured not in text:
        pytest.skip(f"it was written for another version than {measured}")
    plain = passing(outcomes["plain"])
    both = [len(plain & passing(outcomes[how])) for how in ("wired", "cured")]
    said = re.findall(r"(\d+) of the (\d+) tests|(\d+) with what", text)
    assert said == [(str(both[0]), str(len(plain)), ""), ("", "", str(both[1]))]
