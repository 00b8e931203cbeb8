"""What is kept of a report, whichever browser sends it, and what is not."""

import json
from typing import Any

import pytest
from flask import Flask
from secure_flask.csp_reports.formats import Violation, read

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
OLD_SAFARI = {
    "document-uri": PAGE,
    "violated-directive": "img-src 'self'",
    "blocked-uri": "https://tiles.example",
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
    "old Safari": {"csp-report": OLD_SAFARI},
    "Safari by report-to": {"type": "csp-violation", "url": PAGE, "body": NEW},
    "Chromium by report-to": [{"type": "csp-violation", "body": {**NEW, "sourceFile": PAGE}}],
}

OF_EXTENSIONS = """
chrome-extension moz-extension://5f6b/a.png safari-web-extension://5f6b/a.png
webkit-masked-url://hidden/ about about:blank
"""
CODE_OF_EXTENSIONS = ["chrome-extension", "moz-extension://5f6b/a.js", "user-script:1", "sandbox"]
NO_DIRECTIVES = ["", "image-src", "img-src\x1b[31m"]
NO_ADDRESSES = [
    *("https://a\x1b[31m.example", "https://a.example\n", "https://\xfc.example"),
    *("https://\ud800.example", "https://a.example\0", "https://ada:s3cret@tiles.example/"),
    *("https://a..example/", f"https://{'a' * 300}.example/", "x" * 10_000),
]


@pytest.fixture(scope="module")
def app() -> Flask:
    """An app with a start page, a page for each user and one at a long address."""
    app = Flask(__name__)
    app.config["CSP_REPORT_ONLY"] = False
    app.add_url_rule("/", "start")
    app.add_url_rule("/users/<name>", "user")
    app.add_url_rule(LONG, "long")
    return app


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


def test_each_browser_is_understood(app: Flask, subtests: pytest.Subtests) -> None:
    for browser, body in BODIES.items():
        with subtests.test(browser):
            assert kept(app, body) == [TILE]


def test_what_is_no_address_is_kept_by_its_name(app: Flask) -> None:
    names = {"inline": "inline", "eval": "eval", "data": "data:", "blob:https://a/1": "blob:"}
    for sent, name in {**names, "": ""}.items():
        [violation] = kept(app, report("script-src-elem", sent))
        assert violation.blocked == name


def test_files_of_the_site_itself_are_self(app: Flask) -> None:
    own, other = "https://www.example.org/old.js", "https://www.example.org:8443/old.js"
    blocked = [kept(app, report(blocked=address))[0].blocked for address in (own, other)]
    assert blocked == ["self", "https://www.example.org:8443"]


def test_nothing_of_a_users_address_is_kept(app: Flask) -> None:
    body = report(
        blocked="https://tiles.example/ada?token=s3cret#s3cret",
        page="https://www.example.org/users/ada?token=s3cret#s3cret",
        source="https://www.example.org/ada",
        referrer="https://www.example.org/ada",
        sample="greet('ada')",
    )
    [violation] = kept(app, body)
    assert violation.page == "/users/<name>"
    assert not any(word in json.dumps(violation) for word in ("ada", "s3cret"))


def test_an_address_that_no_page_has_is_not_kept(app: Flask) -> None:
    for page in ("https://www.example.org/ada", "about", "", "x" * 10_000):
        assert [violation.page for violation in kept(app, report(page=page))] == ["(no route)"]


def test_a_long_route_is_cut_to_what_the_table_holds(app: Flask) -> None:
    [violation] = kept(app, report(page=f"https://www.example.org{LONG}"))
    assert violation.page == LONG[:200]


def test_what_extensions_do_and_rubbish_is_left_out(app: Flask, subtests: pytest.Subtests) -> None:
    odd = [
        *({"blocked": blocked} for blocked in [*OF_EXTENSIONS.split(), *NO_ADDRESSES]),
        *({"blocked": "eval", "source": source} for source in CODE_OF_EXTENSIONS),
        *({"directive": directive} for directive in NO_DIRECTIVES),
    ]
    for fields in odd:
        with subtests.test(str(fields)):
            assert kept(app, report(**fields)) == []


def test_fields_of_another_type_are_left_out(app: Flask) -> None:
    for value in (1, None, ["img-src"], {"img-src": 1}):
        assert kept(app, {"body": {"effectiveDirective": value}}) == []


def test_webkit_names_no_disposition_over_http(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "CSP_REPORT_ONLY", True)
    sent = [report(), report(disposition="enforce"), report(disposition="s3cret")]
    assert [item.disposition for item in kept(app, sent)] == ["report", "enforce", "report"]
