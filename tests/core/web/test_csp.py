"""What a page may load, as a browser reads it; and that everything else is inert."""

import re
from base64 import b64decode

import pytest
from flask import Blueprint, Flask, Response, request
from flask.testing import FlaskClient
from secure_flask.auth.access import public
from secure_flask.csp_levels import NONCE, NONE, SELF, STRICT
from secure_flask.web.csp import (
    check_directives,
    csp,
    csp_nonce,
    is_whole_cdn,
)
from secure_flask.web.origins import PolicyError
from werkzeug.test import TestResponse

from core import routes
from core.conftest import PRODUCTION, MakeApp

ENFORCED = "Content-Security-Policy"
REPORT_ONLY = "Content-Security-Policy-Report-Only"
POLICY = {"default-src": [NONE], "script-src": [NONCE], "img-src": [SELF]}
TILES, PHOTOS = "https://tiles.example", "https://photos.example"
PAGE, REPORTS = "/_test/page", routes.REPORTS


def with_page(app: Flask) -> FlaskClient:
    """A client of the app with a page that holds its nonce."""
    app.add_url_rule(PAGE, "page", public(lambda: csp_nonce()))
    return app.test_client()


@pytest.fixture(scope="module")
def app(make_app: MakeApp) -> Flask:
    app = make_app(CSP=POLICY, FRAME_ANCESTORS=[NONE])

    @app.get("/_test/typed")
    @public
    def typed() -> Response:
        return Response(status=request.args["status"], content_type=request.args["type"])

    return with_page(app).application


def answer_of(client: FlaskClient, content_type: str, status: str = "200") -> TestResponse:
    return client.get("/_test/typed", query_string={"type": content_type, "status": status})


def directives(answer: TestResponse, name: str = ENFORCED) -> dict[str, str]:
    """Each directive with its sources, as a browser takes the header apart."""
    pairs = [part.strip().partition(" ") for part in answer.headers[name].split(";")]
    return {directive: sources for directive, _, sources in pairs}


def nonces(answer: TestResponse) -> list[str]:
    """The nonce of each policy on the answer."""
    policies = answer.headers.getlist(ENFORCED) + answer.headers.getlist(REPORT_ONLY)
    return [nonce for policy in policies for nonce in re.findall(r"'nonce-([^']*)'", policy)]


@pytest.mark.asvs("3.4.3")
@pytest.mark.parametrize("content_type", ["text/html", "TEXT/HTML; x=y", "application/xhtml+xml"])
def test_whatever_shows_as_a_page_gets_the_policy(client: FlaskClient, content_type: str) -> None:
    got = directives(answer_of(client, content_type))
    assert got.pop("script-src").startswith("'nonce-")
    assert got == {
        "default-src": "'none'",
        "img-src": "'self'",
        "frame-ancestors": "'none'",
        "report-uri": REPORTS,
    }


@pytest.mark.asvs("3.2.1")
def test_everything_else_is_inert_but_a_worker_and_a_304(client: FlaskClient) -> None:
    closed = dict.fromkeys(["default-src", "frame-ancestors", "base-uri", "form-action"], "'none'")
    worker = {"default-src": "'self'", "object-src": "'none'", "base-uri": "'none'"}
    kinds = ("application/json", "image/svg+xml", "application/pdf", "text/plain", "text/xml", "")
    inert = {kind: directives(answer_of(client, kind)) for kind in kinds}
    assert inert == {kind: {**closed, "sandbox": ""} for kind in kinds}
    assert directives(answer_of(client, "text/javascript")) == worker
    assert directives(answer_of(client, "application/javascript; charset=utf-8")) == worker
    # It leaves the kept policy in force.
    assert ENFORCED not in answer_of(client, "text/html", "304").headers


@pytest.mark.asvs("11.5.1")
def test_header_and_page_hold_the_same_new_nonce_of_18_bytes(client: FlaskClient) -> None:
    answers = [client.get(PAGE) for _ in range(20)]
    assert [nonces(answer) for answer in answers] == [[answer.text] for answer in answers]
    assert {len(b64decode(answer.text, validate=True)) for answer in answers} == {18}
    assert len({answer.text for answer in answers}) == 20


