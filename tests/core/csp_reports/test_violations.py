"""What is kept of a report, and the counts: no stranger fills the table or hides what is real."""

import json
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from secure_flask.csp_reports import violations
from secure_flask.csp_reports.violations import Violation, ViolationCount, read_violations
from secure_flask.database import db
from sqlalchemy import event, func, insert, select

from core.conftest import Wait
from core.statements import SIZES, counted_statements

PAGE, LONG = "https://www.example.org/?user=ada", f"/{'long' * 100}"
TILE = Violation("img-src", "https://tiles.example", "/", "enforce")

# By report-uri and by report-to; what else browsers send is left out here.
OLD = {
    "blocked-uri": "https://tiles.example/a.png?token=1",
    "document-uri": PAGE,
    "effective-directive": "img-src",
}
NEW = {
    "blockedURL": "https://tiles.example/a.png?token=1",
    "documentURL": PAGE,
    "effectiveDirective": "img-src",
}
BODIES: dict[str, Any] = {
    "Firefox": {"csp-report": OLD},
    "Chromium by report-uri": {"csp-report": {**OLD, "source-file": PAGE}},
    "Safari by report-to": {"type": "csp-violation", "url": PAGE, "body": NEW},
    "Chromium by report-to": [{"type": "csp-violation", "body": {**NEW, "sourceFile": PAGE}}],
}
LINK = Violation("connection-allowlist", "https://evil.example", "/", "enforce")
SCRIPT = Violation("integrity-violation", "https://cdn.example", "/", "enforce")
# Chromium sends the query of a closed connection's address too.
CONNECTION = {"connection": "https://evil.example/a?token=s3cret#s3cret", "disposition": "enforce"}
WEBRTC = {"connection": "webrtc", "allowlist": ["https://www.example.org"], "url": PAGE}
INTEGRITY = {
    "blockedURL": "https://cdn.example/a.js?token=s3cret",
    "documentURL": PAGE,
    "destination": "script",
    "reportOnly": False,
}
REPORTED_LINK, REPORTED = (
    {**CONNECTION, "disposition": "report"},
    SCRIPT._replace(disposition="report"),
)
OWN = "https://www.example.org/static/a.js"
# What browsers report besides the CSP: the type, the body and what is kept.
OTHER_REPORTS: list[tuple[str, dict[str, Any], Violation]] = [
    ("connection-allowlist", CONNECTION, LINK),
    ("connection-allowlist", WEBRTC, LINK._replace(blocked="webrtc")),
    # Chromium does not name an address of another scheme, such as sms:.
    ("connection-allowlist", {**CONNECTION, "connection": ""}, LINK._replace(blocked="")),
    ("connection-allowlist", REPORTED_LINK, LINK._replace(disposition="report")),
    ("integrity-violation", INTEGRITY, SCRIPT),
    ("integrity-violation", {**INTEGRITY, "reportOnly": True}, REPORTED),
    ("integrity-violation", {**INTEGRITY, "reportOnly": "no"}, SCRIPT),
    ("integrity-violation", {**INTEGRITY, "blockedURL": OWN}, SCRIPT._replace(blocked="self")),
]
# What is kept of a field by what is sent.
KEPT = {
    ("blockedURL", "blocked"): {
        "inline": "inline",
        "eval": "eval",
        "": "",
        "data": "data:",
        "blob:https://a/1": "blob:",
        "https://www.example.org/old.js": "self",
        "https://www.example.org:8443/old.js": "https://www.example.org:8443",
    },
    ("documentURL", "page"): {
        "https://www.example.org/users/ada?token=s3cret#s3cret": "/users/<name>",
        f"https://www.example.org{LONG}": LONG[:200],
        f"https://www.example.org{LONG.replace('l', '%6C')}": LONG[:200],
        "https://www.example.org/ada": "(no route)",
        "about": "(no route)",
        "": "(no route)",
        "x" * 10_000: "(no route)",
    },
    ("disposition", "disposition"): {"report": "report", "s3cret": "enforce"},
}
# A report with one of these is left out.
LEFT_OUT: dict[str, list[Any]] = {
    "blockedURL": [
        *("chrome-extension", "moz-extension://5f6b/a.png", "safari-web-extension://5f6b/a.png"),
        *("webkit-masked-url://hidden/", "about", "about:blank"),
        *("https://a\x1b[31m.example", "https://a.example\n", "https://\xfc.example"),
        *("https://\ud800.example", "https://a.example\0", "https://ada:s3cret@tiles.example/"),
        *("https://a..example/", f"https://{'a' * 300}.example/", "x" * 10_000),
    ],
    "sourceFile": ["chrome-extension", "moz-extension://5f6b/a.js", "user-script:1", "sandbox"],
    "effectiveDirective": ["", "image-src", "img-src\x1b[31m", 1, None, ["img-src"], {"a": 1}],
}
OTHERS = [
    TILE._replace(directive="font-src"),
    TILE._replace(blocked="https://photos.example"),
    TILE._replace(page="/map"),
    TILE._replace(disposition="report"),
]


