"""Whose pages may read what this app answers, as a browser decides it."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.auth import tokens
from app.security.origins import PolicyError
from tests.conftest import PRODUCTION, Lines, MakeApp

FRIEND, OTHER_FRIEND, LOCAL = "https://app.example", "https://b.example:8443", "http://localhost:1"


@pytest.fixture(scope="module")
def app(make_app: MakeApp) -> Flask:
    return make_app(CORS_ORIGINS=[FRIEND, OTHER_FRIEND, LOCAL])


def grants(answer: TestResponse) -> dict[str, str]:
    """Every header by which an answer grants something, in lower case."""
    found = {name.lower(): value for name, value in answer.headers}
    return {name: value for name, value in found.items() if name.startswith("access-control-")}


def varies_by(answer: TestResponse) -> str:
    """What a cache must tell apart, from all lines of the header."""
    return ", ".join(answer.headers.getlist("Vary"))


def preflight(client: FlaskClient, path: str, origin: str, method: str = "POST") -> TestResponse:
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    return client.options(path, headers=asked)


@pytest.mark.parametrize("origin", [FRIEND, OTHER_FRIEND])
def test_a_listed_origin_reads_answers_and_errors(client: FlaskClient, origin: str) -> None:
    for path in ("/healthz", "/me", "/nowhere", "/login"):
        answer = client.get(path, headers={"Origin": origin})
        assert answer.headers.getlist("Access-Control-Allow-Origin") == [origin]
        assert "Origin" in varies_by(answer)


def test_its_script_sees_why_it_was_refused(client: FlaskClient) -> None:
    exposed = grants(client.get("/me", headers={"Origin": FRIEND}))["access-control-expose-headers"]
    assert exposed == "Retry-After, WWW-Authenticate, X-Request-ID"


STRANGERS = [
    "null",
    "*",
    "",
    "https://evil.example",
    "http://app.example",
    "https://app.example:8443",
    "https://b.example",
    "https://app.example.evil.example",
    "https://evil-app.example",
    "https://sub.app.example",
    "https://appxexample",
    "https://app.exampl",
    "https://APP.example",
    "https://app.example/",
    f"{FRIEND}, {OTHER_FRIEND}",
    f"{FRIEND} {OTHER_FRIEND}",
]


@pytest.mark.asvs("3.4.2")
def test_an_origin_that_only_looks_alike_gets_nothing(client: FlaskClient) -> None:
    for stranger in STRANGERS:
        for answer in (
            client.get("/healthz", headers={"Origin": stranger}),
            preflight(client, "/login", stranger),
        ):
            assert (stranger, grants(answer)) == (stranger, {})
            assert "Origin" in varies_by(answer)


def test_a_request_without_origin_gets_nothing(client: FlaskClient) -> None:
    answer = client.get("/healthz")
    assert grants(answer) == {}
    assert "Origin" in varies_by(answer)


def test_a_view_keeps_what_else_its_answer_varies_by(make_app: MakeApp) -> None:
    app = make_app(CORS_ORIGINS=[FRIEND])
    app.add_url_rule("/own", view_func=lambda: ("", {"Vary": "Accept-Language"}))
    assert varies_by(app.test_client().get("/own")) == "Accept-Language, Origin"


def test_where_nobody_is_listed_nothing_is_granted(make_app: MakeApp) -> None:
    client = make_app(CORS_ORIGINS=[]).test_client()
    answer = client.get("/healthz", headers={"Origin": FRIEND})
    assert grants(answer) == {}
    assert "Origin" not in varies_by(answer)
    assert grants(preflight(client, "/login", FRIEND)) == {}


@pytest.mark.parametrize(("cookie", "granted"), [(True, "true"), (False, None)])
def test_credentials_ride_along_only_where_a_cookie_is_the_login(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, cookie: bool, granted: str | None
) -> None:
    monkeypatch.setattr(tokens, "COOKIE", cookie)
    client = make_app(CORS_ORIGINS=[FRIEND]).test_client()
    answers = client.get("/me", headers={"Origin": FRIEND}), preflight(client, "/login", FRIEND)
    for answer in answers:
        assert grants(answer).get("access-control-allow-credentials") == granted


@pytest.mark.parametrize(
    ("path", "methods"),
    [("/me", {"GET", "HEAD", "OPTIONS"}), ("/login", {"POST", "OPTIONS"})],
)
def test_a_preflight_names_the_methods_of_the_route_whatever_is_asked(
    client: FlaskClient, path: str, methods: set[str]
) -> None:
    for asked in ("POST", "DELETE", "GETPOST", "P", ""):
        granted = grants(preflight(client, path, FRIEND, asked))["access-control-allow-methods"]
        assert set(granted.split(", ")) == methods


def test_a_preflight_names_the_headers_that_a_script_may_send(make_app: MakeApp) -> None:
    app = make_app(CORS_ORIGINS=[FRIEND], CORS_REQUEST_HEADERS=["X-Requested-With"])
    granted = grants(preflight(app.test_client(), "/login", FRIEND))
    headers = granted["access-control-allow-headers"].split(", ")
    assert set(headers) == {"Authorization", "Content-Type", "X-CSRF-Token", "X-Requested-With"}
    assert 0 < int(granted["access-control-max-age"]) <= 7200


def test_a_preflight_runs_no_view_and_needs_no_login(client: FlaskClient) -> None:
    answer = preflight(client, "/logout", FRIEND)
    assert (answer.status_code, answer.data) == (200, b"")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_a_preflight_of_an_unknown_path_lets_the_request_bring_its_404(
    client: FlaskClient, method: str
) -> None:
    asked = preflight(client, "/nowhere", FRIEND, method)
    assert asked.status_code == 204
    assert method in grants(asked)["access-control-allow-methods"].split(", ")
    answer = client.open("/nowhere", method=method, headers={"Origin": FRIEND}, json={})
    assert answer.status_code == 404
    assert grants(answer)["access-control-allow-origin"] == FRIEND


def test_so_does_one_of_a_path_that_is_redirected(make_app: MakeApp) -> None:
    app = make_app(CORS_ORIGINS=[FRIEND])
    app.add_url_rule("/folder/", view_func=lambda: "", methods=["PUT"])
    asked = preflight(app.test_client(), "/folder", FRIEND, "PUT")
    assert (asked.status_code, "access-control-allow-methods" in grants(asked)) == (204, True)


def test_an_unlisted_origin_is_told_of_no_path(client: FlaskClient) -> None:
    for headers in (
        {"Origin": "https://evil.example", "Access-Control-Request-Method": "PUT"},
        {"Access-Control-Request-Method": "PUT"},
        {"Origin": FRIEND},
    ):
        answer = client.options("/nowhere", headers=headers)
        assert (answer.status_code, answer.json) == (404, {"error": "Not Found"})
        assert "access-control-allow-methods" not in grants(answer)


def test_a_route_that_takes_no_options_grants_nothing(make_app: MakeApp) -> None:
    app = make_app(CORS_ORIGINS=[FRIEND])
    app.add_url_rule("/own", view_func=lambda: "", methods=["PUT"], provide_automatic_options=False)
    answer = preflight(app.test_client(), "/own", FRIEND, "PUT")
    assert (answer.status_code, "access-control-allow-methods" in grants(answer)) == (405, False)


def test_preflights_of_unknown_paths_count_as_requests(make_app: MakeApp) -> None:
    client = make_app(CORS_ORIGINS=[FRIEND], rate_limit="1 per minute").test_client()
    statuses = [preflight(client, "/nowhere", FRIEND).status_code for _ in range(2)]
    assert statuses == [204, 429]


def test_localhost_counts_in_development_alone(make_app: MakeApp, client: FlaskClient) -> None:
    assert grants(client.get("/healthz", headers={"Origin": LOCAL}))
    production = make_app(CORS_ORIGINS=[FRIEND, LOCAL], **PRODUCTION).test_client()
    assert grants(production.get("/healthz", headers={"Origin": FRIEND}))
    assert grants(production.get("/healthz", headers={"Origin": LOCAL})) == {}


@pytest.mark.asvs("3.4.2")
@pytest.mark.parametrize("origin", ["*", "null", "https://*.example", r"https://.*\.example"])
def test_a_pattern_stops_the_app(make_app: MakeApp, origin: str) -> None:
    with pytest.raises(PolicyError, match="CORS_ORIGINS"):
        make_app(CORS_ORIGINS=[origin])


@pytest.mark.parametrize("origin", ["http://127.0.0.1:5173", "http://localhost:5173"])
def test_in_development_the_log_has_the_line_that_lets_an_own_page_in(
    client: FlaskClient, caplog: pytest.LogCaptureFixture, origin: str
) -> None:
    caplog.set_level("WARNING", logger=client.application.logger.name)
    preflight(client, "/login", origin)
    client.post("/login", json={}, headers={"Origin": origin})
    hints = [record.message for record in caplog.records if "CORS_ORIGINS" in record.message]
    assert len(hints) == 2
    assert all(f'"{origin}",' in hint and "two origins" in hint for hint in hints)


def test_it_repeats_nothing_else_of_what_a_client_sent(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    for origin in ("https://evil.example", "http://localhost:99999", "http://localhost:1/?secret"):
        preflight(client, "/login", origin)
        client.post("/login", json={}, headers={"Origin": origin})
    assert not [record for record in caplog.records if "CORS_ORIGINS" in record.message]


def test_nor_anything_in_production(production: FlaskClient, lines: Lines) -> None:
    preflight(production, "/login", "http://localhost:5173")
    production.post("/login", json={}, headers={"Origin": "http://localhost:5173"})
    assert [line["logger"] for line in lines()] == ["app.audit"] * 2


def test_what_is_no_preflight_raises_no_alarm(production: FlaskClient, lines: Lines) -> None:
    production.options("/login", headers={"Origin": "https://evil.example"})
    production.options("/login", headers={"Access-Control-Request-Method": "POST"})
    assert lines() == []


def test_request_headers_of_libraries_are_taken(make_app: MakeApp) -> None:
    names = ["X-Requested-With", "traceparent", "tracestate", "sentry-trace", "baggage"]
    client = make_app(CORS_ORIGINS=[FRIEND], CORS_REQUEST_HEADERS=names).test_client()
    allowed = grants(preflight(client, "/login", FRIEND))["access-control-allow-headers"]
    assert set(names) < set(allowed.split(", "))


NO_NAMES = ["*", "", "X Requested With", "X-One, X-Two", "X-\r\nSet-Cookie"]
NOT_OF_SCRIPTS = [
    *("Cookie", "ORIGIN", "Host", "Sec-Fetch-Site", "Proxy-Authorization", "Forwarded"),
    *("X-Forwarded-For", "x-forwarded-proto", "X-Real-IP", "X-HTTP-Method-Override"),
]


def test_a_request_header_that_opens_more_stops_the_app(
    make_app: MakeApp, subtests: pytest.Subtests
) -> None:
    reasons = dict.fromkeys(NO_NAMES, "is no header name")
    reasons |= dict.fromkeys(NOT_OF_SCRIPTS, "browsers or proxies set and no script may")
    for name, reason in reasons.items():
        with subtests.test(name), pytest.raises(PolicyError, match=reason):
            make_app(CORS_REQUEST_HEADERS=[name])


def test_one_text_in_place_of_a_list_of_headers_stops_the_app(make_app: MakeApp) -> None:
    with pytest.raises(PolicyError, match="is one text; write a list of names"):
        make_app(CORS_REQUEST_HEADERS="X-Requested-With")
