"""In Chromium, Firefox and WebKitGTK the protections hold, and docs/browsers.json says how."""

from __future__ import annotations

import socket
from contextlib import nullcontext
from pathlib import Path

import pytest

import browser_table
import support
from conftest import NewProject
from engines import ENGINES, Failed, leaving, measuring, sites
from engines.behaviours import BEHAVIOURS
from engines.measuring import LEVELS, Cell, Cells
from engines.receiver import HOST, NAME, receiving
from engines.ways_out import PREDICTED, WAYS

OPEN_WAYS = {way.name for way in WAYS if way.open}
MUST = {behaviour.label: behaviour.must for behaviour in BEHAVIOURS if behaviour.must}


def daily(name: str, those: tuple[str, ...]) -> object:
    """Leave to the weekly job what only a new release of an engine changes."""
    return pytest.param(name, marks=pytest.mark.all if name in those else pytest.mark.weekly)


@pytest.mark.slow(seconds=150)
@pytest.mark.parametrize("engine", [daily(engine, ("Chromium",)) for engine in ENGINES])
def test_an_engine_does_what_the_protections_rest_on(
    engine: str, new_project: NewProject, subtests: pytest.Subtests
) -> None:
    required = [behaviour for behaviour in BEHAVIOURS if behaviour.must]
    cells = measuring.behaviours(engine, new_project(token_type="session"), required)
    for cell, text in cells.items():
        with subtests.test(cell.row):
            assert text.endswith(MUST[cell.row])


@pytest.mark.slow
@pytest.mark.parametrize("level", [daily(level, ("strict",)) for level in LEVELS])
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


@pytest.mark.parametrize(
    ("led_out", "said"),
    [
        ([False, False, False, False], "not there"),
        ([True, False, False, False], "closed by the CSP"),
        ([True, True, False, False], "closed by `Integrity-Policy`"),
        ([True, True, True, False], "closed by `Connection-Allowlist`"),
        ([True, False, False, True], "open"),
    ],
)
def test_a_way_out_is_closed_by_the_first_header_that_stops_it(
    led_out: list[bool], said: str
) -> None:
    way = "`fetch`"
    assert leaving.outcome(way, [{way} if led else set() for led in led_out]) == said


def test_a_connection_without_a_request_and_a_packet_lead_out(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.touch()
    with receiving(log) as receiver:
        connected, sent, named, _ = ports = [receiver.listen() for _ in range(4)]
        socket.create_connection((HOST, connected)).close()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as packets:
            packets.sendto(b"", (HOST, sent))
        log.write_text(f'{{"host":"https://{NAME.format(named)}"}}', "utf-8")
        receiver.read_log()
        support.wait_until(lambda: receiver.reached == {*ports[:3]})


def test_a_browser_that_hangs_is_replaced_once(monkeypatch: pytest.MonkeyPatch) -> None:
    browsers = iter(["hangs", "answers"])
    monkeypatch.setattr(measuring, "started", lambda _: nullcontext(next(browsers)))
    monkeypatch.setattr(sites, "serving", nullcontext)

    def measure(tab: object, _: object) -> object:
        if tab == "hangs":
            raise Failed
        return tab

    assert measuring.in_a_browser("Any", Path(), measure) == "answers"


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
