"""In Chromium, Firefox and WebKitGTK the protections hold, and docs/browsers.json says how."""

from __future__ import annotations

import pytest

from conftest import NewProject
from engines import ENGINES, browser_table, leaving, measuring
from engines.behaviours import BEHAVIOURS
from engines.measuring import LEVELS, Cell, Cells
from engines.ways_out import PREDICTED, WAYS

OPEN_WAYS = {way.name for way in WAYS if way.open}
MUST = {behaviour.label: behaviour.must for behaviour in BEHAVIOURS if behaviour.must}


def daily(level: str) -> object:
    """Leave to the weekly job what only a new release of an engine changes."""
    return pytest.param(level, marks=pytest.mark.all if level == "strict" else pytest.mark.weekly)


@pytest.mark.weekly
@pytest.mark.slow(seconds=150)
@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_does_what_the_protections_rest_on(
    engine: str, new_project: NewProject, subtests: pytest.Subtests
) -> None:
    required = [behaviour for behaviour in BEHAVIOURS if behaviour.must]
    cells = measuring.behaviours(engine, new_project(token_type="session"), required)
    for cell, text in cells.items():
        with subtests.test(cell.row):
            assert text.endswith(MUST[cell.row])


@pytest.mark.slow
@pytest.mark.parametrize("level", [*map(daily, LEVELS)])
# tests/views/browser/test_attacks.py tries the same attacks in Chromium.
@pytest.mark.parametrize("engine", [engine for engine in ENGINES if engine != "Chromium"])
def test_an_attack_gets_as_far_in_each_engine_as_the_policy_lets_it(
    engine: str, level: str, new_project: NewProject, subtests: pytest.Subtests
) -> None:
    project = new_project(csp=level, token_type="session")
    cells, allowed = measuring.attacks(engine, project, level, browser_table.stated())
    for cell, text in allowed.items():
        with subtests.test(cell.row):
            assert cells[cell].partition(",")[0] == text


@pytest.mark.all
@pytest.mark.slow(seconds=80)
def test_a_script_of_an_attacker_gets_out_of_a_page_at_paranoid_by_the_server_alone(
    new_project: NewProject,
) -> None:
    project = new_project(csp="paranoid", token_type="session")
    known = measuring.known_ways("Chromium", browser_table.stated())
    there, out = leaving.led_out("Chromium", project, known, WAYS, leaving.STAGES[-1:])
    # Without headers every way leads out.
    assert there == {way.name for way in WAYS}
    assert out == OPEN_WAYS


def test_the_table_has_each_row_once_and_says_what_differs() -> None:
    page = browser_table.page(browser_table.stated(), browser_table.versions())
    assert page == browser_table.PAGE.read_text("utf-8"), "run `make browsers`"
    cells = browser_table.stated()
    assert rows(cells, measuring.BEHAVIOUR) == {behaviour.label for behaviour in BEHAVIOURS}
    assert rows(cells, measuring.WAY_OUT) == {way.name for way in [*WAYS, PREDICTED]}


def test_the_page_leaves_out_what_each_engine_does_alike() -> None:
    cells = browser_table.stated()
    page = browser_table.page(cells, browser_table.versions())
    alike = {cell.row for cell in cells if not browser_table.differs(cells, cell.row)}
    shown = {row for row in alike if f"\n| {row} |" in page}
    assert "login and logout by the form, over http" in alike
    assert shown & (rows(cells, measuring.BEHAVIOUR) | rows(cells, measuring.FEATURE)) == set()


def rows(cells: Cells, kind: str) -> set[str]:
    return {cell.row for cell in cells if cell.kind == kind}


@pytest.mark.parametrize("engine", ENGINES)
def test_the_table_says_that_an_engine_does_what_it_must(engine: str) -> None:
    stated = browser_table.stated()
    cells = {row: stated[Cell(measuring.BEHAVIOUR, row, engine)] for row in MUST}
    assert {row: text for row, text in cells.items() if not text.endswith(MUST[row])} == {}


def test_the_table_says_of_chromium_which_ways_out_are_open() -> None:
    known = measuring.known_ways("Chromium", browser_table.stated())
    open_ways = {name for name, text in known.items() if text == leaving.OPEN}
    assert open_ways - {PREDICTED.name} == OPEN_WAYS
    assert leaving.NOT_THERE not in known.values()
