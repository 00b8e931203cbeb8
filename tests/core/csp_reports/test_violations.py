"""What is kept of a report, and the counts: no stranger fills the table or hides what is real."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.ctx import AppContext
from secure_flask.csp_reports import violations
from secure_flask.csp_reports.violations import Violation, read
from secure_flask.database import db
from sqlalchemy import event

from core.conftest import MakeApp, Wait

AtOnce = Callable[[list[list[Violation]]], AppContext]

PAGE, LONG = "https://www.example.org/?user=ada", f"/{'long' * 100}"
TILE = Violation("img-src", "https://tiles.example", "/", "enforce")

# By report-uri and by report-to; what else browsers send is left out here.
OLD = {
    "blocked-uri": "https://tiles.example/a.png?token=1",
    "disposition": "enforce",
    "document-uri": PAGE,
    "effective-directive": "img-src",
    "original-policy": "default-src 'none'; img-src https://www.example.org",
    "referrer": "https://www.example.org/search?q=ada",
    "violated-directive": "img-src",
}
NEW = {
    "documentURL": PAGE,
    "disposition": "enforce",
    "effectiveDirective": "img-src",
    "blockedURL": "https://tiles.example/a.png?token=1",
    "originalPolicy": "default-src 'none'; img-src 'self'; report-to csp",
}
BODIES: dict[str, Any] = {
    "Firefox": {"csp-report": OLD},
    "Chromium by report-uri": {"csp-report": {**OLD, "source-file": PAGE, "line-number": 2}},
    "Safari by report-to": {"type": "csp-violation", "url": PAGE, "body": NEW},
    "Chromium by report-to": [{"type": "csp-violation", "body": {**NEW, "sourceFile": PAGE}}],
}

BLOCKED = {
    "inline": "inline",
    "eval": "eval",
    "": "",
    "data": "data:",
    "blob:https://a/1": "blob:",
    "https://www.example.org/old.js": "self",
    "https://www.example.org:8443/old.js": "https://www.example.org:8443",
}
OF_EXTENSIONS = """
chrome-extension moz-extension://5f6b/a.png safari-web-extension://5f6b/a.png
webkit-masked-url://hidden/ about about:blank
"""
OTHERS = [
    TILE._replace(directive="font-src"),
    TILE._replace(blocked="https://photos.example"),
    TILE._replace(page="/map"),
    TILE._replace(disposition="report"),
]
CODE_OF_EXTENSIONS = ["chrome-extension", "moz-extension://5f6b/a.js", "user-script:1", "sandbox"]
NO_DIRECTIVES = ["", "image-src", "img-src\x1b[31m"]
NO_ADDRESSES = [
    *("https://a\x1b[31m.example", "https://a.example\n", "https://\xfc.example"),
    *("https://\ud800.example", "https://a.example\0", "https://ada:s3cret@tiles.example/"),
    *("https://a..example/", f"https://{'a' * 300}.example/", "x" * 10_000),
]


@pytest.fixture(scope="module")
def site() -> Flask:
    """An app with a start page, a page for each user and one at a long address."""
    app = Flask(__name__)
    app.add_url_rule("/", "start")
    app.add_url_rule("/users/<name>", "user")
    app.add_url_rule(LONG, "long")
    return app


@pytest.fixture
def _context(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


@pytest.fixture
def _room_for_three(_context: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(violations, "MAX_ROWS", 3)


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


def report(
    directive: str = "img-src",
    blocked: str = "https://tiles.example",
    page: str = PAGE,
    source: str = "",
    **more: str,
) -> dict[str, Any]:
    said = {"effectiveDirective": directive, "blockedURL": blocked, "documentURL": page}
    return {"body": {**said, "sourceFile": source, **more}}


def kept(site: Flask, body: Any) -> list[Violation]:
    with site.app_context():
        return list(read(body))


def test_each_browser_is_understood(site: Flask, subtests: pytest.Subtests) -> None:
    for browser, body in BODIES.items():
        with subtests.test(browser):
            assert kept(site, body) == [TILE]


def test_what_was_blocked_is_kept_by_its_kind_or_origin(site: Flask) -> None:
    for sent, name in BLOCKED.items():
        [violation] = kept(site, report("script-src-elem", sent))
        assert violation.blocked == name


def test_nothing_of_a_users_address_is_kept(site: Flask) -> None:
    body = report(
        blocked="https://tiles.example/ada?token=s3cret#s3cret",
        page="https://www.example.org/users/ada?token=s3cret#s3cret",
        source="https://www.example.org/ada",
        referrer="https://www.example.org/ada",
        sample="greet('ada')",
    )
    [violation] = kept(site, body)
    assert violation.page == "/users/<name>"
    assert not any(word in json.dumps(violation) for word in ("ada", "s3cret"))


def test_a_page_is_kept_by_its_route_cut_to_what_the_table_holds(site: Flask) -> None:
    pages = {f"https://www.example.org{LONG}": LONG[:200]}
    unknown = ("https://www.example.org/ada", "about", "", "x" * 10_000)
    for page, route in (pages | dict.fromkeys(unknown, "(no route)")).items():
        assert [violation.page for violation in kept(site, report(page=page))] == [route]


def test_what_extensions_do_and_rubbish_is_left_out(site: Flask, subtests: pytest.Subtests) -> None:
    odd = [
        *({"blocked": blocked} for blocked in [*OF_EXTENSIONS.split(), *NO_ADDRESSES]),
        *({"blocked": "eval", "source": source} for source in CODE_OF_EXTENSIONS),
        *({"directive": directive} for directive in NO_DIRECTIVES),
    ]
    for fields in odd:
        with subtests.test(str(fields)):
            assert kept(site, report(**fields)) == []


def test_fields_of_another_type_are_left_out(site: Flask) -> None:
    for value in (1, None, ["img-src"], {"img-src": 1}):
        assert kept(site, {"body": {"effectiveDirective": value}}) == []


def test_a_disposition_that_is_not_named_counts_as_enforced(site: Flask) -> None:
    sent = [report(), report(disposition="report"), report(disposition="s3cret")]
    assert [item.disposition for item in kept(site, sent)] == ["enforce", "report", "enforce"]


def rubbish(number: int) -> Violation:
    return TILE._replace(blocked=f"https://{number}.example")


def add(*found: Violation) -> None:
    violations.add(Counter(found))


def stored() -> dict[Violation, int]:
    return {
        Violation(row.directive, row.blocked, row.page, row.disposition): row.times
        for row in violations.most_frequent()
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
    [last, before] = violations.latest(2)
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
    monkeypatch.setattr(violations, "MAX_ROWS", 20)
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
