"""What a page may load, as the browser is told; and that everything else is inert."""

import re
from base64 import b64decode

import pytest
from flask import Blueprint, Flask, Response, request
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.security.csp import csp, csp_nonce
from app.security.csp_syntax import NONCE, NONE, SELF
from app.security.origins import PolicyError
from tests.conftest import PRODUCTION, MakeApp

ENFORCED = "Content-Security-Policy"
REPORT_ONLY = "Content-Security-Policy-Report-Only"
POLICY = {"default-src": [NONE], "script-src": [NONCE], "img-src": [SELF]}
TILES, PHOTOS = "https://tiles.example", "https://photos.example"


@pytest.fixture(scope="module")
def app(make_app: MakeApp) -> Flask:
    app = make_app(CSP=POLICY, FRAME_ANCESTORS=[NONE])
    app.add_url_rule("/nonce", view_func=csp_nonce)
    app.add_url_rule("/typed", "typed", lambda: Response(content_type=request.args["type"]))
    return app


def _typed(client: FlaskClient, content_type: str) -> TestResponse:
    return client.get("/typed", query_string={"type": content_type})


def directives(answer: TestResponse, name: str = ENFORCED) -> dict[str, str]:
    """Each directive with its sources, as a browser takes the header apart."""
    pairs = [part.strip().partition(" ") for part in answer.headers[name].split(";")]
    return {directive: sources for directive, _, sources in pairs}


def nonces(answer: TestResponse) -> list[str]:
    """The nonce of each policy on the answer."""
    policies = answer.headers.getlist(ENFORCED) + answer.headers.getlist(REPORT_ONLY)
    return [nonce for policy in policies for nonce in re.findall(r"'nonce-([^']*)'", policy)]


@pytest.mark.asvs("3.4.3")
def test_a_page_gets_the_policy(client: FlaskClient) -> None:
    got = directives(client.get("/"))
    assert got["default-src"] == "'none'"
    assert got["img-src"] == "'self'"
    assert got["frame-ancestors"] == "'none'"


def test_header_and_page_hold_the_same_nonce(client: FlaskClient) -> None:
    answer = client.get("/nonce")
    assert nonces(answer) == [answer.text]


@pytest.mark.asvs("11.5.1")
def test_a_nonce_is_base64_of_18_bytes(client: FlaskClient) -> None:
    [nonce] = nonces(client.get("/"))
    assert len(b64decode(nonce, validate=True)) == 18


def test_no_nonce_comes_twice(client: FlaskClient) -> None:
    assert len({client.get("/nonce").text for _ in range(20)}) == 20


def test_whatever_shows_as_a_page_gets_the_policy_of_pages(client: FlaskClient) -> None:
    for content_type in ("text/html", "TEXT/HTML; x=y", "application/xhtml+xml"):
        assert "script-src" in directives(_typed(client, content_type))


@pytest.mark.asvs("3.2.1")
def test_everything_else_is_inert(client: FlaskClient) -> None:
    kinds = ("application/json", "image/svg+xml", "application/pdf", "text/plain", "text/xml", "")
    for content_type in kinds:
        assert directives(_typed(client, content_type)) == {
            "default-src": "'none'",
            "frame-ancestors": "'none'",
            "base-uri": "'none'",
            "form-action": "'none'",
            "sandbox": "",
        }


def test_a_worker_may_load_from_its_own_site_alone(client: FlaskClient) -> None:
    for content_type in ("text/javascript", "application/javascript; charset=utf-8"):
        got = directives(_typed(client, content_type))
        assert got == {"default-src": "'self'", "object-src": "'none'", "base-uri": "'none'"}


def test_not_modified_leaves_the_kept_policy_in_force(client: FlaskClient) -> None:
    tag = client.get("/static/page.css").headers["ETag"]
    answer = client.get("/static/page.css", headers={"If-None-Match": tag})
    assert answer.status_code == 304
    assert ENFORCED not in answer.headers


def test_over_plain_http_browsers_report_the_old_way(client: FlaskClient) -> None:
    answer = client.get("/")
    got = directives(answer)
    assert got["report-uri"] == "/csp-reports"
    assert not {"report-to", "upgrade-insecure-requests"} & set(got)
    assert "Reporting-Endpoints" not in answer.headers


