"""`/openapi.json`: what programs read of the routes, and that these keep to it.

The template's own tests send it thousands of requests by schemathesis as well.
"""

import json
import re
from collections.abc import Iterator
from typing import Annotated, Any, NoReturn
from uuid import UUID

import pytest
from flask import Flask, redirect, request
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue
from pydantic import Field
from secure_flask import openapi
from secure_flask.auth.access import login_required, public, roles_required
from secure_flask.database import db
from secure_flask.web.forms import consumes_form, or_form
from secure_flask.web.responses import LoginResponse, ResponseBody, responds
from secure_flask.web.validation import Body, PlainText, validated
from secure_flask.web.view_options import FORM_TYPES
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from core import routes
from core.conftest import (
    LOGIN,
    OWN_PAGE,
    PRODUCTION,
    TOKEN_TYPES,
    MakeApp,
    bring_back_user,
    give_roles,
    log_in,
)
from core.routes import LOGIN as LOGIN_PATH
from core.routes import LOGOUT, ME, PASSWORD

Json = dict[str, Any]

ADDRESS = routes.OPENAPI
FORM, FILES, PAGE = FORM_TYPES[0], FORM_TYPES[1], "text/html"
ARGUMENTS = {
    "<name>": {"type": "string", "minLength": 1},
    "<string(length=2):name>": {"type": "string", "minLength": 1},
    "<path:name>": {"type": "string", "minLength": 1},
    "<int(max=9):name>": {"type": "integer", "minimum": 0},
    "<float:name>": {"type": "number"},
    "<any(small, 'large'):name>": {"type": "string", "minLength": 1},
    "<uuid:name>": {"type": "string", "format": "uuid"},
}


class Order(Body):
    name: Annotated[PlainText, Field(max_length=20)]
    count: int = 1


class Created(ResponseBody):
    number: int


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


def send(
    client: FlaskClient, document: Json, method: str, path: str, headers: dict[str, str]
) -> TestResponse:
    """A request that keeps to the document, with the like of `x` for each argument and member."""
    operation = document["paths"][path][method]
    for parameter in operation.get("parameters", ()):
        path = path.replace("{" + parameter["name"] + "}", argument(parameter["schema"]))
    content = operation.get("requestBody", {}).get("content", {})
    if FORM in content and "application/json" not in content:
        sent: Json = {"data": {}, "content_type": FORM}
        headers = {**headers, **OWN_PAGE}
    elif content and "application/json" not in content:
        sent = {"data": "x", "content_type": next(iter(content))}
    else:
        schema = content.get("application/json", {}).get("schema", {})
        model = document["components"]["schemas"].get(schema.get("$ref", "").rpartition("/")[2], {})
        members = model.get("properties", {}).items()
        values = {name: True if each.get("type") == "boolean" else "x" for name, each in members}
        sent = {"json": values if content else None}
    return client.open(path, method=method, headers=headers, **sent)


def argument(schema: Json) -> str:
    """What fits in an address, and names nothing that there is."""
    named = {"integer": "1", "number": "1.0", "string": "x"}[schema["type"]]
    return str(UUID(int=0)) if schema.get("format") == "uuid" else named


def check(answer: TestResponse, operation: Json) -> None:
    """An answer is one of those that the document names; an error has its headers and shape."""
    status, responses = str(answer.status_code), operation["responses"]
    call = f"{answer.request.method} {answer.request.path}"
    # A view without `@responds` may answer anything.
    assert responses.keys() & {status, "default"}, f"{call}: name {status} in its @responds."
    if "default" in responses:
        return
    if answer.status_code >= 400:
        content = responses.get(status, {}).get("content", {answer.mimetype: {}})
        assert answer.mimetype in content, call
    if answer.status_code >= 400 and answer.is_json:
        assert answer.get_json().keys() - {"fields"} == {"error"}, call
    lacking = set(responses.get(status, {}).get("headers", ())) - set(answer.headers.keys())
    assert not lacking, f"{call}: {status} lacks {lacking}, which clients wait for: set it."


def check_each(app: Flask, *, login: bool) -> None:
    """Send each operation a request; a login and its user count for one, since some end them."""
    document = described(app)
    for method, path, operation in operations(document):
        bring_back_user(app)
        client = app.test_client()
        headers = log_in(client) if login else {}
        check(send(client, document, method, path, headers), operation)


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


