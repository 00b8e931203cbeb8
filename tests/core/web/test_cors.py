"""Whose pages may read what this app answers, as a browser decides it."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask.auth.access import public
from secure_flask.web.origins import PolicyError
from werkzeug.test import TestResponse

from core.conftest import PRODUCTION, TOKEN_TYPES, Lines, MakeApp

FRIEND, OTHER_FRIEND, LOCAL = "https://app.example", "https://b.example:8443", "http://localhost:1"
STRANGER = "https://evil.example"
PATH, NO_ROUTE = "/_test/note", "/_test/nowhere"


def with_view(app: Flask) -> Flask:
    app.add_url_rule(PATH, view_func=public(lambda: {"a": 1}), methods=["GET", "PUT"])
    return app


@pytest.fixture(scope="module")
def app(make_app: MakeApp) -> Flask:
    return with_view(make_app(CORS_ORIGINS=[FRIEND, OTHER_FRIEND, LOCAL], CORS_REQUEST_HEADERS=[]))


def grants(answer: TestResponse) -> dict[str, str]:
    """Every header by which an answer grants something, in lower case."""
    found = {name.lower(): value for name, value in answer.headers}
    return {name: value for name, value in found.items() if name.startswith("access-control-")}


def varies_by(answer: TestResponse) -> str:
    """By what a cache keeps answers apart, from all lines of the header."""
    return ", ".join(answer.headers.getlist("Vary"))


def read(client: FlaskClient, origin: str, path: str = PATH) -> TestResponse:
    return client.get(path, headers={"Origin": origin})


def preflight(
    client: FlaskClient, origin: str, path: str = PATH, method: str = "PUT"
) -> TestResponse:
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    return client.options(path, headers=asked)


def test_a_listed_origin_reads_answers_and_errors(client: FlaskClient) -> None:
    for origin in (FRIEND, OTHER_FRIEND):
        for path in (PATH, NO_ROUTE):
            answer = read(client, origin, path)
            assert answer.headers.getlist("Access-Control-Allow-Origin") == [origin]
            assert "Origin" in varies_by(answer)


def test_a_script_sees_why_its_request_was_refused(client: FlaskClient) -> None:
    exposed = grants(read(client, FRIEND))["access-control-expose-headers"].split(", ")
    assert {"Retry-After", "WWW-Authenticate"} <= set(exposed)


STRANGERS = f"""
null * https://evil.example http://app.example https://app.example:8443 https://b.example
https://app.example.evil.example https://evil-app.example https://sub.app.example
https://appxexample https://app.exampl https://APP.example https://app.example/
{FRIEND},{OTHER_FRIEND}
""".split()


def test_a_lookalike_origin_gets_nothing(client: FlaskClient, subtests: pytest.Subtests) -> None:
    for stranger in (*STRANGERS, "", f"{FRIEND} {OTHER_FRIEND}"):
        with subtests.test(stranger):
            for answer in (read(client, stranger), preflight(client, stranger)):
                assert grants(answer) == {}
                assert "Origin" in varies_by(answer)
    assert grants(client.get(PATH)) == {}


@pytest.mark.parametrize("token_type", TOKEN_TYPES)
def test_cookies_go_along_only_where_programs_log_in_by_one(
    make_app: MakeApp, token_type: str
) -> None:
    granted = "true" if token_type == "session" else None
    client = with_view(make_app(CORS_ORIGINS=[FRIEND], TOKEN_TYPE=token_type)).test_client()
    for answer in (read(client, FRIEND), preflight(client, FRIEND)):
        assert grants(answer).get("access-control-allow-credentials") == granted


def test_a_preflight_names_the_methods_of_the_route_whatever_is_asked(client: FlaskClient) -> None:
    for asked in ("POST", "DELETE", "GETPOST", ""):
        answer = preflight(client, FRIEND, method=asked)
        assert (answer.status_code, answer.data) == (200, b"")
        methods = grants(answer)["access-control-allow-methods"].split(", ")
        assert set(methods) == {"GET", "HEAD", "OPTIONS", "PUT"}


def test_a_preflight_names_the_headers_that_a_script_may_send(make_app: MakeApp) -> None:
    of_libraries = ["X-Requested-With", "traceparent", "sentry-trace", "baggage"]
    app = with_view(make_app(CORS_ORIGINS=[FRIEND], CORS_REQUEST_HEADERS=of_libraries))
    granted = grants(preflight(app.test_client(), FRIEND))
    headers = set(granted["access-control-allow-headers"].split(", "))
    assert headers == {"Authorization", "Content-Type", *of_libraries}
    # A browser keeps an old answer for so long after an origin is taken off the list.
    assert 0 < int(granted["access-control-max-age"]) <= 7200


def test_a_preflight_of_an_unknown_path_lets_the_request_bring_its_404(client: FlaskClient) -> None:
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        asked = preflight(client, FRIEND, NO_ROUTE, method)
        assert asked.status_code == 204
        assert method in grants(asked)["access-control-allow-methods"].split(", ")
        answer = client.open(NO_ROUTE, method=method, headers={"Origin": FRIEND}, json={})
        assert answer.status_code == 404
        assert grants(answer)["access-control-allow-origin"] == FRIEND


def test_no_other_request_learns_which_paths_exist(client: FlaskClient) -> None:
    for headers in (
        {"Origin": STRANGER, "Access-Control-Request-Method": "PUT"},
        {"Access-Control-Request-Method": "PUT"},
        {"Origin": FRIEND},
    ):
        answer = client.options(NO_ROUTE, headers=headers)
        assert answer.status_code == 404
        assert "access-control-allow-methods" not in grants(answer)


def test_a_route_keeps_its_own_vary_options_and_redirect(make_app: MakeApp) -> None:
    app = make_app(CORS_ORIGINS=[FRIEND])
    own = app.add_url_rule
    in_a_language = public(lambda: ("", {"Vary": "Accept-Language"}))
    own(PATH, "own", in_a_language, provide_automatic_options=False)
    own("/_test/folder/", "folder", lambda: "", methods=["PUT"])
    client = app.test_client()
    assert {"Accept-Language", "Origin"} <= set(varies_by(client.get(PATH)).split(", "))
    answers = [preflight(client, FRIEND, path) for path in (PATH, "/_test/folder")]
    assert [answer.status_code for answer in answers] == [405, 204]
    granted = ["access-control-allow-methods" in grants(answer) for answer in answers]
    assert granted == [False, True]


def test_preflights_of_unknown_paths_count_as_requests(make_app: MakeApp) -> None:
    client = make_app(CORS_ORIGINS=[FRIEND], rate_limit="1 per minute").test_client()
    statuses = [preflight(client, FRIEND, NO_ROUTE).status_code for _ in range(2)]
    assert statuses == [204, 429]


def test_localhost_counts_in_development_alone(make_app: MakeApp, client: FlaskClient) -> None:
    assert grants(read(client, LOCAL))
    production = make_app(CORS_ORIGINS=[FRIEND, LOCAL], **PRODUCTION).test_client()
    assert grants(read(production, FRIEND))
    assert grants(read(production, LOCAL)) == {}


def test_a_pattern_stops_the_app(make_app: MakeApp) -> None:
    for origin in ("*", "null", "https://*.example", r"https://.*\.example"):
        with pytest.raises(PolicyError, match="CORS_ORIGINS"):
            make_app(CORS_ORIGINS=[origin])


def refused_pages(client: FlaskClient, *origins: str) -> None:
    for origin in origins:
        preflight(client, origin)
        client.put(PATH, headers={"Origin": origin})


def test_a_hint_lets_own_pages_in(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    own = "http://127.0.0.1:5173"
    refused_pages(client, own, STRANGER, "http://localhost:99999", "http://localhost:2/?secret")
    hints = [record.message for record in caplog.records if "CORS_ORIGINS" in record.message]
    assert len(hints) == 2
    assert all(f'"{own}",' in hint for hint in hints)


def test_production_logs_no_hint(make_app: MakeApp, lines: Lines) -> None:
    client = with_view(make_app(**PRODUCTION, CORS_ORIGINS=[])).test_client()
    refused_pages(client, "http://localhost:5173")
    # Neither of these is a preflight.
    client.options(PATH, headers={"Origin": STRANGER})
    client.options(PATH, headers={"Access-Control-Request-Method": "POST"})
    assert [line["event"] for line in lines()] == ["malicious_cors", "authz_fail"]


def test_a_harmful_header_stops_the_app(make_app: MakeApp, subtests: pytest.Subtests) -> None:
    no_names = ["*", "", "X Requested With", "X-One, X-Two", "X-\r\nSet-Cookie"]
    not_of_scripts = """
        Cookie ORIGIN Host Sec-Fetch-Site Proxy-Authorization Forwarded X-Forwarded-For
        x-forwarded-proto X-Real-IP X-HTTP-Method-Override
    """
    reasons = dict.fromkeys(no_names, "is no header name")
    reasons |= dict.fromkeys(not_of_scripts.split(), "browsers or proxies set and no script may")
    for name, reason in reasons.items():
        with subtests.test(name), pytest.raises(PolicyError, match=reason):
            make_app(CORS_REQUEST_HEADERS=[name])


def test_one_text_in_place_of_a_list_of_headers_stops_the_app(make_app: MakeApp) -> None:
    with pytest.raises(PolicyError, match="is a string; write a list of names"):
        make_app(CORS_REQUEST_HEADERS="X-Requested-With")
