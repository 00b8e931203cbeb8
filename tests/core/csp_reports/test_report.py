"""`flask csp report`: what was blocked, and the one line that allows it, or why not to."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from flask import Flask
from secure_flask.csp_levels import DATA, NONCE, NONE, PARANOID, SELF
from secure_flask.csp_reports import violations
from secure_flask.csp_reports.report import advise
from secure_flask.csp_reports.violations import UNKNOWN_PAGE, Violation, ViolationCount
from secure_flask.web.csp import csp
from secure_flask.web.view_options import options_of

from core.conftest import MakeApp, Wait
from core.standing_clock import clock

CONFIG: dict[str, Any] = {
    "CSP": {
        **{"default-src": [NONE], "script-src": [NONCE]},
        **{"img-src": [SELF, DATA], "frame-src": [NONE]},
    },
    **{"CSP_CANDIDATE": None, "CSP_REPORT_ONLY": False, "CSP_SOURCES": [], "CSP_CHANGES": {}},
    **{"FRAME_ANCESTORS": [NONE], "LINKS": []},
}
# What is added to CSP_CHANGES.
CHANGES = {
    "img-src https://tiles.example": '"img-src": ["https://tiles.example"],',
    "img-src blob:": '"img-src": ["blob:"],',
    "frame-src https://video.example": '"frame-src": ["https://video.example"],',
    "media-src self": '"media-src": ["\'self\'"],',
    "connect-src wss://a.example": '"connect-src": ["wss://a.example"],',
    "style-src-elem https://a.example": '"style-src": ["https://a.example"],',
    "font-src https://esm.sh": '"font-src": ["https://esm.sh"],',
}

SINK = "trusted-types-sink"
WORDS = {
    "script-src-elem https://cdn.example": "nonce, integrity and crossorigin",
    "script-src-elem self": "nonce and integrity",
    "script-src-elem inline": "somebody injected it",
    "script-src wasm-eval": "'wasm-unsafe-eval'",
    "style-src-elem inline": "app/static/page.css",
    "style-src-elem https://cdn.jsdelivr.net": "Copy the file into app/static/",
    "style-src-elem https://fonts.googleapis.com": "Download the fonts into app/static/",
    "style-src-attr inline": "'unsafe-inline' in style-src-attr alone",
    "form-action https://pay.example": "If you did not write this form, do not allow it",
    "form-action self": "A redirect after the form",
    "form-action ": "does not name what it was",
    "form-action http://pay.example": "Use https",
    "frame-ancestors self": "Allow only a partner that you know",
    "trusted-types trusted-types-policy": "name the policy",
    "frame-src ": "does not name what it was",
    "img-src http://tiles.example": "Use https",
    "img-src self": "allows it by now",
    "img-src inline": "does not name what it was",
    "connect-src trusted-types-sink": "does not name what it was",
    "connection-allowlist webrtc": "no list names them",
    "connection-allowlist ": 'such as "sms:"',
    "connection-allowlist inline": "does not name what it was",
    "integrity-violation self": "Give its tag integrity and crossorigin",
    "integrity-violation https://cdn.example": "Give its tag integrity and crossorigin",
    # What only an attacker needs.
    **dict.fromkeys(
        [
            *("script-src-attr inline", "script-src eval", "script-src-elem data:"),
            *("worker-src blob:", "frame-src data:", "object-src https://plugins.example"),
            *("base-uri https://evil.example", f"require-trusted-types-for {SINK}"),
        ],
        "Do not allow it: ",
    ),
}

TILE = Violation("img-src", "http://127.0.0.1:3000", "/", "enforce")
CHANGE = '"img-src": ["http://127.0.0.1:3000"],'
INLINE = Violation("script-src-attr", "inline", "/", "report")
NOVEMBER_18 = 1_795_000_000


def advice(
    violation: str, disposition: str = "enforce", page: str = UNKNOWN_PAGE, **config: Any
) -> str:
    directive, _, blocked = violation.partition(" ")
    row = ViolationCount(directive=directive, blocked=blocked, disposition=disposition, page=page)
    return advise(row, {**CONFIG, **config})


def at_view(violation: str, **config: Any) -> Mapping[str, list[str]] | None:
    """The directives that the advice writes at the view of the page."""
    [line] = re.findall(r"    @(csp\(.+\))", advice(violation, page="/help", **config))
    decorate = eval(line, {"csp": csp})  # noqa: S307 - as Python runs a view
    return options_of(decorate(lambda: ""), "GET").csp


def change(*arguments: str, **config: Any) -> str | None:
    """The line to add, if there is one."""
    return advice(*arguments, **config).partition("CSP_CHANGES of app/policy.py:\n    ")[2] or None


def run(app: Flask, command: str) -> str:
    result = app.test_cli_runner().invoke(args=["csp", command])
    assert result.exit_code == 0, result.output
    return str(result.output)


def add(app: Flask, *found: Violation) -> None:
    with app.app_context():
        violations.add_violations(Counter(found))


def test_what_an_owner_may_want_is_one_line_and_all_else_is_explained(
    subtests: pytest.Subtests,
) -> None:
    assert {violation: change(violation) for violation in CHANGES} == CHANGES
    for violation in CHANGES:
        with subtests.test(violation=violation):
            of_another_site = violation.startswith("style-src")
            assert ("integrity and crossorigin" in advice(violation)) == of_another_site
    unexplained = [each for each, words in WORDS.items() if words not in advice(each)]
    assert (unexplained, [each for each in WORDS if change(each)]) == ([], [])


def test_a_site_that_pages_lead_to_is_written_into_links(subtests: pytest.Subtests) -> None:
    shop = "connection-allowlist https://shop.example"
    said = advice(shop, LINKS=["https://a.example"])
    listed = 'LINKS = ["https://a.example", "https://shop.example"]'
    assert said.endswith(f"app/policy.py:\n    {listed}")
    assert "If no page of yours leads there, somebody injected it" in said
    for links in (["https://shop.example"], None):
        with subtests.test(links=links):
            assert "allows it by now" in advice(shop, LINKS=links)
    # A site that a candidate closes is listed when the level comes.
    said = advice(shop, "report", LINKS="level", CSP_CANDIDATE=PARANOID)
    assert "together with the level" in said
    assert said.endswith('LINKS = ["https://shop.example"]')
    assert "together with the level" not in advice(shop, "report", CSP_REPORT_ONLY=True)


def test_the_policy_that_reported_is_the_one_that_is_looked_at() -> None:
    candidate = {"CSP_CANDIDATE": {"img-src": ["https://tiles.example"]}}
    cases: list[tuple[str, dict[str, Any], bool]] = [
        ("report", candidate, True),
        ("enforce", candidate, False),
        ("report", {}, False),
        ("report", {**candidate, "CSP_REPORT_ONLY": True}, False),
    ]
    tiles = "img-src https://tiles.example"
    said = [advice(tiles, disposition, **config) for disposition, config, _ in cases]
    assert ["allows it by now" in each for each in said] == [allowed for *_, allowed in cases]


def test_the_line_repeats_what_was_changed_before_and_allows_what_was_blocked(
    make_app: MakeApp,
) -> None:
    changes: dict[str, list[str]] = {}
    sources = [f"https://{name}.example" for name in ("one", "two", "three")]
    for source in sources:
        config = make_app(CSP_CHANGES=changes).config
        line = advice(f"img-src {source}", page="/map", **config).splitlines()[-1]
        changes = eval(f"{{{line}}}")  # noqa: S307 - as Python runs policy.py
    assert changes == {"img-src": sources}
    assert "allows it by now" in advice(f"img-src {source}", CSP_CHANGES=changes)


def test_a_violation_has_a_line_and_advice_the_most_frequent_first(app: Flask, wait: Wait) -> None:
    wait(NOVEMBER_18 - clock.now())
    add(app, INLINE)
    add(app, TILE, TILE)
    wait(86_400)
    add(app, TILE)
    lines = run(app, "report").splitlines()
    assert lines[1] == ("img-src http://127.0.0.1:3000 on / (3x blocked, 2026-11-18 to 2026-11-19)")
    assert lines[5].strip() == CHANGE
    assert lines[6] == ("script-src-attr inline on / (1x only reported, 2026-11-18 to 2026-11-18)")
    assert "Do not allow it" in lines[7]


def test_what_one_page_needs_is_written_at_its_view_and_keeps_what_was_there() -> None:
    widget, pay = "https://widget.example", "https://pay.example"
    assert at_view(f"script-src-elem {widget}") == {"script-src": [NONCE, widget]}
    assert at_view(f"img-src {widget}") == {"img-src": [SELF, DATA, widget]}
    assert at_view(f"frame-src {widget}") == {"frame-src": [widget]}
    assert at_view(f"form-action {pay}") == {"form-action": [SELF, pay]}
    # Only what is no script has a line for all pages too.
    image = f"img-src {widget}"
    assert "route of /help" in advice(image, page="/help")
    assert change(image, page="/help")
    assert not change(f"script-src {widget}", page="/help")
    # Anybody can publish a script there; no route, and no policy that is only tried, has a view.
    assert "@csp" not in advice("script-src https://unpkg.com", page="/help")
    assert "@csp" not in advice(image, page=UNKNOWN_PAGE)
    candidate = {"CSP_CANDIDATE": {"img-src": [SELF]}}
    assert "@csp" not in advice(image, "report", page="/help", **candidate)
    # A policy that names elements is changed there.
    policy = {"style-src": [SELF], "style-src-elem": [SELF, NONCE], "frame-ancestors": [NONE]}
    line = change(f"style-src-elem {widget}", CSP=policy)
    assert line == f'"style-src-elem": ["{widget}"],'


def test_nothing_that_is_stored_steers_the_terminal_and_clear_deletes_it(app: Flask) -> None:
    hostile = "https://\x1b[2J\x9b31m\r\u202eevil"
    add(app, INLINE, TILE._replace(blocked=hostile, page=hostile))
    assert all(line.isprintable() for line in run(app, "report").split("\n"))
    run(app, "clear")
    assert run(app, "report") == "No reports.\n"
