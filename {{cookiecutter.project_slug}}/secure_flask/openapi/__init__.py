"""`GET /openapi.json`: the OpenAPI document of all routes.

It is generated from the routes, their decorators such as `@validated` and `@responds`, and the
docstrings of the views, so it stays in step with the code. Each method of each route is described:
what it takes, what it answers, who may call it. Client generators name their functions from its
operation ids, tags and summaries.
Source: OpenAPI Specification 3.1.1; OWASP API Security Top 10, API9:2023.
"""

import json
import re
from collections import ChainMap, Counter
from collections.abc import Container, Iterator
from http import HTTPStatus
from inspect import cleandoc
from itertools import chain, count
from typing import Any, NamedTuple

from flask import Blueprint, Flask, Response, current_app
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from secure_flask.auth import route_table, tokens
from secure_flask.auth.access import is_public, login_required, public
from secure_flask.auth.users import ACCOUNT_RULES
from secure_flask.openapi.parameters import parameters_of_path, parameters_of_query
from secure_flask.state import StateKey, app_state
from secure_flask.web.csrf import FORM_TYPES, SAFE_METHODS
from secure_flask.web.error_bodies import shape_of
from secure_flask.web.responses import (
    LoginResponse,
    ResponseBody,
    SecondFactorRequired,
    model_of,
    responds,
)
from secure_flask.web.view_options import Content, ViewOptions, written_view

Json = dict[str, object]

_ARGUMENT = re.compile(r"<(?:\w+(?:\([^)]*\))?:)?(\w+)>")  # as in `<int:number>`
_HEADERS = {303: "Location", 401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}
# A description ends before `:raises …`, which is for callers of the view, not of the route.
_FIELDS = re.compile(r"^:\w", re.MULTILINE)
# "no. 5" and "e.g. this" end no sentence.
_END_OF_SENTENCE = re.compile(r"(?<=[.!?])\s+(?![a-z0-9])|\n\s*\n")
# Source: OpenAPI Specification 3.1.1, "Path Item Object". A HEAD is a GET.
_METHODS = frozenset({"GET", "PUT", "POST", "DELETE", "PATCH", "TRACE"})

# The document of an app, made at the first request for it.
_DOCUMENT = StateKey[str]("OpenAPI document")


class Error(ResponseBody):
    """An error as a program gets it; a browser gets a page."""

    error: str
    fields: dict[str, str] | None = None  # what is wrong with each member of a JSON body
    hint: str | None = None  # in development, what the developer can do
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

    @property
    def takes_form(self) -> bool:
        return self.takes_body and not set(FORM_TYPES).isdisjoint(self.options.consumes or {})

    @property
    def takes_login(self) -> bool:
        """Whether a login counts, where it is optional too."""
        return not (self.public and (self.options.csrf_exempt or self.options.probe))

    @property
    def has_model(self) -> bool:
        """Whether a model may refuse the query or the body."""
        of_body = self.takes_body and any((self.options.consumes or {}).values())
        return of_body or self.options.query is not None


def document(app: Flask) -> str:
    """The document in JSON; it omits static files, HEAD, OPTIONS and what OpenAPI cannot name."""
    # This needs a request context, since the name of the cookie depends on the request.
    with app.test_request_context():
        described = describe_operations(app)
        kinds = tokens.security_schemes()
        schemes = ChainMap(*kinds, tokens.key_scheme() if kinds else {})
    about = {
        "openapi": "3.1.0",
        "info": _info(app),
        "servers": [{"url": _server_url(app)}],
        "tags": [{"name": tag} for tag in described.tags],
        "paths": described.paths,
        "components": {"schemas": described.schemas, "securitySchemes": dict(schemes)},
    }
    return json.dumps(about, default=described.references.__getitem__)


def init_app(app: Flask) -> None:
    blueprint = Blueprint("secure_flask_openapi", __name__)

    @blueprint.get("/openapi.json")
    @responds("application/json")
    @(public if app.config["PUBLIC_OPENAPI"] else login_required)
    def show() -> Response:
        """Describe all routes in OpenAPI."""
        # The first request generates the document, so that it does not slow down the start.
        state = app_state(app)
        if _DOCUMENT not in state:
            state[_DOCUMENT] = document(app)
        response = Response(state[_DOCUMENT], mimetype="application/json")
        response.cache_control.max_age = 5 * 60  # seconds
        return response

    app.register_blueprint(blueprint)


