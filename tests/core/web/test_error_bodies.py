"""Errors in the shape that an owner gives those below a path."""

from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from flask import Flask, after_this_request, request
from flask.testing import FlaskClient
from pydantic import BaseModel
from secure_flask import ResponseBody, problem_details, testing
from secure_flask.auth.access import login_required, public, takes_credentials
from secure_flask.web.errors import error_response, field_error
from secure_flask.web.origins import PolicyError
from secure_flask.web.queries import Query, validated_query
from secure_flask.web.rate_limits import limited
from secure_flask.web.validation import Body, validated
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from core.conftest import OWN_PAGE, PRODUCTION, protect

SECRET = "what-nobody-may-see"
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
PROBLEM = "application/problem+json"


class Named(Body):
    name: str


class Page(Query):
    page: int = 1


class OurError(ResponseBody):
    media_type: ClassVar[str] = "application/vnd.shop+json"

    code: int
    reason: str
    members: dict[str, str]


def in_our_shape(status: int, message: str, fields: dict[str, str]) -> OurError:
    return OurError(code=status, reason=message, members=fields)


def fail(name: str) -> str:
    if name == "crash":
        raise RuntimeError(SECRET)
    if name == "away":
        raise OperationalError(SECRET, {}, OSError(SECRET))
    raise error_response(int(name), "Not like this")


def with_views(app: Flask, prefix: str = "/api") -> FlaskClient:
    app.config["PROPAGATE_EXCEPTIONS"] = False  # a crash is answered, as in production
    views: dict[str, Any] = {
        "body": public(validated(Named)(lambda body: "")),
        "query": public(validated_query(Page)(lambda query: "")),
        "private": login_required(lambda: ""),
        "limited": public(limited("1 per day")(lambda: "")),
        "secret": public(takes_credentials(validated(Named)(lambda body: ""))),
    }
    for name, view in views.items():
        methods = ["POST"] if name in ("body", "secret") else ["GET"]
        app.add_url_rule(f"{prefix}/{name}", name, view, methods=methods)
    app.add_url_rule(f"{prefix}/fail/<name>", view_func=public(fail))
    return app.test_client()


def make(error_bodies: dict[str, Any] | None = None, **changes: Any) -> FlaskClient:
    # It has the pages of the site beside these tests.
    app = Flask("core.site", static_folder=None, static_url_path="/static")
    if "app_env" in changes:
        app.config["PREFERRED_URL_SCHEME"] = "https"
    return with_views(protect(app, error_bodies=error_bodies, **changes))


WRONG = {"method": "POST", "path": "/api/body", "headers": OWN_PAGE}
# A refused request by the kind of its error.
KINDS: dict[str, dict[str, Any]] = {
    "400 of JSON": {**WRONG, "json": {"name": 1, SECRET: 2}},
    "400 of a query": {"path": f"/api/query?page={SECRET}"},
    "400 of the host": {"path": "/api/query", "headers": {"Host": "evil.example"}},
    "401": {"path": "/api/private"},
    "403": {**WRONG, "json": {}, "headers": {"Origin": "https://evil.example"}},
    "404": {"path": f"/api/{SECRET}"},
    "405": {"path": "/api/private", "method": "DELETE", "headers": OWN_PAGE},
    "413": {**WRONG, "json": {"name": "a" * 100_000}},
    "415": {**WRONG, "data": SECRET, "content_type": "text/plain"},
    "422": {"path": "/api/fail/422"},
    "429": {"path": "/api/limited"},
    "500": {"path": "/api/fail/crash"},
    "503": {"path": "/api/fail/away"},
}
ENVIRONMENTS = {"development": {}, "production": PRODUCTION}
SHAPES = {"ours": in_our_shape, "problem": problem_details}
# These depend on the body, or are new each time.
OF_THE_BODY = ("Content-Type", "Content-Length", "X-Request-ID")


def refuse(client: FlaskClient, kind: str, **headers: str) -> TestResponse:
    sent = {**KINDS[kind], "headers": {**KINDS[kind].get("headers", {}), **headers}}
    # Twice, since a limit lets the first request pass.
    return [client.open(**sent) for _ in range(2)][1]


def headers_of(answer: TestResponse) -> list[tuple[str, str]]:
    return sorted(each for each in answer.headers if each[0] not in OF_THE_BODY)


@pytest.fixture(scope="module", params=ENVIRONMENTS)
def settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    return ENVIRONMENTS[request.param]


