"""`/openapi.json`: what programs read of the routes, and that these keep to it.

The template's own tests send it thousands of requests by schemathesis as well.
"""

import json
import re
from collections.abc import Iterator
from enum import Enum
from typing import Annotated, Any, ClassVar, Literal
from unittest.mock import Mock
from uuid import UUID

import pytest
from flask import Flask, redirect, request
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue
from pydantic import Field, computed_field
from secure_flask import current_user, openapi, problem_details
from secure_flask.auth.access import login_required, public, roles_required
from secure_flask.database import db
from secure_flask.web.csrf import FORM_TYPES, csrf_exempt
from secure_flask.web.forms import consumes_form, or_form
from secure_flask.web.queries import Query, validated_query
from secure_flask.web.responses import ResponseBody, responds
from secure_flask.web.validation import Body, PlainText, validated
from werkzeug.routing import BaseConverter, IntegerConverter
from werkzeug.test import TestResponse

from core import routes
from core.conftest import (
    OWN_PAGE,
    PRODUCTION,
    MakeApp,
    away,
    every_token_type,
    give_roles,
    log_in,
    protect,
    set_account_rules,
)
from core.keys.made_keys import ask, new_key
from core.routes import LOGOUT, ME

Json = dict[str, Any]

ADDRESS = routes.OPENAPI
FORM, FILES, PAGE = FORM_TYPES[0], FORM_TYPES[1], "text/html"
ARGUMENTS = {
    "<name>": {"type": "string", "minLength": 1},
    "<string(length=2):name>": {"type": "string", "minLength": 1},
    "<path:name>": {"type": "string", "minLength": 1},
    "<int:name>": {"type": "integer", "minimum": 0},
    "<int(max=9):name>": {"type": "integer", "minimum": 0, "maximum": 9},
    "<int(min=2, signed=True):name>": {"type": "integer", "minimum": 2},
    "<int(signed=True):name>": {"type": "integer"},
    "<float(max=0.5):name>": {"type": "number", "minimum": 0, "maximum": 0.5},
    "<any(small, 'large'):name>": {"type": "string", "enum": ["large", "small"]},
    "<uuid:name>": {"type": "string", "format": "uuid"},
    "<year:name>": {"type": "integer", "minimum": 0},
    "<upper:name>": {"type": "string", "minLength": 1},
}

BODIES = {
    routes.LOGIN: {"username": "x", "password": "x"},
    routes.PASSWORD: {"current_password": "x", "new_password": "x"},
    routes.REAUTHENTICATE: {"password": "x"},
    routes.REFRESH: {"refresh_token": "x"},
}


class Order(Body):
    name: Annotated[PlainText, Field(max_length=20)]
    count: int = 1


class Created(ResponseBody):
    number: int


class Changed(ResponseBody):
    number: int

    @computed_field
    def twice(self) -> int:
        return 2 * self.number


@pytest.fixture
def app(make_app: MakeApp, token_type: str) -> Flask:
    """One that each test here may add views to."""
    return make_app(TOKEN_TYPE=token_type)


def described(app: Flask) -> Json:
    """The document as it would be had the app been made with the routes it has now."""
    return dict(json.loads(openapi.document(app)))


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def check_each(client: FlaskClient, headers: dict[str, str]) -> set[int]:
    """Send each operation a request; each answer is one that the document names."""
    statuses = set()
    for method, path, operation in operations(described(client.application)):
        # A logout would end the login.
        if (method, path) == ("post", LOGOUT) and headers:
            continue
        body = BODIES.get(path, {}) if "requestBody" in operation else None
        address = re.sub("{.*}", str(UUID(int=0)), path)
        answer = client.open(address, method=method, json=body, headers=headers)
        check(answer, operation)
        statuses.add(answer.status_code)
    return statuses