@pytest.mark.asvs("3.4.7")
def test_over_https_browsers_report_both_ways(production: FlaskClient) -> None:
    answer = production.get("/")
    got = directives(answer)
    assert got["report-uri"] == "/csp-reports"
    assert got["report-to"] == "csp"
    assert got["upgrade-insecure-requests"] == ""
    assert answer.headers["Reporting-Endpoints"] == 'csp="/csp-reports"'


def test_report_only_blocks_nothing_on_pages(make_app: MakeApp) -> None:
    client = make_app(CSP=POLICY, csp_report_only=True).test_client()
    page, data = client.get("/"), client.get("/healthz")
    assert ENFORCED not in page.headers
    assert directives(page, REPORT_ONLY)["img-src"] == "'self'"
    assert "sandbox" in directives(data)


def test_a_candidate_is_tried_beside_the_enforced_policy(make_app: MakeApp) -> None:
    answer = make_app(CSP=POLICY, CSP_CANDIDATE={"script-src": [NONCE]}).test_client().get("/")
    assert directives(answer)["img-src"] == "'self'"
    assert set(directives(answer, REPORT_ONLY)) == {"script-src", "report-uri"}
    first, second = nonces(answer)
    assert first == second


def test_report_only_and_a_candidate_are_both_reported(make_app: MakeApp) -> None:
    app = make_app(CSP=POLICY, CSP_CANDIDATE={"img-src": [NONE]}, csp_report_only=True)
    policies = app.test_client().get("/").headers.getlist(REPORT_ONLY)
    assert ["img-src 'self'" in policies[0], "img-src 'none'" in policies[1]] == [True, True]


@pytest.mark.parametrize("name", ["CSP", "CSP_CANDIDATE"])
def test_a_slip_in_the_policy_stops_the_app(make_app: MakeApp, name: str) -> None:
    with pytest.raises(PolicyError, match="without quotes"):
        make_app(**{name: {"img-src": ["self"]}})


def test_an_inexact_source_of_the_answers_stops_the_app(make_app: MakeApp) -> None:
    with pytest.raises(PolicyError, match="CSP_SOURCES"):
        make_app(CSP_SOURCES=["https://*.example"])


def test_a_view_replaces_what_it_names_and_no_more(make_app: MakeApp) -> None:
    app = make_app(CSP=POLICY)
    app.add_url_rule("/map", view_func=csp(img_src=[SELF, TILES])(lambda: "a map"))
    client = app.test_client()
    got = directives(client.get("/map"))
    assert got["img-src"] == f"'self' {TILES}"
    assert got["default-src"] == "'none'"
    assert directives(client.get("/"))["img-src"] == "'self'"


def test_a_view_wins_over_its_blueprint(make_app: MakeApp) -> None:
    maps = csp(img_src=[TILES], font_src=[TILES])(Blueprint("maps", __name__))
    maps.add_url_rule("/plain", view_func=lambda: "as the blueprint says")
    maps.add_url_rule("/photos", "photos", csp(img_src=[PHOTOS])(lambda: "its own"))
    app = make_app(CSP=POLICY)
    app.register_blueprint(maps)
    client = app.test_client()
    plain, photos = directives(client.get("/plain")), directives(client.get("/photos"))
    assert (plain["img-src"], plain["font-src"]) == (TILES, TILES)
    assert (photos["img-src"], photos["font-src"]) == (PHOTOS, TILES)


def test_a_replaced_script_source_still_gets_the_nonce(make_app: MakeApp) -> None:
    app = make_app(CSP=POLICY)
    app.add_url_rule("/map", view_func=csp(script_src=[SELF, NONCE])(lambda: "a map"))
    client = app.test_client()
    [nonce] = nonces(client.get("/map"))
    assert directives(client.get("/map"))["script-src"].startswith("'self' 'nonce-")
    assert len(nonce) == 24


@pytest.mark.parametrize(
    "slip",
    [
        {"image_src": [SELF]},
        {"img_src": ["self"]},
        {"img_src": []},
        {"img_src": [f"{TILES}; script-src *"]},
        {"img_src": [f"{TILES}\nSet-Cookie: a=b"]},
    ],
    ids=["unknown directive", "unquoted", "empty", "semicolon", "newline"],
)
def test_a_slip_in_an_override_is_refused_where_it_is_written(slip: dict[str, list[str]]) -> None:
    with pytest.raises(PolicyError):
        csp(**slip)


def test_production_serves_the_same_policy(make_app: MakeApp) -> None:
    answer = make_app(CSP=POLICY, **PRODUCTION).test_client().get("/")
    assert directives(answer)["img-src"] == "'self'"
