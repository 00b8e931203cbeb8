"""`GET /openapi.json`: every route, what it takes and what it answers, for programs.

It is read off the app itself: the routes, the models of `@validated` and `@responds`,
and what other decorators say. So it says what the code does.
Source: OpenAPI Specification 3.1.1; OWASP API Security Top 10, API9:2023.
"""

import json
import re
from collections.abc import Iterator

from flask import Blueprint, Flask, Response, current_app
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.auth import tokens
from app.security.responses import Error, Json, describe, responds
from app.security.view_options import ViewOptions, options_of

blueprint = Blueprint("openapi", __name__)

Operation = tuple[str, str, ViewOptions]  # path, method, what its decorators say

# An argument of a route, as in `<int:number>`.
_ARGUMENT = re.compile(r"<(?:(\w+)(?:\([^)]*\))?:)?(\w+)>")
_TYPES: Json = {
    "float": {"type": "number"},
    "int": {"type": "integer", "minimum": 0},
    "uuid": {"type": "string", "format": "uuid"},
}
_TEXT: Json = {"type": "string", "minLength": 1}


@blueprint.get("/openapi.json")
@responds("application/json")
def show() -> Response:
    # Read off once, when somebody asks: no command and no test waits for it at the start.
    if "openapi" not in current_app.extensions:
        current_app.extensions["openapi"] = document(current_app)
    answer = Response(current_app.extensions["openapi"], mimetype="application/json")
    answer.cache_control.max_age = 5 * 60  # 5 minutes
    return answer


def document(app: Flask) -> str:
    """Describe each route but static files, by each method but HEAD and OPTIONS, in JSON."""
    operations = list(_operations(app))
    references, schemas = _schemas(operations)
    errors = [429] if app.config["RATE_LIMIT"] else []
    paths: dict[str, Json] = {}
    # The name of a cookie depends on how a request came.
    with app.test_request_context():
        schemes = tokens.security_schemes("POST")
        for path, method, options in operations:
            described = describe(options, method, path, *errors) | _demands(options, method, path)
            paths.setdefault(_ARGUMENT.sub(r"{\2}", path), {})[method.lower()] = described
    about = {
        "openapi": "3.1.0",
        "info": {
            "title": app.config["PROJECT_NAME"],
            "description": app.config["DESCRIPTION"],
            # Compulsory; it is the document's own and tells of no software.
            "version": "1",
        },
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": schemes},
    }
    return json.dumps(about, default=references.__getitem__)


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)


def _operations(app: Flask) -> Iterator[Operation]:
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if rule.endpoint.rpartition(".")[2] != "static":
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield rule.rule, method, options_of(app.view_functions[rule.endpoint], method)


def _schemas(operations: list[Operation]) -> tuple[dict[type, Json], Json]:
    """A reference to the schema of each model, and the schemas by name."""
    contents = [side for *_, each in operations for side in (each.consumes, each.responds)]
    named = [model for content in contents if content for model in content.values() if model]
    # A dict keeps the order, so that the document is the same at each start.
    models: dict[type[BaseModel], None] = dict.fromkeys([Error, *named])
    references, definitions = models_json_schema(
        [(model, "validation") for model in models],
        ref_template="#/components/schemas/{model}",
    )
    return {model: reference for (model, _), reference in references.items()}, definitions["$defs"]


def _demands(options: ViewOptions, method: str, path: str) -> Json:
    demands: Json = {}
    arguments = _ARGUMENT.findall(path)
    if arguments:
        demands["parameters"] = [_parameter(*argument) for argument in arguments]
    if options.login_required:
        demands["security"] = [{name: [] for name in tokens.security_schemes(method)}]
    return demands


def _parameter(converter: str, name: str) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": _TYPES.get(converter, _TEXT)}
