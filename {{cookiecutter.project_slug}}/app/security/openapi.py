"""`GET /openapi.json`: every route, what it takes and what it answers, for programs.

It is read off the app itself: the routes, the models of `@validated` and `@answers`,
and the marks of what refuses requests. So it says what the code does.
Source: OpenAPI Specification 3.1.1; OWASP API Security Top 10, API9:2023.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Flask, Response, current_app
from pydantic.json_schema import models_json_schema

from app.auth import tokens
from app.security import cookies
from app.security.answers import Error, Json, answers, describe
from app.security.csrf import SAFE_METHODS

blueprint = Blueprint("openapi", __name__)

Operation = tuple[str, str, Any]  # path, method, view

# An argument of a route, as in `<int:number>`.
_ARGUMENT = re.compile(r"<(?:(\w+)(?:\([^)]*\))?:)?(\w+)>")
_TYPES: Json = {
    "float": {"type": "number"},
    "int": {"type": "integer", "minimum": 0},
    "uuid": {"type": "string", "format": "uuid"},
}
_TEXT: Json = {"type": "string", "minLength": 1}


@blueprint.get("/openapi.json")
@answers("application/json")
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
    schemes = _security_schemes(app)
    errors = [429] if app.config["RATE_LIMIT"] else []
    paths: dict[str, Json] = {}
    for path, method, view in operations:
        described = describe(view, method, path, *errors) | _demands(view, method, path, schemes)
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
                yield rule.rule, method, app.view_functions[rule.endpoint]


def _schemas(operations: list[Operation]) -> tuple[dict[type, Json], Json]:
    """A reference to the schema of each model, and the schemas by name."""
    contents = (getattr(view, side, {}) for *_, view in operations for side in ("takes", "answers"))
    # A dict keeps the order, so that the document is the same at each start.
    models = dict.fromkeys(model for content in contents for model in content.values() if model)
    references, definitions = models_json_schema(
        [(model, "validation") for model in {Error: None, **models}],
        ref_template="#/components/schemas/{model}",
    )
    return {model: reference for (model, _), reference in references.items()}, definitions["$defs"]


def _demands(view: Any, method: str, path: str, schemes: Json) -> Json:
    demands: Json = {}
    arguments = _ARGUMENT.findall(path)
    if arguments:
        demands["parameters"] = [_parameter(*argument) for argument in arguments]
    if hasattr(view, "login_required"):
        needed = [name for name in schemes if name != "csrf" or method not in SAFE_METHODS]
        demands["security"] = [{name: [] for name in needed}]
    return demands


def _parameter(converter: str, name: str) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": _TYPES.get(converter, _TEXT)}


def _security_schemes(app: Flask) -> Json:
    if not tokens.COOKIE:
        return {"bearer": {"type": "http", "scheme": "bearer"}}
    with app.test_request_context():
        cookie = cookies.name_of("session")
    return {
        "cookie": {"type": "apiKey", "in": "cookie", "name": cookie},
        "csrf": {"type": "apiKey", "in": "header", "name": tokens.HEADER},
    }