@pytest.mark.asvs("3.4.7")
@pytest.mark.parametrize("root", ["", "/shop"])
def test_over_https_browsers_report_both_ways(make_app: MakeApp, root: str) -> None:
    answer = with_page(make_app(CSP=POLICY, APPLICATION_ROOT=root or "/", **PRODUCTION)).get(PAGE)
    got, reports = directives(answer), f"{root}{REPORTS}"
    assert (got["img-src"], got["upgrade-insecure-requests"]) == ("'self'", "")
    moved = "The route of reports has moved: name its path in secure_flask/web/csp.py."
    assert (got["report-uri"], got["report-to"]) == (reports, "csp"), moved
    assert answer.headers["Reporting-Endpoints"] == f'csp="{reports}"'
    # Over plain http, the old way alone works.
    assert "Reporting-Endpoints" not in with_page(make_app(CSP=POLICY)).get(PAGE).headers


def test_report_only_blocks_nothing_on_pages(make_app: MakeApp) -> None:
    tried = {"csp_report_only": True, "CSP_CANDIDATE": {"img-src": [NONE]}}
    client = with_page(make_app(CSP=POLICY, **tried))
    page = client.get(PAGE)
    assert ENFORCED not in page.headers
    policy, candidate = page.headers.getlist(REPORT_ONLY)
    assert ("img-src 'self'" in policy, "img-src 'none'" in candidate) == (True, True)
    assert "sandbox" in directives(client.get(routes.HEALTHZ))


@pytest.mark.parametrize("tried", [{"csp_report_only": True}, {"CSP_CANDIDATE": STRICT}])
def test_a_policy_that_only_reports_asks_for_no_upgrade(
    make_app: MakeApp, tried: dict[str, object]
) -> None:
    page = with_page(make_app(CSP=POLICY, **tried, **PRODUCTION)).get(PAGE)
    [only_reports] = page.headers.getlist(REPORT_ONLY)
    assert "report-to csp" in only_reports
    # Browsers ignore it there, and write an error to the console of each page.
    assert "upgrade-insecure-requests" not in only_reports


def test_a_candidate_is_tried_beside_the_enforced_policy(make_app: MakeApp) -> None:
    answer = with_page(make_app(CSP=POLICY, CSP_CANDIDATE={"script-src": [NONCE]})).get(PAGE)
    assert directives(answer)["img-src"] == "'self'"
    assert set(directives(answer, REPORT_ONLY)) == {"script-src", "report-uri"}
    assert nonces(answer) == [answer.text, answer.text]


def test_a_slip_in_the_policy_stops_the_app(make_app: MakeApp, subtests: pytest.Subtests) -> None:
    slips: list[tuple[str, object, str]] = [
        *((name, {"img-src": ["self"]}, "without quotes") for name in ("CSP", "CSP_CANDIDATE")),
        ("CSP_CHANGES", {"img-src": ["self"]}, "without quotes"),
        ("CSP_CHANGES", {"image-src": [SELF]}, "no directive"),
        ("CSP", None, "write a level, such as csp_levels.STRICT"),
    ]
    for name, slip, words in slips:
        with (
            subtests.test(name=name, slip=slip, words=words),
            pytest.raises(PolicyError, match=words),
        ):
            make_app(**{name: slip})
    # One in an override is refused where it is written.
    for override in ({"image_src": [SELF]}, {"img_src": [f"{TILES}; script-src *"]}):
        with subtests.test(override=override), pytest.raises(PolicyError):
            csp(**override)