@pytest.fixture(scope="module")
def plain(settings: dict[str, Any]) -> FlaskClient:
    """An app without shapes of the owner's."""
    return make(**settings)


@pytest.fixture(scope="module", params=SHAPES)
def shape(request: pytest.FixtureRequest) -> Any:
    return SHAPES[request.param]


@pytest.fixture(scope="module")
def shaped(settings: dict[str, Any], shape: Any) -> FlaskClient:
    return make({"/api": shape}, **settings)


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_has_the_shape_of_its_path_and_the_headers_of_every_error(
    plain: FlaskClient, shaped: FlaskClient, shape: Any, kind: str
) -> None:
    before, after = refuse(plain, kind), refuse(shaped, kind)
    body = before.get_json()
    expected: BaseModel = shape(before.status_code, body["error"], body.get("fields", {}))
    assert after.status_code == before.status_code == int(kind[:3])
    assert headers_of(after) == headers_of(before)
    assert after.get_json() == expected.model_dump()
    assert after.mimetype == type(expected).media_type  # type: ignore[attr-defined]
    assert SECRET not in f"{after.text} {after.headers}"
    # A browser still gets the page.
    page = refuse(shaped, kind, **BROWSER)
    assert (page.status_code, page.mimetype) == (int(kind[:3]), "text/html")


def named(name: str) -> Callable[[int, str, dict[str, str]], OurError]:
    def shape(status: int, message: str, fields: dict[str, str]) -> OurError:
        return OurError(code=status, reason=name, members={})

    return shape


def test_the_longest_prefix_of_the_path_decides() -> None:
    client = make({"/api": named("outer"), "/api/old": named("inner"), "/a": named("short")})
    expected = {
        **dict.fromkeys(("/api", "/api/", "/api/no", "/api/older", "/api//old"), "outer"),
        **dict.fromkeys(("/api/old", "/api/old/no"), "inner"),
        **dict.fromkeys(("/apiary", "/", "/no/api", "/API/no", "/api.json"), None),
        "/a/no": "short",
    }
    assert {path: client.get(path).get_json().get("reason") for path in expected} == expected
    # The whole site is below a slash.
    client = make({"/": named("all"), "/api": named("api")})
    expected = {"/no": "all", "/": "all", "/api/no": "api"}
    assert {path: client.get(path).get_json()["reason"] for path in expected} == expected


def test_a_route_of_the_core_has_the_shape_of_its_path() -> None:
    answer = make({"/csp-reports": problem_details}).get("/csp-reports")
    assert (answer.status_code, answer.mimetype) == (405, PROBLEM)
    assert "POST" in answer.headers["Allow"]


def test_problem_details_are_those_of_the_rfc() -> None:
    client = make({"/api": problem_details})
    wrong = client.post("/api/body", json={"name": 1}, headers=OWN_PAGE).get_json()
    # Source: RFC 9457, sections 3.1 and 4.2.1.
    assert wrong == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": "Invalid request",
        "fields": {"name": "Input should be a valid string"},
    }
    assert client.get("/api/fail/420").get_json()["title"] == "Unknown"


def raising(status: int, message: str, fields: dict[str, str]) -> OurError:
    raise LookupError("a fault of the owner's")


def setting_a_status(status: int, message: str, fields: dict[str, str]) -> OurError:
    @after_this_request
    def change(response: Any) -> Any:
        response.status_code = 200
        response.headers["WWW-Authenticate"] = "Basic"
        return response

    return in_our_shape(status, message, fields)


def reading_the_request(status: int, message: str, fields: dict[str, str]) -> OurError:
    return in_our_shape(status, request.path, fields)


def returning_something_else(status: int, message: str, fields: dict[str, str]) -> OurError:
    return {"code": status}  # type: ignore[return-value]


def returning_half_a_character(status: int, message: str, fields: dict[str, str]) -> OurError:
    return OurError(code=status, reason="\ud800", members={})


async def coroutine(status: int, message: str, fields: dict[str, str]) -> OurError:
    return in_our_shape(status, message, fields)


