"""The start page of app/pages.py and its templates, as a browser takes it apart."""

import json
import re

import pytest
from flask import render_template
from flask.testing import FlaskClient
from secure_flask import public
from secure_flask.csp_levels import NONE
from werkzeug.test import TestResponse

from views import PROJECT
from views.conftest import OWN, PRODUCTION, MakeApp, log_in
from views.page_elements import Elements

# What an answer carries that protects nobody.
NO_PROTECTION = {"content-type", "content-length", "vary"}

REPORT = {
    "csp-report": {
        "effective-directive": "img-src",
        "blocked-uri": "https://tiles.example/1.png?user=ada",
        "document-uri": "http://localhost/",
        "disposition": "enforce",
    }
}

# What policy.py holds, and the header that changes with it.
SET_BY = [
    ("CSP", {"default-src": [NONE], "frame-ancestors": [NONE]}, "Content-Security-Policy"),
    ("CSP_CANDIDATE", {"img-src": [NONE]}, "Content-Security-Policy-Report-Only"),
    ("FRAME_ANCESTORS", ["https://partner.example.org"], "X-Frame-Options"),
]


def report_violation(client: FlaskClient) -> str:
    """What the page then shows."""
    client.post("/csp-reports", data=json.dumps(REPORT), content_type="application/csp-report")
    return client.get("/").text


def sent(answer: TestResponse) -> set[str]:
    return {name.lower() for name, _ in answer.headers}


def protections(page: str) -> list[tuple[str, str]]:
    """Each header that the page explains, in small letters, and what sets it."""
    row = r'data-header="([^"]+)".*?Set by <code>([^<]+)</code>'
    return re.findall(row, page, re.DOTALL)


def test_every_script_and_style_runs_under_the_policy(client: FlaskClient) -> None:
    answer = client.get("/")
    page = Elements(answer.text)
    nonce = re.findall(r"'nonce-([^']+)'", answer.headers["Content-Security-Policy"])[0]
    assert {script.get("nonce") for script in page.of("script")} == {nonce}
    styles = [link for link in page.of("link") if link["rel"] == "stylesheet"]
    for element in page.of("script") + styles:
        assert element["integrity"].startswith("sha384-")
    attributes = {name for _, element in page.found for name in element}
    assert not [name for name in attributes if name == "style" or name.startswith("on")]


def test_every_file_it_names_is_there_for_good(client: FlaskClient) -> None:
    page = Elements(client.get("/").text)
    addresses = [element.get("src") or element.get("href", "") for _, element in page.found]
    files = [address for address in addresses if address.startswith("/static/")]
    assert len(files) >= 3
    for file in files:
        answer = client.get(file)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]


@pytest.mark.parametrize("name", ["PROJECT_NAME", "DESCRIPTION"])
def test_text_from_the_answers_stays_text(make_app: MakeApp, name: str) -> None:
    page = make_app(**{name: """<b>"Ada's" & more</b>"""}).test_client().get("/").text
    assert not Elements(page).of("b")
    assert "&lt;b&gt;" in page


def test_developers_alone_see_what_browsers_blocked(
    client: FlaskClient, production: FlaskClient
) -> None:
    assert "Recently blocked by browsers" not in client.get("/").text
    page = report_violation(client)
    assert "<code>img-src</code> https://tiles.example on <code>/</code>, 1 time<" in page
    assert "tiles.example" not in report_violation(production)


def test_it_explains_every_header_of_its_own_answer(production: FlaskClient) -> None:
    answer = production.get("/")
    explained = {header for header, _ in protections(answer.text)}
    assert sent(answer) - NO_PROTECTION - explained == set()


def test_a_header_added_to_the_policy_is_listed_too(make_app: MakeApp) -> None:
    page = make_app(HEADER_CHANGES={"X-Added": "1"}).test_client().get("/").text
    assert ("x-added", "HEADER_CHANGES") in protections(page)


def test_a_header_is_set_by_what_the_page_names(
    make_app: MakeApp, subtests: pytest.Subtests
) -> None:
    usual = {**PRODUCTION, "FRAME_ANCESTORS": [NONE]}
    before = make_app(**usual).test_client().get("/")
    for name, value, header in SET_BY:
        with subtests.test(name):
            after = make_app(**{**usual, name: value}).test_client().get("/")
            assert (header.lower(), name) in protections(before.text)
            values = [
                re.sub("nonce-[^']*", "", answer.headers.get(header, ""))
                for answer in (before, after)
            ]
            assert values[0] != values[1]
    for header, file in filter(lambda found: "/" in found[1], protections(before.text)):
        with subtests.test(file):
            assert header in (PROJECT / file).read_text("utf-8").lower()


def test_a_write_may_answer_with_a_page(make_app: MakeApp) -> None:
    app = make_app()
    app.add_url_rule(
        "/_write", methods=["POST"], view_func=public(lambda: render_template("index.html"))
    )
    client = app.test_client()
    log_in(client)
    assert client.post("/_write", headers=OWN).status_code == 200
