"""Describes the request and the responses of a view for the OpenAPI document.

Much of it follows from other decorators: `@login_required` implies a 401. `@responds`
declares the rest. Source: OpenAPI Specification 3.1.1, "Responses Object".
"""

from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ConfigDict

from app.security.csrf import SAFE_METHODS, SENT_BY_FORMS
from app.security.view_options import FORM_TYPES, Content, Decorated, ViewOptions, add_options

Json = dict[str, Any]

HEADERS_OF_ERRORS = {401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}


class ResponseBody(BaseModel):
    """The base class of response models, which allow no undeclared members."""

    model_config = ConfigDict(extra="forbid")


class Error(ResponseBody):
    error: str
    fields: dict[str, str] = {}  # what is wrong with each member of a JSON body


def responds(
    body: type[ResponseBody] | str | None, *errors: int, status: int = 200
) -> Callable[[Decorated], Decorated]:
    """Declare a view's responses: `@responds(Me)`, `@responds("text/plain", 503)`, `@responds(None)`.

    `None` declares 204, a response without a body.
    """
    content: Content = {}
    if body:
        content = {body: None} if isinstance(body, str) else {"application/json": body}
    status = status if content else 204
    return lambda view: add_options(view, responds=content, status=status, errors=errors)


def consumes(*media_types: str, max_size: int | None = None) -> Callable[[Decorated], Decorated]:
    """Declare the body types that a view reads itself: `@consumes("application/octet-stream")`.

    `max_size` is in bytes.

    :raises ValueError: for a type that a form on any site can send; see csrf.py.
    """
    for media_type in SENT_BY_FORMS.intersection(media_types):
        raise ValueError(
            f"@consumes({media_type!r}): a form of any site can send that. Write @consumes_form, "
            "which checks where a form comes from; see docs/how-to/forms.md."
        )
    options = {"consumes": dict.fromkeys(media_types), "max_size": max_size}
    return lambda view: add_options(view, **options)


def describe(options: ViewOptions, method: str, path: str, *errors: int) -> Json:
    """The OpenAPI operation of a view, with models in place of schemas.

    `errors` are the statuses that any view may return.
    """
    if method in SAFE_METHODS:
        # One view may show a form and take it.
        options = replace(options, consumes=None)
    statuses = sorted({*_errors(options, method, path), *errors})
    refused = {str(status): _error(status) for status in statuses}
    described: Json = {"responses": _success(options) | _after_form(options) | refused}
    if options.consumes is not None:
        described["requestBody"] = {"required": True, "content": _content(options.consumes)}
    return described


def _errors(options: ViewOptions, method: str, path: str) -> set[int]:
    body, write = options.consumes is not None, method not in SAFE_METHODS
    possible = {
        400: body or not options.probe,  # an unknown Host
        401: options.access != "public",
        403: write and not options.csrf_exempt,
        404: "<" in path,
        413: body,
        415: write,
        429: options.limited is not None,
        503: options.access != "public",  # without the database
    }
    return {*options.errors, *(status for status, applies in possible.items() if applies)}


def _success(options: ViewOptions) -> Json:
    if options.responds is None:
        return {"default": {"description": "Not described"}}
    content = {"content": _content(options.responds)} if options.responds else {}
    return {str(options.status): {"description": HTTPStatus(options.status).phrase} | content}


def _after_form(options: ViewOptions) -> Json:
    """Another page follows a form, or the form again with its errors."""
    if not set(FORM_TYPES).intersection(options.consumes or ()):
        return {}
    again = {"description": "Unprocessable Content", "content": {"text/html": {}}}
    return {"303": {"description": "See Other"}, "422": again}


def _error(status: int) -> Json:
    content = _content({"application/json": Error})
    described: Json = {"description": HTTPStatus(status).phrase, "content": content}
    if status in HEADERS_OF_ERRORS:
        header = {"required": True, "schema": {"type": "string"}}
        described["headers"] = {HEADERS_OF_ERRORS[status]: header}
    return described


def _content(content: Content) -> Json:
    return {kind: {"schema": model} if model else {} for kind, model in content.items()}
