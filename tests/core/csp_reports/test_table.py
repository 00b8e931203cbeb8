"""The counts of reports: none is lost, and no stranger fills the table or hides what is real."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.ctx import AppContext
from secure_flask.csp_reports import table
from secure_flask.csp_reports.formats import Violation
from secure_flask.database import db
from sqlalchemy import event

from core.conftest import MakeApp, Wait

AtOnce = Callable[[list[list[Violation]]], AppContext]

TILE = Violation("img-src", "https://tiles.example", "/", "enforce")
OTHERS = [
    TILE._replace(directive="font-src"),
    TILE._replace(blocked="https://photos.example"),
    TILE._replace(page="/map"),
    TILE._replace(disposition="report"),
]


@pytest.fixture
def _context(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


@pytest.fixture
def _room_for_three(_context: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "MAX_ROWS", 3)


@pytest.fixture
def at_once(make_app: MakeApp, tmp_path: Path) -> AtOnce:
    """Add bodies in two threads; inside it the table of that app is there to look at."""
    database = os.environ.get("TEST_DATABASE_URL", f"sqlite:///{tmp_path}/app.db")
    app = make_app(database_url=database)

    def count(body: list[Violation]) -> None:
        with app.app_context():
            add(*body)

    def run(bodies: list[list[Violation]]) -> AppContext:
        with ThreadPoolExecutor(2) as threads:
            list(threads.map(count, bodies))
        return app.app_context()

    return run


def rubbish(number: int) -> Violation:
    return TILE._replace(blocked=f"https://{number}.example")


def add(*violations: Violation) -> None:
    table.add(Counter(violations))


def stored() -> dict[Violation, int]:
    return {
        Violation(row.directive, row.blocked, row.page, row.disposition): row.times
        for row in table.most_frequent()
    }


@pytest.mark.usefixtures("_context")
def test_what_differs_in_one_thing_is_counted_apart() -> None:
    for violation in [TILE, *OTHERS, TILE]:
        add(violation)
    assert stored() == {TILE: 2, **dict.fromkeys(OTHERS, 1)}


@pytest.mark.usefixtures("_context")
def test_the_latest_come_first_and_a_row_says_since_when(wait: Wait) -> None:
    for number in (1, 2, 3, 2):
        add(rubbish(number))
        wait(60)
    [last, before] = table.latest(2)
    assert (last.blocked, before.blocked) == ("https://2.example", "https://3.example")
    assert last.last_seen - last.first_seen == 120


@pytest.mark.usefixtures("_context")
def test_a_body_is_written_at_once_and_always_in_one_order(wait: Wait) -> None:
    written = []

    def note(connection: Any, cursor: Any, statement: str, values: Any, *rest: object) -> None:
        if statement.startswith("INSERT"):
            written.append(values)

    event.listen(db.engine, "before_cursor_execute", note)
    add(TILE, *OTHERS)
    add(*reversed(OTHERS), TILE)
    event.remove(db.engine, "before_cursor_execute", note)
    assert written == [written[0]] * 2


def test_those_that_come_together_are_all_counted(at_once: AtOnce) -> None:
    several = [rubbish(number) for number in range(20)]
    with at_once([several, several[::-1]] * 5):
        assert stored() == dict.fromkeys(several, 10)


@pytest.mark.skipif("TEST_DATABASE_URL" not in os.environ, reason="SQLite has one writer")
def test_those_that_come_together_make_room_without_a_deadlock(
    at_once: AtOnce, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "MAX_ROWS", 20)
    with at_once([[rubbish(start + step * 7 % 40) for step in range(20)] for start in range(60)]):
        add(TILE)
        assert len(stored()) == 20


@pytest.mark.usefixtures("_room_for_three")
def test_a_full_table_keeps_what_happens_often_and_takes_what_is_new(wait: Wait) -> None:
    for violation in (TILE, TILE, TILE, rubbish(1), rubbish(2), rubbish(2), rubbish(1)):
        add(violation)
        wait(1)
    add(rubbish(3))
    assert stored() == {TILE: 3, rubbish(1): 2, rubbish(3): 1}
    wait(1)
    add(rubbish(4))
    assert stored() == {TILE: 3, rubbish(1): 2, rubbish(4): 1}


@pytest.mark.usefixtures("_room_for_three")
def test_rubbish_that_is_posted_often_does_not_lock_out_what_is_new(wait: Wait) -> None:
    for number in range(0, 20, 5):
        add(*[rubbish(each) for each in range(number, number + 5)] * 50)
    assert len(stored()) == 3
    wait(1)
    add(TILE)
    assert TILE in stored()