# What a function does wrong, by what the log says of it.
FAULTS: dict[str, Any] = {
    "LookupError: a fault of the owner's": raising,
    "after_this_request": setting_a_status,
    "Working outside of request context": reading_the_request,
    "returned a dict": returning_something_else,
    "surrogates not allowed": returning_half_a_character,
    "returned a coroutine": coroutine,
}


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.parametrize("said", FAULTS)
def test_a_function_that_fails_leaves_the_error_as_it_is_and_a_helper_for_tests_names_it(
    plain: FlaskClient,
    settings: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
    said: str,
    subtests: pytest.Subtests,
) -> None:
    client = make({"/api": FAULTS[said], "/me": problem_details}, **settings)
    for kind in ("400 of JSON", "401", "500"):
        with subtests.test(kind=kind):
            caplog.clear()
            before, after = refuse(plain, kind), refuse(client, kind)
            assert after.status_code == int(kind[:3])
            assert headers_of(after) == headers_of(before)
            assert (after.mimetype, after.get_json()) == (before.mimetype, before.get_json())
            assert said in caplog.text
    [problem] = testing.failing_error_bodies(client.application)
    function = FAULTS[said]
    assert problem.startswith(f"/api: {function.__module__}.{function.__qualname__}, status ")


def for_missing_pages(status: int, message: str, fields: dict[str, str]) -> OurError:
    return OurError(code={404: 1}[status], reason=message, members=fields)


def without_reasons(status: int, message: str, fields: dict[str, str]) -> OurError:
    return OurError(code=status, reason=message, members={} if not fields else {"name": None})


def test_the_helper_tries_each_status_and_wrong_members() -> None:
    bodies = {"/a": for_missing_pages, "/b": without_reasons, "/c": in_our_shape}
    problems = testing.failing_error_bodies(make(bodies).application)
    assert [each.partition(":")[0] for each in problems] == ["/a", "/b"]
    assert testing.failing_error_bodies(make().application) == []


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        *((accept, PROBLEM) for accept in (PROBLEM, f"text/html;q=0.5, {PROBLEM}")),
        (f"{PROBLEM}, */*;q=0.1", PROBLEM),
        (f"text/html, {PROBLEM};q=0.9", "text/html"),
    ],
)
def test_a_client_of_problem_details_gets_what_it_prefers(accept: str, kind: str) -> None:
    answer = make({"/api": problem_details}).get("/api/no", headers={"Accept": accept})
    assert (answer.status_code, answer.mimetype) == (404, kind)


def test_a_handler_of_the_owner_comes_first_and_may_return_the_error() -> None:
    client = make({"/api": in_our_shape})
    client.application.register_error_handler(404, lambda error: ("mine", 404))
    client.application.register_error_handler(HTTPException, lambda error: error)
    assert client.get("/api/no").text == "mine"
    assert client.get("/api/fail/409").get_json()["reason"] == "Not like this"


def test_the_function_gets_the_owners_words_and_no_fields_of_credentials() -> None:
    def refuse() -> str:
        raise field_error(400, "seats", "Required")

    client = make({"/api": in_our_shape}, TEXTS={"Required": "Fehlt"})
    client.application.add_url_rule("/api/seats", view_func=public(refuse))
    expected = {"code": 400, "reason": "Fehlt", "members": {"seats": "Fehlt"}}
    assert client.get("/api/seats").get_json() == expected
    wrong = client.post("/api/secret", json={"name": 1}, headers=OWN_PAGE)
    assert wrong.get_json()["members"] == {}


def without_return(status: int, message: str, fields: dict[str, str]):  # type: ignore[no-untyped-def]
    return in_our_shape(status, message, fields)


def returns_a_dict(status: int, message: str, fields: dict[str, str]) -> dict[str, str]:
    return {}


class AsPage(ResponseBody):
    media_type: ClassVar[str] = "text/html"


def returns_a_page(status: int, message: str, fields: dict[str, str]) -> AsPage:
    return AsPage()


@pytest.mark.parametrize(
    ("path", "function", "said"),
    [
        ("/api", returns_a_page, "AsPage.media_type is 'text/html': write application/json"),
        ("api", in_our_shape, "error_bodies: 'api' begins with no slash: write '/api'"),
        ("/api/", in_our_shape, "error_bodies: '/api/' ends with a slash: write '/api'"),
        ("/api", without_return, "without_return: write the model that it returns"),
        ("/api", returns_a_dict, "returns_a_dict: write the model that it returns"),
        ("/api", problem_details(404, "Not Found", {}), "error_bodies: '/api' needs a function"),
    ],
)
def test_what_cannot_work_is_refused_at_the_start(path: str, function: Any, said: str) -> None:
    with pytest.raises(PolicyError, match=said):
        make({path: function})