def describe_operations(app: Flask) -> Described:
    """All operations, in a request context of the app."""
    operations = list(_operations(app))
    ids = operation_ids([(each.endpoint, each.method, each.path) for each in operations])
    paths: dict[str, Json] = {}
    for operation, operation_id in zip(operations, ids, strict=True):
        path = _ARGUMENT.sub(r"{\1}", operation.path)
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
    """The first sentence of the view's docstring, and the others but for fields such as `:raises`.

    Without a docstring the summary is made of the endpoint: `api.create_task` is "Create task".
    """
    view: Any = written_view(app.view_functions.get(endpoint), method)
    # The docstring of another object, such as a partial, describes only its class.
    documented = isinstance(view, type) or hasattr(view, "__code__")
    docstring = cleandoc((view.__doc__ if documented else "") or "")
    text = _FIELDS.split(docstring, maxsplit=1)[0]
    first, *others = _END_OF_SENTENCE.split(text, maxsplit=1)
    name = endpoint.rpartition(".")[2].replace("_", " ").strip() or endpoint
    return " ".join(first.split()) or name[:1].upper() + name[1:], "".join(others).strip()


def _operations(app: Flask) -> Iterator[_Operation]:
    for rule, method, options in route_table.route_operations(app):
        if method in _METHODS and rule.endpoint.rpartition(".")[2] != "static":
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
    shapes = [shape.model for each in operations if (shape := shape_of(each.path))]
    # A dict removes duplicates and keeps the order, so that the document never changes.
    models: dict[type[BaseModel], None] = dict.fromkeys([Error, *shapes, *map(model_of, declared)])
    if asks := LoginResponse in models and ACCOUNT_RULES in app_state(current_app):
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
    described: Json = {"responses": {**_success(operation), **_refusals(operation)}}
    if operation.takes_body:
        described["requestBody"] = _request_body(options.consumes or {})
    if parameters := _parameters(operation):
        described["parameters"] = parameters
    # An empty list would say that no login is needed.
    if security := _security(operation):
        described["security"] = security
    return described


def _security(operation: _Operation) -> list[Json]:
    """The kinds of a login, one of which is enough, with the roles that are required.

    An empty kind comes first where a login is optional.
    Source: OpenAPI Specification 3.1.1, "Security Requirement Object".
    """
    kinds = tokens.security_schemes() if operation.takes_login else []
    if kinds and operation.public:
        kinds = [{}, *kinds]
    elif kinds and operation.options.takes_key(operation.method):
        kinds = [*kinds, tokens.key_scheme()]
    return [{name: [*operation.options.roles] for name in kind} for kind in kinds]


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
        429: bool(options.limited or current_app.config["RATE_LIMIT"]) or options.takes_key(method),
        503: operation.takes_login,  # without the database
    }
    of_model = [current_app.config["INVALID_STATUS"]] if operation.has_model else []
    of_request = [status for status, applies in possible.items() if applies]
    return sorted({*options.errors, *of_model, *of_request})


def _refusals(operation: _Operation) -> Json:
    shape = shape_of(operation.path)
    content: Content = {shape.media_type: shape.model} if shape else {"application/json": Error}
    # The page of a form and a model may refuse by the same status.
    contents = {422: {"text/html": None, **content}} if operation.takes_form else {}
    return {
        str(status): _response(status, contents.get(status, content) if status >= 400 else {})
        for status in _errors(operation)
    }


def _success(operation: _Operation) -> Json:
    options = operation.options
    if options.responds is None:
        unknown = {"description": "Not described"}
        # Linters demand a success of each operation, and `default` does not count as one.
        return {"2XX": unknown, "default": unknown}
    success: Json = {
        str(status): _response(status, content) for status, content in options.responds.items()
    }
    if operation.takes_form:
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


def _parameters(operation: _Operation) -> list[Json]:
    of_path = parameters_of_path(operation.path, current_app.url_map.converters)
    query = operation.options.query
    return of_path + (parameters_of_query(query) if query else [])


def _ascii(text: str, kept: str = "") -> str:
    """Letters, digits and underscores, which every generator takes."""
    # The escapes keep two names of another script different.
    escaped = text.encode("ascii", "backslashreplace").decode()
    return re.sub(f"[^A-Za-z0-9{kept}]+", "_", escaped).strip("_") or "root"


def _unused(wanted: str, taken: Container[str]) -> str:
    numbered = (f"{wanted}.{number}" for number in count(2))
    return next(each for each in chain([wanted], numbered) if each not in taken)


def _info(app: Flask) -> dict[str, object]:
    contact = app.config["SECURITY_CONTACT"]
    kind = "url" if contact.startswith("https://") else "email"
    info = {
        "title": app.config["PROJECT_NAME"],
        "description": app.config["DESCRIPTION"],
        "contact": {"name": app.config["PROJECT_NAME"], kind: contact},
        # OpenAPI requires a version of the document. This one reveals no software version.
        "version": "1",
    }
    return {name: value for name, value in info.items() if value}


def _server_url(app: Flask) -> str:
    """The configured address of the app, or else a path, relative to the document's address."""
    origin = app.config.get("PUBLIC_URL") or ""
    if not origin and app.config["SERVER_NAME"]:
        origin = f"{app.config['PREFERRED_URL_SCHEME']}://{app.config['SERVER_NAME']}"
    return origin + app.config["APPLICATION_ROOT"].rstrip("/") or "/"