def check(answer: TestResponse, operation: Json) -> None:
    """An answer is one of those that the document names; an error has its headers and shape."""
    call = f"{answer.request.method} {answer.request.path}: {answer.status_code}"
    named = operation["responses"].get(str(answer.status_code))
    assert named, f"{call}: name it in its @responds, a redirect by `status=303`."
    if answer.status_code >= 400 and "content" in named:
        assert answer.mimetype in named["content"], call
    if answer.status_code >= 400 and answer.is_json:
        assert answer.get_json().keys() - {"fields"} == {"error"}, call
    lacking = named.get("headers", {}).keys() - set(answer.headers.keys())
    assert not lacking, f"{call} lacks {lacking}, which clients wait for: set it."


def test_it_holds_every_route_but_static_files(app: Flask) -> None:
    routes = {
        (method.lower(), re.sub(r"<(?:[^<>]*:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        if not rule.endpoint.endswith("static")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert {(method, path) for method, path, _ in operations(described(app))} == routes


def test_it_names_the_project_and_no_software(make_app: MakeApp) -> None:
    title, description = 'Tools & "Toys" \U0001f600', "What we have.\\"
    client = make_app(PROJECT_NAME=title, DESCRIPTION=description).test_client()
    answer = client.get(ADDRESS)
    assert answer.get_json()["info"].items() >= {"title": title, "description": description}.items()
    assert not re.findall("werkzeug|pydantic|gunicorn|sqlalchemy", answer.text.lower())


def test_it_names_no_file_of_the_code(app: Flask) -> None:
    # As an app does whose users can have a second factor.
    set_account_rules(app)
    document = app.test_client().get(ADDRESS).text
    assert "tf_required" in document
    assert ".py" not in document


def test_everybody_gets_the_same_and_may_keep_it_a_while(client: FlaskClient) -> None:
    stranger = client.get(ADDRESS)
    user = client.get(ADDRESS, headers=log_in(client))
    assert stranger.data == user.data
    assert stranger.content_type == "application/json"
    assert "max-age=" in stranger.headers["Cache-Control"]
    assert "no-store" not in stranger.headers["Cache-Control"]


def test_it_is_made_once_and_no_other_request_waits_for_it(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = Mock(return_value="{}")
    monkeypatch.setattr(openapi, "document", make)
    client = make_app().test_client()
    counts = []
    for path in (ME, ADDRESS, ADDRESS):
        client.get(path)
        counts.append(make.call_count)
    assert counts == [0, 1, 1]


def test_a_route_of_ones_own_is_there_by_itself(app: Flask) -> None:
    @app.put("/orders/<int:number>")
    @responds(Created, 409, status=201)
    @login_required
    @validated(Order)
    def order(order: Order, number: int) -> Json:
        return {}

    document = described(app)
    operation = document["paths"]["/orders/{number}"]["put"]
    responses = operation["responses"]
    assert set(responses) == {"201", "400", "401", "403", "404", "409", "413", "415", "503"}
    assert "403" not in document["paths"][ME]["get"]["responses"], "Reading is never cross-site."
    assert responses["201"]["content"] == content_of("Created")
    assert responses["401"]["headers"]["WWW-Authenticate"]["required"] is True
    limited = document["paths"][routes.LOGIN]["post"]["responses"]["429"]
    assert {*limited["headers"]} == {*responses["503"]["headers"]} == {"Retry-After"}
    assert operation["requestBody"] == {"required": True, "content": content_of("Order")}
    assert responses["400"]["content"] == content_of("Error")
    assert responses["409"]["content"] == content_of("Error")
    number = {"type": "integer", "minimum": 0}
    assert operation["parameters"] == [
        {"name": "number", "in": "path", "required": True, "schema": number}
    ]
    model = document["components"]["schemas"]["Order"]
    name = model["properties"]["name"]
    assert (model["additionalProperties"], model["required"]) == (False, ["name"])
    assert (name["minLength"], name["maxLength"]) == (1, 20)
    # What a program may leave out.
    assert model["properties"]["count"]["default"] == 1
    accepted = [
        text for text in ("a b", " ", "", "a\n", "\u007f") if re.fullmatch(name["pattern"], text)
    ]
    assert accepted == ["a b"]


class OurError(ResponseBody):
    media_type: ClassVar[str] = "application/vnd.shop+json"

    reason: str


def in_our_shape(status: int, message: str, fields: dict[str, str]) -> OurError:
    return OurError(reason=message)


class Unused(ResponseBody):
    pass


def in_no_shape(status: int, message: str, fields: dict[str, str]) -> Unused:
    return Unused()


def test_an_error_is_described_in_the_shape_of_its_path() -> None:
    bodies = {"/api": in_our_shape, "/api/v2": problem_details, "/none": in_no_shape}
    app = protect(Flask("shop", static_folder=None), error_bodies=bodies)
    for path in ("/apiary", "/api/orders/<int:number>", "/api/v2/orders"):
        app.add_url_rule(path, path, login_required(lambda number=0: ""))
    document, client = described(app), app.test_client()
    [ours, problem, today] = [
        {kind: {"schema": {"$ref": f"#/components/schemas/{model}"}}}
        for kind, model in (
            ("application/vnd.shop+json", "OurError"),
            ("application/problem+json", "Problem"),
            ("application/json", "Error"),
        )
    ]
    expected = {"/api/orders/{number}": ours, "/api/v2/orders": problem, "/apiary": today}
    statuses = ("400", "401", "503")
    responses = {path: document["paths"][path]["get"]["responses"] for path in expected}
    assert {
        path: [each[status]["content"] for status in statuses] for path, each in responses.items()
    } == {path: [content] * 3 for path, content in expected.items()}
    sent = {path: client.get(path.replace("{number}", "1")).mimetype for path in expected}
    assert sent == {path: next(iter(content)) for path, content in expected.items()}
    # A shape that no route has is left out.
    models = document["components"]["schemas"]
    assert ("OurError" in models, "Unused" in models) == (True, False)
    problem_model = models["Problem"]
    assert set(problem_model["required"]) == {"type", "title", "status", "detail", "fields"}


@pytest.mark.parametrize("status", [400, 422])
def test_the_status_of_what_a_model_refuses_is_described(make_app: MakeApp, status: int) -> None:
    @responds(PAGE)
    def by_form() -> ResponseReturnValue:
        return "Thank you."

    app = make_app(INVALID_STATUS=status)
    views: dict[str, Any] = {
        "/body": or_form(by_form)(validated(Order)(lambda order: "")),
        "/query": validated_query(Search)(lambda query: ""),
        "/none": lambda: "",
    }
    for path, view in views.items():
        app.add_url_rule(path, path, public(view), methods=["POST" if path == "/body" else "GET"])
    paths = described(app)["paths"]
    body = paths["/body"]["post"]["responses"]
    query, none = (paths[path]["get"]["responses"] for path in ("/query", "/none"))
    # A body that is no JSON and an unknown host stay 400.
    assert all("400" in each for each in (body, query, none))
    assert [("422" in each) for each in (query, none)] == [status == 422, False]
    kinds = {PAGE, "application/json"} if status == 422 else {PAGE}
    assert set(body["422"]["content"]) == kinds
    client = app.test_client()
    check(client.post("/body", json={}), paths["/body"]["post"])
    check(client.get("/query?page=x"), paths["/query"]["get"])


def test_a_body_of_delete_is_described(app: Flask) -> None:
    view = responds(None)(public(validated(Order)(lambda order: ("", 204))))
    app.add_url_rule("/orders", "orders", view, methods=["DELETE"])
    operation = described(app)["paths"]["/orders"]["delete"]
    assert operation["requestBody"] == {"required": True, "content": content_of("Order")}
    for body in ({"name": "tea"}, {}):
        check(app.test_client().delete("/orders", json=body), operation)


def test_each_status_is_described_with_its_model(app: Flask) -> None:
    def change() -> ResponseReturnValue:
        return {"number": 1}

    views: dict[str, Any] = {
        "changes": responds(Created, status=201)(responds(Changed, 409)(public(change))),
        "all": responds(list[Created])(public(lambda: [])),
        "unchanged": responds(Created, 304)(public(lambda: ("", 304))),
        "silent": public(lambda: ""),
    }
    for name, view in views.items():
        app.add_url_rule(f"/{name}", name, view, methods=["GET", "LINK"])
    document = described(app)
    # OpenAPI has no name for LINK.
    assert {tuple(document["paths"][f"/{name}"]) for name in views} == {("get",)}
    of = {name: document["paths"][f"/{name}"]["get"]["responses"] for name in views}
    contents = [of["changes"][status]["content"] for status in ("201", "200", "409")]
    assert contents == [*map(content_of, ("Created", "Changed", "Error"))]
    item = content_of("Created")["application/json"]["schema"]
    array = {"schema": {"type": "array", "items": item}}
    assert of["all"]["200"]["content"] == {"application/json": array}
    assert of["unchanged"]["304"] == {"description": "Not Modified"}
    check(app.test_client().get("/unchanged"), document["paths"]["/unchanged"]["get"])
    # A view that says nothing of its answer has a success and any other.
    assert of["silent"].keys() >= {"2XX", "default"}
    # A computed member is one that is there.
    schema = document["components"]["schemas"]["Changed"]
    assert schema["required"] == ["number", "twice"]
    assert schema["properties"]["twice"]["readOnly"] is True


def test_a_member_that_an_answer_may_lack_has_no_default(
    app: Flask, subtests: pytest.Subtests
) -> None:
    """Generators of clients take one with a default for always there."""
    schemas = described(app)["components"]["schemas"]
    for model, member in (("Error", "fields"), ("LoginResponse", "token")):
        with subtests.test(model=model, member=member):
            assert member not in schemas[model]["required"]
            assert "default" not in schemas[model]["properties"][member]


class Size(Enum):
    SMALL = "small"
    LARGE = "large"


class Search(Query):
    shop: PlainText
    page: Annotated[int, Field(ge=1)] = 1
    tag: list[str] = Field(default=[])
    size: Size = Size.SMALL
    owner: UUID | None = None
    limit: int | Literal["all"] | None = None
    since: Annotated[str, Field(alias="from", description="A day.")] = ""


def test_a_query_is_described_by_its_model_without_null(app: Flask) -> None:
    def view(number: int, *, query: Search) -> str:
        return ""

    app.add_url_rule("/shops/<int:number>", "shops", public(validated_query(Search)(view)))
    document = described(app)
    operation = document["paths"]["/shops/{number}"]["get"]
    parameters = {each["name"]: each for each in operation["parameters"]}
    assert {name: each["in"] for name, each in parameters.items()} == {
        "number": "path",
        **dict.fromkeys(("shop", "page", "tag", "size", "owner", "limit", "from"), "query"),
    }
    assert [name for name, each in parameters.items() if each["required"]] == ["number", "shop"]
    expected: dict[str, Json] = {
        "page": {"type": "integer", "minimum": 1, "default": 1},
        "tag": {"type": "array", "items": {"type": "string"}, "default": []},
        "size": {"type": "string", "enum": ["small", "large"], "default": "small"},
        "owner": {"type": "string", "format": "uuid"},
        "limit": {"anyOf": [{"type": "integer"}, {"type": "string", "const": "all"}]},
        "from": {"type": "string", "default": "", "description": "A day."},
    }
    found = {name: parameters[name]["schema"] for name in expected}
    assert {name: {**each, "title": ""} for name, each in found.items()} == {
        name: {**each, "title": ""} for name, each in expected.items()
    }
    assert "null" not in json.dumps(operation["parameters"])
    assert "Search" not in document["components"]["schemas"]


def content_of(model: str) -> Json:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{model}"}}}


def test_a_form_is_described_with_its_redirect_and_its_page_of_errors(app: Flask) -> None:
    @app.route("/_test/contact", methods=["GET", "POST"])
    @responds(PAGE)
    @public
    @consumes_form
    def contact() -> ResponseReturnValue:
        return ("", 422) if "bad" in request.form else redirect("/_test/contact", 303)

    document, client = described(app), app.test_client()
    shown, sent = (document["paths"]["/_test/contact"][method] for method in ("get", "post"))
    # Generators of clients can use neither a schema that any value fits nor an empty object.
    schema = {"schema": {"type": "object", "additionalProperties": True}}
    assert sent["requestBody"]["content"] == {FORM: schema, FILES: schema}
    assert sent["responses"]["303"]["headers"]["Location"]["required"] is True
    assert set(sent["responses"]["422"]["content"]) == {PAGE}
    assert "requestBody" not in shown
    assert not shown["responses"].keys() & {"303", "413", "415", "422"}
    forms: list[dict[str, str]] = [{}, {"bad": "1"}, {"a\0": ""}]
    answers = [client.post("/_test/contact", data=form, headers=OWN_PAGE) for form in forms]
    assert [answer.status_code for answer in answers] == [303, 422, 400]
    for answer in answers:
        check(answer, sent)


def test_a_form_that_ends_at_a_page_is_described_beside_the_json(
    app: Flask, subtests: pytest.Subtests
) -> None:
    by_form = responds(PAGE)(lambda: "Thank you.")

    def order(order: Order) -> Json:
        return {"number": 1}

    by_json = responds(Created)(public(validated(Order)(order)))
    # In both orders: a form may be added to a JSON view that is complete.
    inside = responds(Created)(public(or_form(by_form)(validated(Order)(order))))
    outside = or_form(by_form)(by_json)
    for path, view in {"/inside": inside, "/outside": outside, "/json": by_json}.items():
        app.add_url_rule(path, path, view, methods=["POST"])
    paths, client = described(app)["paths"], app.test_client()
    for path in ("/inside", "/outside"):
        with subtests.test(path=path):
            done = paths[path]["post"]["responses"]["200"]["content"]
            assert done == {PAGE: {"schema": {"type": "string"}}, **content_of("Created")}
            assert client.post(path, json={"name": "tea"}).mimetype in done
            assert client.post(path, headers=OWN_PAGE, data={"name": "tea"}).mimetype in done
    assert PAGE not in paths["/json"]["post"]["responses"]["200"]["content"]


def test_a_view_without_a_mark_demands_a_login_unless_the_policy_opens_it(
    make_app: MakeApp,
) -> None:
    app = make_app(PUBLIC_ENDPOINTS={"opened": "A test opens it."})
    for name in ("opened", "unmarked"):
        app.add_url_rule(f"/{name}", name, lambda: "")
    paths = described(app)["paths"]
    views = [paths[f"/{name}"]["get"] for name in ("opened", "unmarked")]
    assert [{} not in view["security"] for view in views] == [False, True]
    assert ["401" in view["responses"] for view in views] == [False, True]


def test_a_view_for_a_role_names_it_and_its_403(app: Flask) -> None:
    view = responds(Created)(roles_required("probe-boss")(lambda: {"number": 1}))
    app.add_url_rule("/staff", "staff", view)
    operation = described(app)["paths"]["/staff"]["get"]
    # Source: OpenAPI Specification 3.1.1, "Security Requirement Object".
    [demanded] = operation["security"]
    assert set(map(tuple, demanded.values())) == {("probe-boss",)}
    client = app.test_client()
    headers = log_in(client)
    refused = client.get("/staff", headers=headers)
    give_roles(app, "probe-boss")
    done = client.get("/staff", headers=headers)
    assert (refused.status_code, done.status_code) == (403, 200)
    check(refused, operation)
    check(done, operation)


def test_an_argument_is_described_by_its_converter(app: Flask) -> None:
    app.url_map.converters["year"] = type("Year", (IntegerConverter,), {})
    app.url_map.converters["upper"] = type("Upper", (BaseConverter,), {})
    for number, rule in enumerate(ARGUMENTS):
        app.add_url_rule(f"/{number}/{rule}", str(number), view_func=lambda name: "")
    paths = described(app)["paths"]
    described_as = {
        rule: [each["schema"] for each in paths[f"/{number}/{{name}}"]["get"]["parameters"]]
        for number, rule in enumerate(ARGUMENTS)
    }
    assert described_as == {rule: [schema] for rule, schema in ARGUMENTS.items()}


@every_token_type
def test_a_login_is_shown_by_a_cookie_or_by_a_bearer_token_and_where_it_counts_by_a_key(
    make_app: MakeApp, token_type: str
) -> None:
    document = described(make_app(**PRODUCTION, TOKEN_TYPE=token_type))
    schemes = document["components"]["securitySchemes"]
    bearer: list[dict[str, list[str]]] = []
    assert schemes.pop("cookie")["name"].startswith("__Host-Http-")
    if token_type != "session":
        assert schemes.pop("bearer") == {"type": "http", "scheme": "bearer"}
        bearer = [{"bearer": []}]
    key = schemes.pop("key")
    assert (key["type"], key["scheme"]) == ("http", "bearer")
    assert schemes == {}
    # One of the list is enough.
    by_login = [*bearer, {"cookie": []}]
    assert document["paths"][LOGOUT]["post"]["security"] == by_login
    assert document["paths"][ME]["get"]["security"] == [*by_login, {"key": []}]


def test_a_login_is_optional_where_everybody_may_call_and_described_where_it_counts(
    app: Flask,
) -> None:
    for path, mark in {"/opened": public, "/hook": csrf_exempt}.items():
        view = public(mark(lambda: {"known": bool(current_user)}))
        app.add_url_rule(path, path, view, methods=["POST"])
    client, paths = app.test_client(), described(app)["paths"]
    # An empty requirement says that the others are optional.
    assert paths["/opened"]["post"]["security"] == [{}, *paths[LOGOUT]["post"]["security"]]
    assert "security" not in paths["/hook"]["post"]
    assert "security" not in paths[routes.HEALTHZ]["get"]
    headers = log_in(client)
    known = {path: client.post(path, headers=headers).json for path in ("/opened", "/hook")}
    assert known == {"/opened": {"known": True}, "/hook": {"known": False}}


def test_a_login_is_demanded_where_it_says_so_and_nowhere_else(app: Flask) -> None:
    client, refusal = app.test_client(), app.test_client().get(ME).data
    demanded, refused = set(), set()
    for method, path, operation in operations(described(app)):
        if {} not in operation.get("security", [{}]):
            demanded.add((method, path))
        if client.open(re.sub("{.*}", "x", path), method=method).data == refusal:
            refused.add((method, path))
    assert refused == demanded


@every_token_type
def test_a_client_gets_the_answers_it_names_and_one_that_fails_too_often_too(
    make_app: MakeApp, token_type: str
) -> None:
    app = make_app(login_rate_limit="1 per minute", TOKEN_TYPE=token_type)
    client = app.test_client()
    assert {200, 204, 401, 404, 429} <= check_each(client, log_in(client))
    assert 429 in check_each(app.test_client(), {})


def test_with_a_limit_any_route_may_answer_429(make_app: MakeApp) -> None:
    app = make_app(API_KEY_RATE_LIMIT="1 per minute")
    client, key = app.test_client(), new_key(app)
    answers = [ask(client, key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    check(answers[1], described(app)["paths"][ME]["get"])
    client = make_app(rate_limit="1 per minute").test_client()
    client.get(ME)
    # No probe is refused.
    assert check_each(client, {}) == {200, 429}


def test_without_its_database_it_gives_the_answers_it_names(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.application.add_url_rule("/opened", "opened", public(lambda: f"{current_user}"))
    headers = log_in(client)
    monkeypatch.setattr(db.session, "execute", away)
    monkeypatch.setattr(db.session, "scalar", away)
    assert client.get("/opened", headers=headers).status_code == 503
    assert 503 in check_each(client, headers)


def test_one_line_of_the_policy_closes_the_document(make_app: MakeApp) -> None:
    app = make_app(PUBLIC_OPENAPI=False)
    client = app.test_client()
    assert client.get(ADDRESS).status_code == 401
    answer = client.get(ADDRESS, headers=log_in(client))
    assert (answer.status_code, answer.cache_control.no_store) == (200, True)
    assert described(app)["paths"][ADDRESS]["get"]["security"]
    # The mark of one app is not that of another.
    assert make_app().test_client().get(ADDRESS).status_code == 200
