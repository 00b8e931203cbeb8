"""`GET /openapi.json`: the OpenAPI document of all routes.

It is generated from the routes and their decorators, such as `@validated` and `@responds`,
so it stays in step with the code.
Source: OpenAPI Specification 3.1.1; OWASP API Security Top 10, API9:2023.
"""

import json
import re
from collections import ChainMap
from collections.abc import Iterator
from http import HTTPStatus

from flask import Blueprint, Flask, Response, current_app
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from secure_flask.auth import route_table, tokens
from secure_flask.auth.access import is_public, login_required, public
from secure_flask.auth.authentication import SECOND_FACTOR
from secure_flask.auth.key_requests import takes_key
from secure_flask.state import Key, app_state
from secure_flask.web.csrf import SAFE_METHODS
from secure_flask.web.form_types import FORM_TYPES
from secure_flask.web.responses import LoginResponse, ResponseBody, SecondFactorRequired, responds
from secure_flask.web.view_options import Content, ViewOptions

Json = dict[str, object]
Operation = tuple[str, str, ViewOptions, bool]  # path, method, options, whether everybody may call

# The document of an app, made at the first request for it.
_DOCUMENT = Key[str]("OpenAPI document")

_ARGUMENT = re.compile(r"<(?:(\w+)(?:\([^)]*\))?:)?(\w+)>")  # as in `<int:number>`
_TYPES: Json = {
    "float": {"type": "number"},
    "int": {"type": "integer", "minimum": 0},
    "uuid": {"type": "string", "format": "uuid"},
}
_HEADERS = {303: "Location", 401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}


class Error(ResponseBody):
    """Each error as a program gets it; a browser gets a page."""

    error: str
    fields: dict[str, str] | None = None  # what is wrong with each member of a JSON body


def document(app: Flask) -> str:
    """The document in JSON; it omits static files and the methods HEAD and OPTIONS."""
    # In a request context, since the name of the cookie depends on the request.
    with app.test_request_context():
        operations = list(_operations(app))
        references, schemas = _schemas(operations)
        schemes = ChainMap(*tokens.security_schemes(), tokens.key_scheme())
        paths: dict[str, Json] = {}
        for operation in operations:
            path = _ARGUMENT.sub(r"{\2}", operation[0])
            paths.setdefault(path, {})[operation[1].lower()] = _describe(*operation)
    about = {
        "openapi": "3.1.0",
        "info": {
            "title": app.config["PROJECT_NAME"],
            "description": app.config["DESCRIPTION"],
            # Required. It is the version of the document and reveals no software version.
            "version": "1",
        },
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": dict(schemes)},
    }
    return json.dumps(about, default=references.__getitem__)


def init_app(app: Flask) -> None:
    blueprint = Blueprint("openapi", __name__)

    @blueprint.get("/openapi.json")
    @responds("application/json")
    @(public if app.config["PUBLIC_OPENAPI"] else login_required)
    def show() -> Response:
        # Generated at the first request, so that it does not slow down the start-up.
        state = app_state(app)
        if _DOCUMENT not in state:
            state[_DOCUMENT] = document(app)
        response = Response(state[_DOCUMENT], mimetype="application/json")
        response.cache_control.max_age = 5 * 60  # 5 minutes
        return response

    app.register_blueprint(blueprint)


def _operations(app: Flask) -> Iterator[Operation]:
    for rule, method, options in route_table.route_operations(app):
        described = method not in (route_table.ANY_METHOD, "HEAD", "OPTIONS")
        if described and rule.endpoint.rpartition(".")[2] != "static":
            yield rule.rule, method, options, is_public(rule.endpoint, options)


def _schemas(operations: list[Operation]) -> tuple[dict[type, Json], Json]:
    """A reference to the schema of each model, and the schemas by name."""
    contents = [part for _, _, each, _ in operations for part in (each.consumes, each.responds)]
    declared = [model for content in contents if content for model in content.values() if model]
    # Deduplicated by a dict, which keeps the order, so that the document never changes.
    models: dict[type[BaseModel], None] = dict.fromkeys([Error, *declared])
    if asks := LoginResponse in models and SECOND_FACTOR in app_state(current_app):
        models[SecondFactorRequired] = None
    found, definitions = models_json_schema(
        [(model, "validation") for model in models],
        ref_template="#/components/schemas/{model}",
    )
    references: dict[type, Json] = {model: reference for (model, _), reference in found.items()}
    if asks:
        either = [references[LoginResponse], references[SecondFactorRequired]]
        references[LoginResponse] = {"anyOf": either}
    return references, definitions["$defs"]


def _describe(path: str, method: str, options: ViewOptions, public: bool) -> Json:
    """The OpenAPI operation of a view, with models in place of schemas."""
    takes_body = options.consumes is not None and method not in SAFE_METHODS
    refused = {
        str(status): _response(status, {"application/json": Error} if status >= 400 else {})
        for status in _errors(path, method, options, public, takes_body)
    }
    described: Json = {"responses": {**_success(options, takes_body), **refused}}
    if takes_body:
        # A form without fields has no body.
        only_files = set(FORM_TYPES).isdisjoint(options.consumes or {})
        required = only_files or any((options.consumes or {}).values())
        described["requestBody"] = {
            "required": required,
            "content": _content(options.consumes or {}),
        }
    arguments = _ARGUMENT.findall(path)
    if arguments:
        described["parameters"] = [_parameter(*argument) for argument in arguments]
    if not public:
        # OpenAPI 3.1.1, "Security Requirement Object": a list of the roles that are required.
        kinds = tokens.security_schemes()
        if takes_key(method, options):
            kinds = [*kinds, tokens.key_scheme()]
        described["security"] = [{name: [*options.roles] for name in kind} for kind in kinds]
    return described


def _errors(
    path: str, method: str, options: ViewOptions, public: bool, takes_body: bool
) -> list[int]:
    write = method not in SAFE_METHODS
    possible = {
        400: takes_body or not options.probe,  # an unknown Host
        401: not public,
        403: (write and not options.csrf_exempt) or bool(options.roles),
        404: "<" in path,
        413: takes_body,
        415: write,
        429: bool(options.limited or current_app.config["RATE_LIMIT"]),
        503: not public,  # without the database
    }
    return sorted({*options.errors, *(status for status, applies in possible.items() if applies)})


def _success(options: ViewOptions, takes_body: bool) -> Json:
    if options.responds is None:
        return {"default": {"description": "Not described"}}
    success: Json = {str(options.status): _response(options.status, options.responds)}
    if takes_body and not set(FORM_TYPES).isdisjoint(options.consumes or {}):
        # A form ends in a redirect once it is done, else at its page with the errors.
        success |= {"303": _response(303, {}), "422": _response(422, {"text/html": None})}
    return success


def _response(status: int, content: Content) -> Json:
    described: Json = {"description": HTTPStatus(status).phrase}
    if content:
        described["content"] = _content(content)
    if status in _HEADERS:
        required = {"required": True, "schema": {"type": "string"}}
        described["headers"] = {_HEADERS[status]: required}
    return described


def _content(content: Content) -> Json:
    return {kind: {"schema": model or {}} for kind, model in content.items()}


def _parameter(converter: str, name: str) -> Json:
    schema = _TYPES.get(converter, {"type": "string", "minLength": 1})
    return {"name": name, "in": "path", "required": True, "schema": schema}