def test_everybody_gets_the_same_and_may_keep_it_a_while(client: FlaskClient) -> None:
    stranger = client.get(ADDRESS)
    user = client.get(ADDRESS, headers=log_in(client))
    assert stranger.data == user.data
    assert stranger.content_type == "application/json"
    assert "max-age=" in stranger.headers["Cache-Control"]
    assert "no-store" not in stranger.headers["Cache-Control"]


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
    accepted = [
        text for text in ("a b", " ", "", "a\n", "\u007f") if re.fullmatch(name["pattern"], text)
    ]
    assert accepted == ["a b"]


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
    assert set(sent["requestBody"]["content"]) == {FORM, FILES}
    assert sent["responses"]["303"]["headers"]["Location"]["required"] is True
    assert set(sent["responses"]["422"]["content"]) == {PAGE}
    assert "requestBody" not in shown
    assert not shown["responses"].keys() & {"303", "413", "415", "422"}
    for fields, status in (({}, 303), ({"bad": "1"}, 422), ({"a\0": ""}, 400)):
        answer = client.post("/_test/contact", data=fields, headers=OWN_PAGE)
        assert answer.status_code == status
        check(answer, sent)


def test_a_form_that_ends_at_a_page_is_described_beside_the_json(app: Flask) -> None:
    @responds(PAGE)
    def by_form() -> ResponseReturnValue:
        return "Thank you."

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
        done = paths[path]["post"]["responses"]["200"]["content"]
        assert done == {PAGE: {"schema": {}}, **content_of("Created")}
        assert client.post(path, json={"name": "tea"}).mimetype in done
        assert client.post(path, headers=OWN_PAGE, data={"name": "tea"}).mimetype in done
    assert PAGE not in paths["/json"]["post"]["responses"]["200"]["content"]


def test_a_redirect_names_its_location(app: Flask) -> None:
    view = responds(PAGE, status=303)(public(lambda: redirect("/", 303)))
    app.add_url_rule("/moved", "moved", view)
    moved = described(app)["paths"]["/moved"]["get"]["responses"]["303"]
    assert moved["headers"]["Location"]["required"] is True


def test_a_view_without_a_mark_demands_a_login_unless_the_policy_opens_it(
    make_app: MakeApp,
) -> None:
    app = make_app(PUBLIC_ENDPOINTS={"opened": "A test opens it."})
    for name in ("opened", "unmarked"):
        app.add_url_rule(f"/{name}", name, lambda: "")
    paths = described(app)["paths"]
    opened, unmarked = paths["/opened"]["get"], paths["/unmarked"]["get"]
    assert "security" not in opened
    assert "401" not in opened["responses"]
    assert unmarked["security"]
    assert "401" in unmarked["responses"]


def test_a_view_for_a_role_names_it_and_its_403(app: Flask) -> None:
    view = responds(Created)(roles_required("probe-boss")(lambda: {"number": 1}))
    app.add_url_rule("/staff", "staff", view)
    operation = described(app)["paths"]["/staff"]["get"]
    # Source: OpenAPI Specification 3.1.1, "Security Requirement Object".
    [demanded] = operation["security"]
    assert set(map(tuple, demanded.values())) == {("probe-boss",)}
    client = app.test_client()
    headers = log_in(client)
    for roles, status in (((), 403), (("probe-boss",), 200)):
        give_roles(app, *roles)
        answer = client.get("/staff", headers=headers)
        assert answer.status_code == status
        check(answer, operation)


def test_two_models_of_one_name_are_described_apart(app: Flask) -> None:
    other = type("Order", (Body,), {"__annotations__": {"size": int}})
    app.add_url_rule("/a", "a", validated(Order)(lambda order: {}), methods=["POST"])
    app.add_url_rule("/b", "b", validated(other)(lambda order: {}), methods=["POST"])
    document = described(app)
    bodies = [document["paths"][path]["post"]["requestBody"] for path in ("/a", "/b")]
    assert bodies[0] != bodies[1]


def test_where_browsers_send_reports_is_described_too(app: Flask) -> None:
    operation = described(app)["paths"][routes.REPORTS]["post"]
    assert set(operation["responses"]) == {"204", "400", "413", "415", "429"}
    assert {"application/csp-report", "application/reports+json"} <= set(
        operation["requestBody"]["content"]
    )


