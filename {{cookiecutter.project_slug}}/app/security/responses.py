"""What a view takes and answers, for the OpenAPI document.

Its decorators say much of it: with `@login_required` it may answer 401. `@responds` says the
rest. Source: OpenAPI Specification 3.1.1, "Responses Object".
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ConfigDict

from app.security.csrf import SAFE_METHODS, SENT_BY_FORMS
from app.security.view_options import Content, Decorated, ViewOptions, add_options

Json = dict[str, Any]

HEADERS_OF_ERRORS = {401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}


class ResponseBody(BaseModel):
    """The base of every model of a response: these members and no other."""

    model_config = ConfigDict(extra="forbid")


class Error(ResponseBody):
    error: str


def responds(
    body: type[ResponseBody] | str | None, *errors: int, status: int = 200
) -> Callable[[Decorated], Decorated]:
    """Say what a view answers: `@responds(Me)`, `@responds("text/plain", 503)`, `@responds(None)`.

    None stands for 204, an answer without a body.
    """
    good: Content = {}
    if body:
        good = {body: None} if isinstance(body, str) else {"application/json": body}
    status = status if good else 204
    return lambda view: add_options(view, responds=good, status=status, errors=errors)


def consumes(*media_types: str) -> Callable[[Decorated], Decorated]:
    """Say which types of body a view reads by itself: `@consumes("application/octet-stream")`.

    :raises ValueError: for a type that a plain form of any site can send. See csrf.py.
    """
    for media_type in SENT_BY_FORMS.intersection(media_types):
        raise ValueError(
            f"@consumes({media_type!r}): a form of any site can send that. Let a script of the page "
            'send JSON, or a file as "application/octet-stream"; see README.md, "A form".'
        )
    return lambda view: add_options(view, consumes=dict.fromkeys(media_types))


def describe(options: ViewOptions, method: str, path: str, *errors: int) -> Json:
    """The OpenAPI description of what a view takes and answers, with models for schemas.

    `errors` are those that any view may answer.
    """
    statuses = sorted({*_errors(options, method, path), *errors})
    refused = {str(status): _error(status) for status in statuses}
    described: Json = {"responses": _success(options) | refused}
    if options.consumes is not None:
        described["requestBody"] = {"required": True, "content": _content(options.consumes)}
    return described


def _errors(options: ViewOptions, method: str, path: str) -> set[int]:
    body, write = options.consumes is not None, method not in SAFE_METHODS
    happens = {
        400: body or not options.probe,  # an unknown Host
        401: options.login_required,
        403: write and not options.csrf_exempt,
        404: "<" in path,
        413: body,
        415: write,
        429: options.limited,
        503: options.login_required,  # without the database
    }
    return {*options.errors, *(status for status, may in happens.items() if may)}


def _success(options: ViewOptions) -> Json:
    if options.responds is None:
        return {"default": {"description": "Not described"}}
    content = {"content": _content(options.responds)} if options.responds else {}
    return {str(options.status): {"description": HTTPStatus(options.status).phrase} | content}


def _error(status: int) -> Json:
    content = _content({"application/json": Error})
    described: Json = {"description": HTTPStatus(status).phrase, "content": content}
    if status in HEADERS_OF_ERRORS:
        header = {"required": True, "schema": {"type": "string"}}
        described["headers"] = {HEADERS_OF_ERRORS[status]: header}
    return described


def _content(content: Content) -> Json:
    return {kind: {"schema": model} if model else {} for kind, model in content.items()}
