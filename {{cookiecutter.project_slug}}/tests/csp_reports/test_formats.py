"""What is kept of a report, whichever browser sends it, and what is not."""

import json
from typing import Any

import pytest
from flask import Flask

from app.csp_reports.formats import Violation, read
from tests.conftest import MakeApp

PAGE = "https://www.example.org/?user=ada"
TILE = Violation("img-src", "https://tiles.example", "/", "enforce")

# As the browsers send them; the policy is cut here.
BODIES: dict[str, Any] = {
    "Chromium by report-uri": {
        "csp-report": {
            "document-uri": PAGE,
            "referrer": "",
            "violated-directive": "img-src",
            "effective-directive": "img-src",
            "original-policy": "default-src 'none'; img-src 'self'; report-uri /csp-reports",
            "disposition": "enforce",
            "blocked-uri": "https://tiles.example/a.png?token=1",
            "line-number": 2,
            "column-number": 120,
            "source-file": "https://www.example.org/",
            "status-code": 200,
            "script-sample": "",
        }
    },
    "Chromium by report-to": [
        {
            "age": 53,
            "body": {
                "blockedURL": "https://tiles.example/a.png?token=1",
                "columnNumber": 120,
                "disposition": "enforce",
                "documentURL": PAGE,
                "effectiveDirective": "img-src",
                "lineNumber": 2,
                "originalPolicy": "default-src 'none'; img-src 'self'; report-to csp",
                "referrer": "",
                "sample": "",
                "sourceFile": "https://www.example.org/",
                "statusCode": 200,
            },
            "type": "csp-violation",
            "url": PAGE,
            "user_agent": "Mozilla/5.0 (X11; Linux x86_64) … Chrome/156.0.0.0 Safari/537.36",
        }
    ],
    "Firefox by report-uri": {
        "csp-report": {
            "blocked-uri": "https://tiles.example/a.png?token=1",
            "disposition": "enforce",
            "document-uri": PAGE,
            "effective-directive": "img-src",
            "original-policy": "default-src 'none'; img-src https://www.example.org",
            "referrer": "https://www.example.org/search?q=ada",
            "status-code": 200,
            "violated-directive": "img-src",
        }
    },
    "Safari by report-to": {
        "type": "csp-violation",
        "url": PAGE,
        "body": {
            "documentURL": PAGE,
            "disposition": "enforce",
            "referrer": "",
            "effectiveDirective": "img-src",
            "blockedURL": "https://tiles.example/a.png",
            "originalPolicy": "default-src 'none'; img-src 'self'; report-to csp",
            "statusCode": 200,
            "sample": "",
        },
    },
    "old Safari": {
        "csp-report": {
            "document-uri": PAGE,
            "referrer": "",
            "violated-directive": "img-src 'self'",
            "original-policy": "default-src 'none'; img-src 'self'",
            "blocked-uri": "https://tiles.example",
        }
    },
}

NOISE = [
    {"blocked": "chrome-extension"},
    {"blocked": "moz-extension://5f6b/a.png"},
    {"blocked": "safari-web-extension://5f6b/a.png"},
    {"blocked": "webkit-masked-url://hidden/"},
    {"blocked": "about"},
    {"blocked": "about:blank"},
    {"blocked": "eval", "source": "chrome-extension"},
    {"blocked": "eval", "source": "moz-extension://5f6b/content.js"},
    {"blocked": "inline", "source": "user-script:1"},
    {"blocked": "eval", "source": "sandbox eval code"},
]
RUBBISH = [
    {"directive": ""},
    {"directive": "image-src"},
    {"directive": "img-src\x1b[31m"},
    {"blocked": "https://a\x1b[31m.example"},
    {"blocked": "https://a.example\n"},
    {"blocked": "https://\xfc.example"},
    {"blocked": "https://\ud800.example"},
    {"blocked": "https://a.example\0"},
    {"blocked": "https://ada:s3cret@tiles.example/"},
    {"blocked": "https://a..example/"},
    {"blocked": f"https://{'a' * 300}.example/"},
    {"blocked": "x" * 10_000},
]


def report(
    directive: str = "img-src",
    blocked: str = "https://tiles.example",
    page: str = PAGE,
    source: str = "",
    **more: str,
) -> dict[str, Any]:
    said = {"effectiveDirective": directive, "blockedURL": blocked, "documentURL": page}
    return {"body": {**said, "sourceFile": source, **more}}


def kept(app: Flask, body: Any) -> list[Violation]:
    with app.app_context():
        return list(read(body))


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_each_browser_is_understood(app: Flask, body: Any) -> None:
    assert kept(app, body) == [TILE]


def test_what_is_no_address_is_kept_by_its_name(app: Flask) -> None:
    names = {"inline": "inline", "eval": "eval", "data": "data:", "blob:https://a/1": "blob:"}
    for sent, name in names.items():
        [violation] = kept(app, report("script-src-elem", sent))
        assert violation.blocked == name


def test_what_a_browser_does_not_name_is_kept_too(app: Flask) -> None:
    body = report("frame-src")
    del body["body"]["blockedURL"]
    assert [violation.blocked for violation in kept(app, body)] == [""]


def test_the_sites_own_files_are_told_from_others(app: Flask) -> None:
    own, other = "https://www.example.org/old.js", "https://www.example.org:8443/old.js"
    blocked = [kept(app, report(blocked=address))[0].blocked for address in (own, other)]
    assert blocked == ["self", "https://www.example.org:8443"]


def test_nothing_of_a_users_address_is_kept(app: Flask) -> None:
    body = report(
        blocked="https://tiles.example/ada?token=s3cret#s3cret",
        page="https://www.example.org/static/ada.svg?token=s3cret#s3cret",
        source="https://www.example.org/ada",
        referrer="https://www.example.org/ada",
        sample="greet('ada')",
    )
    [violation] = kept(app, body)
    assert violation.page == "/static/<path:filename>"
    assert not any(word in json.dumps(violation) for word in ("ada", "s3cret"))


@pytest.mark.parametrize("page", ["https://www.example.org/ada", "about", "", "x" * 10_000])
def test_an_address_that_no_page_has_is_not_kept(app: Flask, page: str) -> None:
    assert [violation.page for violation in kept(app, report(page=page))] == ["(no route)"]


@pytest.mark.parametrize("noise", NOISE, ids=str)
def test_what_extensions_do_is_left_out(app: Flask, noise: dict[str, str]) -> None:
    assert kept(app, report(**{"directive": "script-src", **noise})) == []


@pytest.mark.parametrize("rubbish", RUBBISH, ids=range(len(RUBBISH)))
def test_rubbish_is_left_out(app: Flask, rubbish: dict[str, str]) -> None:
    assert kept(app, report(**rubbish)) == []


def test_fields_of_another_type_are_left_out(app: Flask) -> None:
    wrong = [1, None, ["img-src"], {"img-src": 1}]
    assert [kept(app, {"body": {"effectiveDirective": value}}) for value in wrong] == [[]] * 4


def test_old_browsers_do_not_say_whether_it_was_blocked(make_app: MakeApp) -> None:
    app = make_app(csp_report_only=True)
    told = [report(), report(disposition="enforce"), report(disposition="s3cret")]
    assert [item.disposition for item in kept(app, told)] == ["report", "enforce", "report"]