def test_an_argument_has_its_type(app: Flask, subtests: pytest.Subtests) -> None:
    for number, (rule, schema) in enumerate(ARGUMENTS.items()):
        app.add_url_rule(f"/{number}/{rule}", str(number), view_func=lambda name: "")
        with subtests.test(rule):
            operation = described(app)["paths"][f"/{number}/" + "{name}"]["get"]
            assert [parameter["schema"] for parameter in operation["parameters"]] == [schema]


@pytest.mark.parametrize("token_type", TOKEN_TYPES)
def test_a_login_is_shown_by_a_cookie_or_by_a_bearer_token(
    make_app: MakeApp, token_type: str
) -> None:
    document = described(make_app(**PRODUCTION, TOKEN_TYPE=token_type))
    schemes = document["components"]["securitySchemes"]
    bearer: list[dict[str, list[str]]] = []
    assert schemes.pop("cookie")["name"].startswith("__Host-")
    if token_type != "session":
        assert schemes.pop("bearer") == {"type": "http", "scheme": "bearer"}
        bearer = [{"bearer": []}]
    assert schemes == {}
    # One of the list is enough.
    for described_login in (document["paths"][ME]["get"], document["paths"][LOGOUT]["post"]):
        assert described_login["security"] == [*bearer, {"cookie": []}]


def test_a_login_is_demanded_where_it_says_so_and_nowhere_else(make_app: MakeApp) -> None:
    app = make_app()
    document = described(app)
    stranger, routes = app.test_client().get(ME), app.url_map.bind("localhost")
    for method, path, operation in operations(document):
        answer = send(app.test_client(), document, method, path, {})
        # Not every converter accepts an "x".
        if not routes.test(answer.request.path, answer.request.method):
            continue
        refused = answer.data == stranger.data
        assert refused == ("security" in operation), path


@pytest.mark.parametrize("token_type", TOKEN_TYPES)
def test_clients_get_the_answers_it_names(app: Flask) -> None:
    check_each(app, login=False)
    check_each(app, login=True)


def test_a_client_that_fails_too_often_gets_the_answer_it_names(make_app: MakeApp) -> None:
    app = make_app(login_rate_limit="1 per minute")
    document, client = described(app), app.test_client()
    headers, refused = log_in(client), set()
    for method, path, operation in operations(document):
        # A form of a logout would end the login.
        if "requestBody" in operation and path != LOGOUT:
            for _ in range(2):
                answer = send(client, document, method, path, headers)
                check(answer, operation)
            refused |= {path} if answer.status_code == 429 else set()
    assert {LOGIN_PATH, PASSWORD} <= refused


def test_with_a_limit_to_all_requests_any_route_may_answer_429(make_app: MakeApp) -> None:
    app = make_app(rate_limit="1 per minute")
    app.test_client().get(ME)
    check_each(app, login=False)


def test_without_its_database_it_gives_the_answers_it_names(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*arguments: object) -> NoReturn:
        raise OperationalError("SELECT 1", {}, OSError("no route to host"))

    document, client = described(app), app.test_client()
    headers = log_in(client)
    monkeypatch.setattr(db.session, "execute", away)
    monkeypatch.setattr(db.session, "scalar", away)
    for method, path, operation in operations(document):
        check(send(client, document, method, path, headers), operation)


@pytest.mark.parametrize("token_type", TOKEN_TYPES)
def test_a_good_login_is_answered_as_described(app: Flask) -> None:
    answered = described(app)["paths"][LOGIN_PATH]["post"]["responses"]["200"]["content"]
    assert answered.items() >= content_of("LoginResponse").items()
    LoginResponse.model_validate(app.test_client().post(LOGIN_PATH, json=LOGIN).get_json())


def test_one_line_of_the_policy_closes_the_document(make_app: MakeApp) -> None:
    app = make_app(PUBLIC_OPENAPI=False)
    client = app.test_client()
    assert client.get(ADDRESS).status_code == 401
    answer = client.get(ADDRESS, headers=log_in(client))
    assert (answer.status_code, answer.cache_control.no_store) == (200, True)
    assert described(app)["paths"][ADDRESS]["get"]["security"]
    # The mark of one app is not that of another.
    assert make_app().test_client().get(ADDRESS).status_code == 200