@pytest.fixture(scope="module")
def site() -> Flask:
    """An app with a start page, a page for each user and one at a long address."""
    app = Flask(__name__)
    for path in ("/", "/users/<name>", LONG):
        app.add_url_rule(path, path[:9])
    return app


@pytest.fixture
def _room_for_three(app_context: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(violations, "MAX_ROWS", 3)


def kept(site: Flask, body: Any) -> list[Violation]:
    with site.app_context():
        return list(read_violations(body))


def rubbish(number: int) -> Violation:
    return TILE._replace(blocked=f"https://{number}.example")


def add(*found: Violation) -> None:
    violations.add_violations(Counter(found))


def add_at_once(app: Flask, bodies: list[list[Violation]]) -> None:
    """Add bodies in two threads."""

    def count(body: list[Violation]) -> None:
        with app.app_context():
            add(*body)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(count, bodies))


def stored() -> dict[Violation, int]:
    return {
        Violation(row.directive, row.blocked, row.page, row.disposition): row.count
        for row in violations.most_frequent_violations()
    }


def test_each_browser_is_understood(site: Flask, subtests: pytest.Subtests) -> None:
    got = {browser: kept(site, body) for browser, body in BODIES.items()}
    assert got == {browser: [TILE] for browser in BODIES}
    for kind, body, violation in OTHER_REPORTS:
        with subtests.test(kind=kind, body=body, violation=violation):
            assert kept(site, [{"age": 3, "type": kind, "url": PAGE, "body": body}]) == [violation]


@pytest.mark.parametrize(
    "address",
    [
        *("evil.example", "s3cret.evil.example", "https://ada:s3cret@evil.example/", "x" * 10_000),
        *("sms:s3cret", "wss://evil.example:1/\ud800\n", f"https://{'a' * 300}.example/", ["x"]),
    ],
    ids=lambda address: ascii(address)[:40],
)
def test_only_an_origin_is_kept_of_a_closed_connection(site: Flask, address: object) -> None:
    item = {"type": "connection-allowlist", "url": PAGE, "body": {"connection": address}}
    kept_of_it = {violation.blocked for violation in kept(site, item)}
    assert kept_of_it <= {"", "wss://evil.example:1"}


@pytest.mark.parametrize(("name", "field"), KEPT)
def test_a_field_is_kept_by_one_of_few_values(site: Flask, name: str, field: str) -> None:
    values = KEPT[name, field]
    found = {sent: kept(site, {"body": {**NEW, name: sent}}) for sent in values}
    assert {sent: [getattr(each, field) for each in found[sent]] for sent in found} == {
        sent: [expected] for sent, expected in values.items()
    }


def test_nothing_of_a_users_address_is_kept(site: Flask) -> None:
    body = {
        "effectiveDirective": "img-src",
        "blockedURL": "https://tiles.example/ada?token=s3cret#s3cret",
        "documentURL": "https://www.example.org/users/ada?token=s3cret#s3cret",
        "sourceFile": "https://www.example.org/ada",
        "referrer": "https://www.example.org/ada",
        "sample": "greet('ada')",
    }
    [violation] = kept(site, {"body": body})
    assert not any(word in json.dumps(violation) for word in ("ada", "s3cret"))


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_extensions_do_and_rubbish_is_left_out(site: Flask, name: str) -> None:
    bodies = [{**NEW, "blockedURL": "eval", name: value} for value in LEFT_OUT[name]]
    assert [body for body in bodies if kept(site, {"body": body})] == []


