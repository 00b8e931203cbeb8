"""`flask csp …`, as the maintainer of the policy sees it."""

import json
from collections import Counter
from typing import Any

import pytest
from flask import Flask
from secure_flask.csp_reports import table
from secure_flask.csp_reports.formats import Violation
from secure_flask.database import Model, db
from secure_flask.web.csp_syntax import SELF

from core.conftest import MakeApp

TILE = Violation("img-src", "http://127.0.0.1:3000", "/", "enforce")
CHANGE = 'CSP["img-src"] += ["http://127.0.0.1:3000"]'
INLINE = Violation("script-src-attr", "inline", "/", "report")
NOVEMBER_18 = 1_795_000_000


@pytest.fixture(scope="module")
def shared_app(make_app: MakeApp) -> Flask:
    return make_app(CSP={"img-src": [SELF]})


def run(app: Flask, *arguments: str) -> str:
    result = app.test_cli_runner().invoke(args=["csp", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def as_json(app: Flask) -> Any:
    return json.loads(run(app, "report", "--format", "json"))


def add(app: Flask, *violations: Violation) -> None:
    with app.app_context():
        table.add(Counter(violations))


def test_a_violation_has_a_line_and_advice(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: NOVEMBER_18)
    add(app, INLINE)
    add(app, TILE, TILE)
    monkeypatch.setattr("time.time", lambda: NOVEMBER_18 + 86_400)
    add(app, TILE)
    lines = run(app, "report").splitlines()
    blocked = ("Blocked:", "3 img-src http://127.0.0.1:3000 / 2026-11-18 2026-11-19", CHANGE)
    let_through = "Only reported, and let through:"
    reported = (let_through, "1 script-src-attr inline / 2026-11-18 2026-11-18", "Do not allow it")
    for title, shown, below in (blocked, reported):
        at = lines.index(title)
        assert lines[at + 1].split() == ["TIMES", "WHAT", "ON", "SINCE", "LAST"]
        assert " ".join(lines[at + 2].split()) == shown
        assert below in "\n".join(lines[at + 3 :])


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
    hostile = "https://\x1b[2J\x9b31m\r\n\u202eevil"
    add(app, TILE._replace(blocked=hostile, page=hostile))
    for form in ("table", "json"):
        shown = run(app, "report", "--format", form)
        assert all(line.isprintable() for line in shown.split("\n"))


def test_programs_read_the_same_as_json(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: NOVEMBER_18)
    add(app, TILE)
    shown = as_json(app)
    assert shown["mode"] == "Pages enforce the policy."
    [violation] = shown["violations"]
    assert violation.pop("words")
    when = "2026-11-18T11:06:40+00:00"
    counted = {"times": 1, "first_seen": when, "last_seen": when}
    assert violation == {**TILE._asdict(), **counted, "change": CHANGE}


def test_it_says_whether_anything_is_blocked(make_app: MakeApp, app: Flask) -> None:
    assert run(app, "report") == "Pages enforce the policy.\nBrowsers reported nothing.\n"
    assert run(make_app(csp_report_only=True), "report").startswith("CSP_REPORT_ONLY is set")
    stricter = make_app(CSP_CANDIDATE={"img-src": [SELF]})
    assert "CSP_CANDIDATE is tried beside it." in run(stricter, "report")


def test_it_says_when_the_table_is_full(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "MAX_ROWS", 2)
    add(app, TILE)
    assert "full" not in run(app, "report")
    add(app, INLINE)
    assert "The table is full" in run(app, "report")


def test_clear_deletes_everything_and_says_how_much(app: Flask) -> None:
    add(app, TILE, INLINE)
    assert run(app, "clear") == "Deleted 2 violations\n"
    assert run(app, "clear") == "Deleted 0 violations\n"


def test_without_tables_it_says_how_to_make_them(make_app: MakeApp) -> None:
    app = make_app()
    with app.app_context():
        Model.metadata.drop_all(db.engine)
    for command in ("report", "clear"):
        result = app.test_cli_runner().invoke(args=["csp", command])
        assert result.exit_code == 1
        assert "flask db upgrade`" in result.output