def test_a_view_replaces_what_it_names_and_no_more(make_app: MakeApp) -> None:
    app = make_app(CSP=POLICY, CSP_CANDIDATE={"img-src": [SELF], "font-src": [SELF]})
    app.add_url_rule("/_test/map", "map", csp(img_src=[TILES])(public(lambda: "a map")))
    scripts = public(csp(script_src=[SELF, NONCE])(csp_nonce))
    app.add_url_rule("/_test/scripts", "scripts", scripts)
    maps = csp(img_src=[TILES], font_src=[TILES])(Blueprint("maps", __name__))
    maps.add_url_rule("/_test/plain", view_func=public(lambda: "as the blueprint says"))
    maps.add_url_rule("/_test/photos", "photos", csp(img_src=[PHOTOS])(public(lambda: "its own")))
    app.register_blueprint(maps)
    client = with_page(app)
    paths = ("/_test/map", PAGE, "/_test/plain", "/_test/photos")
    found = {path: directives(client.get(path)) for path in paths}
    assert {
        path: [got.get(name) for name in ("img-src", "font-src", "default-src")]
        for path, got in found.items()
    } == {
        "/_test/map": [TILES, None, "'none'"],
        PAGE: ["'self'", None, "'none'"],
        "/_test/plain": [TILES, TILES, "'none'"],
        "/_test/photos": [PHOTOS, TILES, "'none'"],
    }
    # The candidate lets a view load what the view names.
    tried = directives(client.get("/_test/map"), REPORT_ONLY)
    assert (tried["img-src"], tried["font-src"]) == (TILES, "'self'")
    answer = client.get("/_test/scripts")
    assert directives(answer)["script-src"] == f"'self' 'nonce-{answer.text}'"


KNOWN = """
'none' 'self' 'nonce-{nonce}' 'strict-dynamic' data: https: https://cdn.example
'trusted-types-eval' 'inline-speculation-rules' 'report-sha256' 'report-sha384' 'report-sha512'
'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' https://*.cdn.example:8443/fonts/
http://localhost:3000 https://[::1]:8443
"""

MISREAD = """
self none unsafe-inline strict-dynamic script trusted-types-eval 'unsafe-allow-redirects' 'unsafe-everything' 'self "self" 'nonce-x'
'sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=' https://a.example,https://b.example https://user@a.example
https://b\u00fccher.example
"""
WITH_SPACES = [
    *("", "https://a.example\n", "https://a.example; script-src *", "https://a.example b.example"),
]


def test_a_source_that_browsers_know_passes() -> None:
    types = {"trusted-types": ["my_policy#1", "'allow-duplicates'"], "sandbox": ["allow-forms"]}
    images = {"img-src": KNOWN.split()[1:]}
    passing: list[dict[str, list[str]]] = [types, images, {"img-src": [NONE]}, {"sandbox": []}]
    for each in passing:
        check_directives(each)


@pytest.mark.parametrize("source", [*MISREAD.split(), *WITH_SPACES])
def test_a_source_that_browsers_misread_is_refused(source: str) -> None:
    with pytest.raises(PolicyError, match=r"^img-src: "):
        check_directives({"img-src": [source]})


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ({"image-src": [SELF]}, "no directive"),
        ({"img_src": [SELF]}, "no directive"),
        ({"IMG-SRC": [SELF]}, "no directive"),
        ({"img-src 'self'; script-src": [SELF]}, "no directive"),
        ({"": [SELF]}, "no directive"),
        ({"img-src": []}, "to allow nothing"),
        ({"img-src": [NONE, "https://cdn.example"]}, "browsers ignore 'none' beside"),
        ({"script-src": ["self"]}, r"write \"'self'\""),
        ({"img-src": "self"}, "write a list"),
        ({"require-trusted-types-for": [NONE]}, "or leave it out"),
    ],
)
def test_a_slip_in_a_directive_is_refused(policy: dict[str, list[str]], words: str) -> None:
    with pytest.raises(PolicyError, match=words):
        check_directives(policy)


def test_a_public_cdn_is_known_in_each_spelling() -> None:
    known = ["esm.sh", "https://esm.sh", "https://esm.sh/", "//esm.sh", "esm.sh:443"]
    # A file of one, and other sites.
    others = ["https://esm.sh/x@2.0/", "https://esm.sh.a.test", "https://a.test", SELF]
    assert [source for source in known + others if is_whole_cdn(source)] == known
