"""`GET /openapi.json`: the OpenAPI document of all routes.

It is generated from the routes and their decorators, such as `@validated` and `@responds`,
so it stays in step with the code.
Source: OpenAPI Specification 3.1.1; OWASP API Security Top 10, API9:2023.
"""

import json
import re
from collections import ChainMap
from collections.abc import Iterator
from dataclasses import replace

from flask import Blueprint, Flask, Response, current_app
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from secure_flask.auth import route_table, tokens
from secure_flask.auth.access import public
from secure_flask.auth.public_endpoints import is_public
from secure_flask.web.responses import (
    REDIRECT,
    Error,
    InvalidBody,
    Json,
    describe,
    is_page,
    responds,
)
from secure_flask.web.view_options import ViewOptions

blueprint = Blueprint("openapi", __name__)

Operation = tuple[str, str, ViewOptions]  # path, method, options of the view

# A variable part of a route, as in `<int:number>`.
_ARGUMENT = re.compile(r"<(?:(\w+)(?:\(([^)]*)\))?:)?(\w+)>")
_TYPES: Json = {
    "float": {"type": "number"},
    "int": {"type": "integer", "minimum": 0},
    "uuid": {"type": "string", "format": "uuid"},
}
_TEXT: Json = {"type": "string", "minLength": 1}


@blueprint.get("/openapi.json")
@responds("application/json")
@public
def show() -> Response:
    # Generated at the first request, so that it does not slow down the start-up.
    if "openapi" not in current_app.extensions:
        current_app.extensions["openapi"] = document(current_app)
    response = Response(current_app.extensions["openapi"], mimetype="application/json")
    response.cache_control.max_age = 5 * 60  # 5 minutes
    return response


def document(app: Flask) -> str:
    """The document in JSON; it omits static files and the methods HEAD and OPTIONS."""
    errors = [429] if app.config["RATE_LIMIT"] else []
    paths: dict[str, Json] = {}
    # In a request context, since the name of the cookie depends on the request.
    with app.test_request_context():
        operations = list(_operations(app))
        references, schemas = _schemas(operations)
        schemes = ChainMap(*tokens.security_schemes("POST"))
        for path, method, options in operations:
            described = describe(options, method, path, *errors) | _inputs(options, method, path)
            if is_page(options) and options.access != "public":
                described["responses"]["303"] = REDIRECT
            paths.setdefault(_ARGUMENT.sub(r"{\3}", path), {})[method.lower()] = described
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
    app.register_blueprint(blueprint)


def _operations(app: Flask) -> Iterator[Operation]:
    for rule, method, options in route_table.operations(app):
        described = method not in (route_table.ANY, "HEAD", "OPTIONS")
        if described and rule.endpoint.rpartition(".")[2] != "static":
            public = is_public(rule.endpoint, options)
            yield rule.rule, method, replace(options, access="public") if public else options


def _schemas(operations: list[Operation]) -> tuple[dict[type, Json], Json]:
    """A reference to the schema of each model, and the schemas by name."""
    contents = [content for *_, each in operations for content in (each.consumes, each.responds)]
    declared = [model for content in contents if content for model in content.values() if model]
    # Deduplicated by a dict, which keeps the order, so that the document never changes.
    models: dict[type[BaseModel], None] = dict.fromkeys([Error, InvalidBody, *declared])
    references, definitions = models_json_schema(
        [(model, "validation") for model in models],
        ref_template="#/components/schemas/{model}",
    )
    return {model: reference for (model, _), reference in references.items()}, definitions["$defs"]


def _inputs(options: ViewOptions, method: str, path: str) -> Json:
    inputs: Json = {}
    arguments = _ARGUMENT.findall(path)
    if arguments:
        inputs["parameters"] = [_parameter(*argument) for argument in arguments]
    if options.access != "public":
        # OpenAPI 3.1.1, "Security Requirement Object": a list of the roles that are required.
        kinds = tokens.security_schemes(method)
        inputs["security"] = [{name: [*options.roles] for name in schemes} for schemes in kinds]
    return inputs


def _parameter(converter: str, arguments: str, name: str) -> Json:
    schema = _TYPES.get(converter, _TEXT)
    if converter == "any":
        schema = {"enum": [each.strip(" '\"") for each in arguments.split(",")]}
    return {"name": name, "in": "path", "required": True, "schema": schema}
