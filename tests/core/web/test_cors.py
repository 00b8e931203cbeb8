"""Whose pages may read what this app answers, as a browser decides it."""

from itertools import product

import pytest
from flask import Flask, abort
from flask.testing import FlaskClient
from flask_cors import CORS
from secure_flask.auth.access import public
from secure_flask.web.origins import PolicyError
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.test import TestResponse

from core.conftest import PRODUCTION, MakeApp, every_token_type, protect

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


def test_a_listed_origin_reads_answers_and_errors(
    client: FlaskClient, subtests: pytest.Subtests
) -> None:
    for origin, path in product((FRIEND, OTHER_FRIEND), (PATH, NO_ROUTE)):
        with subtests.test(origin=origin, path=path):
            answer = read(client, origin, path)
            assert answer.headers.getlist("Access-Control-Allow-Origin") == [origin]
            assert "Origin" in varies_by(answer)
            # A script sees why its request was refused.
            exposed = grants(answer)["access-control-expose-headers"].split(", ")
            assert {"Retry-After", "WWW-Authenticate"} <= set(exposed)


STRANGERS = f"""
null * https://evil.example http://app.example https://app.example:8443 https://b.example
https://app.example.evil.example https://evil-app.example https://sub.app.example
https://appxexample https://app.exampl https://APP.example https://app.example/
{FRIEND},{OTHER_FRIEND}
""".split()


@pytest.mark.asvs("3.4.2")
@pytest.mark.parametrize("stranger", [*STRANGERS, "", f"{FRIEND} {OTHER_FRIEND}"])
def test_a_lookalike_origin_gets_nothing(client: FlaskClient, stranger: str) -> None:
    answers = read(client, stranger), preflight(client, stranger)
    assert [grants(answer) for answer in answers] == [{}, {}]
    assert ["Origin" in varies_by(answer) for answer in answers] == [True, True]


@every_token_type
def test_cookies_go_along_only_where_programs_log_in_by_one(
    make_app: MakeApp, token_type: str
) -> None:
    granted = "true" if token_type == "session" else None
    client = with_view(make_app(CORS_ORIGINS=[FRIEND], TOKEN_TYPE=token_type)).test_client()
    answers = read(client, FRIEND), preflight(client, FRIEND)
    sent = [grants(answer).get("access-control-allow-credentials") for answer in answers]
    assert sent == [granted, granted]


def test_a_preflight_names_the_methods_of_the_route_whatever_is_asked(
    client: FlaskClient, subtests: pytest.Subtests
) -> None:
    for asked in ("POST", "DELETE", "GETPOST", ""):
        with subtests.test(asked=asked):
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


@pytest.mark.parametrize("path", [PATH, NO_ROUTE])
def test_only_a_preflight_of_a_listed_origin_learns_methods(client: FlaskClient, path: str) -> None:
    asked, origin = {"Access-Control-Request-Method": "PUT"}, {"Origin": FRIEND}
    sent = ({"Origin": STRANGER, **asked}, asked, origin)
    granted = [grants(client.options(path, headers=headers)) for headers in sent]
    assert ["access-control-allow-methods" in each for each in granted] == [False] * 3


def test_a_preflight_that_the_app_refuses_learns_nothing(
    make_app: MakeApp, subtests: pytest.Subtests
) -> None:
    app, other = with_view(make_app(CORS_ORIGINS=[FRIEND])), make_app(CORS_ORIGINS=[FRIEND])
    app.before_request(lambda: abort(MethodNotAllowed(["PUT"]).get_response()))
    # A route with `Vary` and without OPTIONS keeps both.
    view = public(lambda: ("", {"Vary": "Accept-Language"}))
    other.add_url_rule(PATH, "own", view, provide_automatic_options=False)
    for each in (app, other):
        with subtests.test(each=each):
            answer = preflight(each.test_client(), FRIEND)
            methods = "access-control-allow-methods" in grants(answer)
            assert (answer.status_code, methods) == (405, False)
    varies = varies_by(other.test_client().get(PATH)).split(", ")
    assert {"Accept-Language", "Origin"} <= set(varies)


def test_localhost_counts_in_development_alone(make_app: MakeApp, client: FlaskClient) -> None:
    assert grants(read(client, LOCAL))
    production = make_app(CORS_ORIGINS=[FRIEND, LOCAL], **PRODUCTION).test_client()
    assert grants(read(production, FRIEND))
    assert grants(read(production, LOCAL)) == {}


@pytest.mark.asvs("3.4.2")
def test_a_pattern_stops_the_app(make_app: MakeApp, subtests: pytest.Subtests) -> None:
    for origin in ("*", "null", "https://*.example", r"https://.*\.example"):
        with subtests.test(case=origin), pytest.raises(PolicyError, match="CORS_ORIGINS"):
            make_app(CORS_ORIGINS=[origin])


def test_a_harmful_header_stops_the_app(make_app: MakeApp, subtests: pytest.Subtests) -> None:
    no_names = ["*", "", "X Requested With", "X-One, X-Two", "X-\r\nSet-Cookie"]
    of_proxies = ["Forwarded", "X-Forwarded-For", "x-forwarded-proto", "X-Real-IP"]
    for name in (*no_names, *of_proxies, "X-HTTP-Method-Override", "X-Method-Override"):
        with subtests.test(case=name), pytest.raises(PolicyError, match="no header that scripts"):
            make_app(CORS_REQUEST_HEADERS=[name])


def test_flask_cors_opens_nothing_that_the_policy_does_not_list() -> None:
    """It reads the same name of the configuration, and without it lets every site read all."""
    allowed = {}
    for app in (Flask("plain"), protect(Flask("ours"), CORS_ORIGINS=[FRIEND])):
        CORS(app)
        app.add_url_rule("/", view_func=public(lambda: ""))
        answers = [read(app.test_client(), origin, "/") for origin in (FRIEND, STRANGER)]
        name = "Access-Control-Allow-Origin"
        allowed[app.name] = [answer.headers.getlist(name) for answer in answers]
    assert allowed == {"plain": [[FRIEND], [STRANGER]], "ours": [[FRIEND], []]}
