"""Describes each method of each route: what it takes, what it answers, who may call it.

Client generators name their functions from its operation ids, tags and summaries.
Source: OpenAPI Specification 3.1.1.
"""

import re
from collections import Counter
from collections.abc import Container, Iterator
from http import HTTPStatus
from inspect import cleandoc
from typing import Any, NamedTuple

from flask import Flask, current_app
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from secure_flask.auth import route_table, tokens
from secure_flask.auth.access import is_public
from secure_flask.auth.authentication import SECOND_FACTOR
from secure_flask.state import app_state
from secure_flask.web.csrf import SAFE_METHODS
from secure_flask.web.form_types import FORM_TYPES
from secure_flask.web.responses import (
    LoginResponse,
    ResponseBody,
    SecondFactorRequired,
    model_of,
)
from secure_flask.web.view_options import Content, ViewOptions, written_view

Json = dict[str, object]

_ARGUMENT = re.compile(r"<(?:(\w+)(?:\([^)]*\))?:)?(\w+)>")  # as in `<int:number>`
_TYPES: Json = {
    "float": {"type": "number"},
    "int": {"type": "integer", "minimum": 0},
    "uuid": {"type": "string", "format": "uuid"},
}
_HEADERS = {303: "Location", 401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}


# A description ends before `:raises …`, which is for callers of the view, not of the route.
_FIELDS = re.compile(r"^:\w", re.MULTILINE)


class Error(ResponseBody):
    """Each error as a program gets it; a browser gets a page."""

    error: str
    fields: dict[str, str] | None = None  # what is wrong with each member of a JSON body
    unknown: bool | None = None  # true if no user has the passkey, so its device may forget it


class Described(NamedTuple):
    """The operations, with models in place of schemas, and what they refer to."""

    paths: dict[str, Json]
    tags: list[str]
    schemas: Json
    references: dict[type, Json]


class _Operation(NamedTuple):
    endpoint: str
    path: str  # as Flask writes it
    method: str
    options: ViewOptions
    public: bool

    @property
    def takes_body(self) -> bool:
        return self.options.consumes is not None and self.method not in SAFE_METHODS


def describe_operations(app: Flask) -> Described:
    """All operations, in a request context of the app."""
    operations = list(_operations(app))
    ids = operation_ids([(each.endpoint, each.method, each.path) for each in operations])
    paths: dict[str, Json] = {}
    for operation, operation_id in zip(operations, ids, strict=True):
        path = _ARGUMENT.sub(r"{\2}", operation.path)
        named = _names(app, operation) | {"operationId": operation_id}
        paths.setdefault(path, {})[operation.method.lower()] = named | _describe(operation)
    tags = sorted({tag_of(app, each.endpoint) for each in operations})
    references, schemas = _schemas(operations)
    return Described(paths, tags, schemas, references)


def operation_ids(operations: list[tuple[str, str, str]]) -> list[str]:
    """A unique id for each endpoint, method and path, from these alone.

    It is the endpoint, as in `api.create_task`. The method follows where the endpoint has several,
    as in `pages.new_task.post`, and the path where that method has several.
    """
    methods = Counter(endpoint for endpoint, _ in {each[:2] for each in operations})
    paths = Counter(each[:2] for each in set(operations))
    ids: dict[str, None] = {}  # in order
    for endpoint, method, path in operations:
        wanted = _ascii(endpoint, ".")
        if methods[endpoint] > 1:
            wanted += f".{method.lower()}"
        if paths[endpoint, method] > 1:
            wanted += f".{_ascii(path)}"
        ids[_unused(wanted, ids)] = None
    return list(ids)


def tag_of(app: Flask, endpoint: str) -> str:
    """The name of the view's blueprint, as in `api`; that of the app for a view without one."""
    return endpoint.rpartition(".")[0] or app.name


def summary_and_description(app: Flask, endpoint: str, method: str) -> tuple[str, str]:
    """The first line of the view's docstring, and the others but for fields such as `:raises`.

    Without a docstring the summary is made of the endpoint: `api.create_task` is "Create task".
    """
    view: Any = written_view(app.view_functions.get(endpoint), method)
    # The docstring of another object, such as a partial, describes only its class.
    documented = isinstance(view, type) or hasattr(view, "__code__")
    docstring = cleandoc((view.__doc__ if documented else "") or "")
    first, _, others = _FIELDS.split(docstring, maxsplit=1)[0].partition("\n")
    name = endpoint.rpartition(".")[2].replace("_", " ").strip() or endpoint
    return first.strip() or name[:1].upper() + name[1:], others.strip()


def _operations(app: Flask) -> Iterator[_Operation]:
    for rule, method, options in route_table.route_operations(app):
        described = method not in (route_table.ANY_METHOD, "HEAD", "OPTIONS")
        if described and rule.endpoint.rpartition(".")[2] != "static":
            public = is_public(rule.endpoint, options)
            yield _Operation(rule.endpoint, rule.rule, method, options, public)