@pytest.mark.usefixtures("app_context")
def test_what_differs_in_one_thing_is_counted_apart() -> None:
    for violation in [TILE, *OTHERS, TILE]:
        add(violation)
    assert stored() == {TILE: 2, **dict.fromkeys(OTHERS, 1)}


@pytest.mark.usefixtures("app_context")
def test_the_latest_come_first_and_a_row_says_since_when(wait: Wait) -> None:
    for number in (1, 2, 3, 2):
        add(rubbish(number))
        wait(60)
    [last, before] = violations.latest_csp_violations(2)
    assert (last.blocked, before.blocked) == ("https://2.example", "https://3.example")
    assert last.last_seen - last.first_seen == 120


@pytest.mark.usefixtures("app_context")
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


def test_those_that_come_together_are_all_counted(file_app: Flask) -> None:
    several = [rubbish(number) for number in range(20)]
    add_at_once(file_app, [several, several[::-1]] * 5)
    with file_app.app_context():
        assert stored() == dict.fromkeys(several, 10)


@pytest.mark.skipif("TEST_DATABASE_URL" not in os.environ, reason="SQLite has one writer")
def test_those_that_come_together_make_room_without_a_deadlock(
    file_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(violations, "MAX_ROWS", 20)
    bodies = [[rubbish(start + step * 7 % 40) for step in range(20)] for start in range(60)]
    add_at_once(file_app, bodies)
    with file_app.app_context():
        add(TILE)
        assert len(stored()) == 20


@pytest.mark.usefixtures("_room_for_three")
def test_a_full_table_keeps_what_happens_often_and_takes_what_is_new(
    wait: Wait, subtests: pytest.Subtests
) -> None:
    for violation in (TILE, TILE, TILE, rubbish(1), rubbish(2), rubbish(2), rubbish(1)):
        add(violation)
        wait(1)
    for number in (3, 4):
        with subtests.test(number=number):
            add(rubbish(number))
            assert stored() == {TILE: 3, rubbish(1): 2, rubbish(number): 1}
            wait(1)


@pytest.mark.usefixtures("_room_for_three")
def test_rubbish_that_is_posted_often_does_not_lock_out_what_is_new(wait: Wait) -> None:
    for number in range(0, 20, 5):
        add(*[rubbish(each) for each in range(number, number + 5)] * 50)
    assert len(stored()) == 3
    wait(1)
    add(TILE)
    assert TILE in stored()


def fill(number: int) -> None:
    """Store so many violations at once, each seen once."""
    counted = {"count": 1, "first_seen": 0, "last_seen": 0}
    rows = [rubbish(each)._asdict() | counted for each in range(number)]
    db.session.execute(insert(ViolationCount), rows)
    db.session.commit()


@pytest.mark.usefixtures("app_context")
@pytest.mark.parametrize("number", SIZES)
def test_a_table_of_any_size_takes_a_report_by_the_same_statements(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(violations, "MAX_ROWS", number)
    fill(number)
    with counted_statements(db.engine) as counted:
        add(TILE)
    # The row, which is read back, the number of rows, and those to delete.
    assert counted.sizes == (3, 2)
    assert len(stored()) == number


@pytest.mark.usefixtures("_room_for_three")
def test_a_table_that_became_too_large_shrinks_by_each_report() -> None:
    fill(violations.MAX_DELETED + 10)
    add(TILE)
    assert number_of_rows() == 11
    add(TILE)
    assert number_of_rows() == 3


def number_of_rows() -> int:
    return db.session.scalars(select(func.count()).select_from(ViolationCount)).one()


@pytest.mark.usefixtures("app_context")
@pytest.mark.parametrize("number", SIZES)
def test_what_is_shown_of_many_violations_ends_in_the_database(number: int) -> None:
    fill(number)
    with counted_statements(db.engine) as counted:
        violations.most_frequent_violations()
        violations.latest_csp_violations(5)
    assert counted.rows_of == [min(number, violations.MAX_ROWS), 5]
