"""`flask csp …`, as whoever looks after the policy sees it."""

import json
from collections import Counter
from typing import Any

import pytest
from flask import Flask

from app.csp_reports import table
from app.csp_reports.formats import Violation
from app.csp_reports.table import ViolationCount
from app.db import Model, db
from tests.conftest import EditPolicy, MakeApp

TILE = Violation("img-src", "http://127.0.0.1:3000", "/", "enforce")
CHANGE = 'CSP["img-src"] += ["http://127.0.0.1:3000"]'
INLINE = Violation("script-src-attr", "inline", "/", "report")


def run(app: Flask, *arguments: str) -> str:
    result = app.test_cli_runner().invoke(args=["csp", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def add(app: Flask, *violations: Violation) -> None:
    with app.app_context():
        table.add(Counter(violations))


def test_it_says_plainly_that_there_is_nothing(app: Flask) -> None:
    assert run(app, "report") == "Pages enforce the policy.\nBrowsers reported nothing.\n"


def test_each_violation_has_a_line_and_below_it_what_to_do(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time", lambda: 1_795_000_000)
    add(app, INLINE)
    add(app, TILE, TILE)
    monkeypatch.setattr("time.time", lambda: 1_795_100_000)
    add(app, TILE)
    lines = run(app, "report").splitlines()
    titles = [lines.index(title) for title in ("Blocked:", "Only reported, and let through:")]
    for title, shown, below in zip(
        titles,
        ["3 img-src http://127.0.0.1:3000 / 2026-11-18 2026-11-19", "1 script-src-attr inline / "],
        [CHANGE, "an injected onclick would run too"],
        strict=True,
    ):
        assert lines[title + 1].split() == ["TIMES", "WHAT", "ON", "SINCE", "LAST"]
        assert " ".join(lines[title + 2].split()).startswith(shown)
        assert below in "\n".join(lines[title + 3 :])


def test_the_most_frequent_comes_first(app: Flask) -> None:
    rare = TILE._replace(directive="font-src")
    add(app, rare, TILE, TILE)
    assert [shown["directive"] for shown in as_json(app)["violations"]] == ["img-src", "font-src"]


def test_it_fits_100_columns_and_shows_whose_a_long_name_is(app: Flask) -> None:
    host = "bank.example." * 15 + "evil.example"
    add(app, TILE._replace(blocked=f"https://{host}", page="/" + "long/" * 30 + "<int:page>"))
    add(app, Violation("require-trusted-types-for", "trusted-types-sink", "(no route)", "report"))
    shown = [line for line in run(app, "report").splitlines() if "+= [" not in line]
    assert max(map(len, shown)) <= 100
    assert any(".evil.example " in line and "/<int:page> " in line for line in shown)


def test_nothing_that_is_stored_steers_the_terminal(app: Flask) -> None:
    with app.app_context():
        hostile = "https://\x1b[2J\x9b31m\r\n\u202eevil"
        row = {"directive": "img-src", "blocked": hostile, "page": hostile, "times": 1}
        db.session.add(ViolationCount(**row, disposition="enforce", first_seen=0, last_seen=0))
        db.session.commit()
    for form in ("table", "json"):
        shown = run(app, "report", "--format", form)
        assert all(line.isprintable() for line in shown.split("\n"))


def as_json(app: Flask) -> Any:
    return json.loads(run(app, "report", "--format", "json"))


def test_programs_read_the_same_as_json(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1_795_000_000)
    add(app, TILE)
    told = as_json(app)
    assert told["mode"] == "Pages enforce the policy."
    [violation] = told["violations"]
    assert violation.pop("words")
    assert violation == {
        **TILE._asdict(),
        "times": 1,
        "first_seen": "2026-11-18T11:06:40+00:00",
        "last_seen": "2026-11-18T11:06:40+00:00",
        "change": CHANGE,
    }


def test_it_says_whether_anything_is_blocked(make_app: MakeApp, edit_policy: EditPolicy) -> None:
    assert run(make_app(csp_report_only=True), "report").startswith("CSP_REPORT_ONLY is set")
    stricter = edit_policy('CSP_CANDIDATE = {**CSP, "img-src": [csp_syntax.SELF]}')
    assert "CSP_CANDIDATE is tried beside it." in run(make_app(**stricter), "report")


def test_it_says_when_the_table_is_full(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "MAX_ROWS", 2)
    add(app, TILE)
    assert "full" not in run(app, "report")
    add(app, INLINE)
    assert "The table is full" in run(app, "report")


def test_clear_forgets_everything_and_tells_how_much(app: Flask) -> None:
    add(app, TILE, INLINE)
    assert run(app, "clear") == "Deleted 2 violations\n"
    assert "Browsers reported nothing." in run(app, "report")


@pytest.mark.parametrize("command", ["report", "clear"])
def test_without_tables_it_says_how_to_make_them(app: Flask, command: str) -> None:
    with app.app_context():
        Model.metadata.drop_all(db.engine)
    result = app.test_cli_runner().invoke(args=["csp", command])
    assert result.exit_code == 1
    assert "run `flask db upgrade`" in result.output