def _names(app: Flask, operation: _Operation) -> Json:
    summary, details = summary_and_description(app, operation.endpoint, operation.method)
    who = route_table.who_may_call(operation.endpoint, operation.options)
    return {
        "tags": [tag_of(app, operation.endpoint)],
        "summary": summary,
        "description": f"{details}\n\nMay be called by {who}.".lstrip(),
    }


def _schemas(operations: list[_Operation]) -> tuple[dict[type, Json], Json]:
    """A reference to the schema of each model, and the schemas by name."""
    every = [each.options for each in operations]
    contents = [
        content for each in every for content in (each.consumes, *(each.responds or {}).values())
    ]
    declared = [model for content in contents if content for model in content.values() if model]
    # A dict removes duplicates and keeps the order, so that the document never changes.
    models: dict[type[BaseModel], None] = dict.fromkeys([Error, *map(model_of, declared)])
    if asks := LoginResponse in models and SECOND_FACTOR in app_state(current_app):
        models[SecondFactorRequired] = None
    found, definitions = models_json_schema(
        # Only what is sent has computed members.
        [
            (each, "serialization" if issubclass(each, ResponseBody) else "validation")
            for each in models
        ],
        ref_template="#/components/schemas/{model}",
    )
    references: dict[type, Json] = {model: reference for (model, _), reference in found.items()}
    if asks:
        either = [references[LoginResponse], references[SecondFactorRequired]]
        references[LoginResponse] = {"anyOf": either}
    return references, definitions["$defs"]


def _describe(operation: _Operation) -> Json:
    """What an operation takes and answers, with models in place of schemas."""
    options = operation.options
    refused = {
        str(status): _response(status, {"application/json": Error} if status >= 400 else {})
        for status in _errors(operation)
    }
    described: Json = {"responses": {**_success(operation), **refused}}
    if operation.takes_body:
        described["requestBody"] = _request_body(options.consumes or {})
    if arguments := _ARGUMENT.findall(operation.path):
        described["parameters"] = [_parameter(*argument) for argument in arguments]
    kinds = tokens.security_schemes()
    # An empty list would say that no login is needed.
    if kinds and not operation.public:
        # OpenAPI 3.1.1, "Security Requirement Object": a list of the roles that are required.
        if options.takes_key(operation.method):
            kinds = [*kinds, tokens.key_scheme()]
        described["security"] = [{name: [*options.roles] for name in kind} for kind in kinds]
    return described


def _request_body(consumes: Content) -> Json:
    # A form without fields has no body.
    only_files = set(FORM_TYPES).isdisjoint(consumes)
    return {"required": only_files or any(consumes.values()), "content": _content(consumes)}


def _errors(operation: _Operation) -> list[int]:
    _, path, method, options, public = operation
    write = method not in SAFE_METHODS
    possible = {
        400: operation.takes_body or not options.probe,  # an unknown Host
        401: not public,
        403: (write and not options.csrf_exempt) or bool(options.roles),
        404: "<" in path,
        413: operation.takes_body,
        415: write,
        429: bool(options.limited or current_app.config["RATE_LIMIT"]),
        503: not public,  # without the database
    }
    return sorted({*options.errors, *(status for status, applies in possible.items() if applies)})


def _success(operation: _Operation) -> Json:
    options = operation.options
    if options.responds is None:
        unknown = {"description": "Not described"}
        # Linters demand a success of each operation, and `default` does not count as one.
        return {"2XX": unknown, "default": unknown}
    success: Json = {
        str(status): _response(status, content) for status, content in options.responds.items()
    }
    if operation.takes_body and not set(FORM_TYPES).isdisjoint(options.consumes or {}):
        # A form redirects if it is valid. If not, its page shows the errors.
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
    return {kind: {"schema": _schema(kind, model)} for kind, model in content.items()}


def _schema(media_type: str, declared: Any) -> Any:
    """The schema of a body, with the model in place of its reference."""
    if declared is None:
        return _unmodelled(media_type)
    model = model_of(declared)
    return model if model is declared else {"type": "array", "items": model}


def _unmodelled(media_type: str) -> Json:
    """The schema of a body without a model; generators cannot use a form that may be anything."""
    if media_type in FORM_TYPES:
        return {"type": "object", "additionalProperties": True}
    return {"type": "string"} if media_type.startswith("text/") else {}


def _parameter(converter: str, name: str) -> Json:
    schema = _TYPES.get(converter, {"type": "string", "minLength": 1})
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _ascii(text: str, kept: str = "") -> str:
    """Letters, digits and underscores, which every generator takes."""
    # The escapes keep two names of another script different.
    escaped = text.encode("ascii", "backslashreplace").decode()
    return re.sub(f"[^A-Za-z0-9{kept}]+", "_", escaped).strip("_") or "root"


def _unused(wanted: str, taken: Container[str]) -> str:
    number, found = 2, wanted
    while found in taken:
        number, found = number + 1, f"{wanted}.{number}"
    return found
