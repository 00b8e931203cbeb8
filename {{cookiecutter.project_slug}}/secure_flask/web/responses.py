"""Describes the request and the responses of a view for the OpenAPI document.

Much of it follows from other decorators: `@login_required` implies a 401. `@responds`
declares the rest. Source: OpenAPI Specification 3.1.1, "Responses Object".
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ConfigDict
from secure_flask.web.csrf import SAFE_METHODS, SENT_BY_FORMS
from secure_flask.web.view_options import FORM_TYPES, Content, Decorated, ViewOptions, add_options

Json = dict[str, Any]

HEADERS_OF_ERRORS = {401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}
_REQUIRED_TEXT: Json = {"required": True, "schema": {"type": "string"}}
REDIRECT: Json = {"description": "See Other", "headers": {"Location": _REQUIRED_TEXT}}
PAGE = "text/html"


class ResponseBody(BaseModel):
    """The base class of response models, which allow no undeclared members."""

    model_config = ConfigDict(extra="forbid")


class Error(ResponseBody):
    error: str


class InvalidBody(Error):
    fields: dict[str, str] = {}  # what is wrong with each member


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
            "which checks where a form comes from; see docs/pages-and-forms.md."
        )
    options = {"consumes": dict.fromkeys(media_types), "max_size": max_size}
    return lambda view: add_options(view, **options)


def is_page(options: ViewOptions) -> bool:
    """Whether people see this view in a browser: it responds with HTML, or consumes forms."""
    return PAGE in (options.responds or {}) or _takes_forms(options)


def describe(options: ViewOptions, method: str, path: str, *errors: int) -> Json:
    """The OpenAPI operation of a view, with models in place of schemas.

    `errors` are the statuses that any view may return.
    """
    statuses = sorted({*_errors(options, method, path), *errors})
    refused = {str(status): _error(status, options) for status in statuses}
    described: Json = {"responses": _success(options) | _after_form(options, method) | refused}
    if _has_body(options, method):
        consumes = options.consumes or {}
        # A form without a field of its own, such as a single button, may be sent without a body.
        required = any(consumes.values()) or not _takes_forms(options)
        described["requestBody"] = {"required": required, "content": _content(consumes)}
    return described


def _takes_forms(options: ViewOptions) -> bool:
    return not set(FORM_TYPES).isdisjoint(options.consumes or {})


def _has_body(options: ViewOptions, method: str) -> bool:
    return options.consumes is not None and method not in SAFE_METHODS


def _errors(options: ViewOptions, method: str, path: str) -> set[int]:
    body, write = _has_body(options, method), method not in SAFE_METHODS
    possible = {
        400: body or not options.probe,  # an unknown Host
        401: options.access != "public",
        403: (write and not options.csrf_exempt) or bool(options.roles),
        404: "<" in path,
        413: body,
        415: write,
        429: options.limited is not None,
        # Without the database; a page that everybody may open looks for a login too.
        503: options.access != "public" or is_page(options),
    }
    return {*options.errors, *(status for status, applies in possible.items() if applies)}


def _success(options: ViewOptions) -> Json:
    if options.responds is None:
        return {"default": {"description": "Not described"}}
    content = {"content": _content(options.responds)} if options.responds else {}
    redirect = REDIRECT if options.status == 303 else {}
    described = {"description": HTTPStatus(options.status).phrase} | content | redirect
    return {str(options.status): described}


def _after_form(options: ViewOptions, method: str) -> Json:
    """The responses to a form: a redirect once it is done, else its page with the errors."""
    if not (_has_body(options, method) and _takes_forms(options)):
        return {}
    page = {"description": HTTPStatus(422).phrase, "content": _content({PAGE: None})}
    return {"303": REDIRECT, "422": page}


def _error(status: int, options: ViewOptions) -> Json:
    # A view that checks credentials explains a 400 only where it names that status itself.
    explained = not options.credentials or 400 in options.errors
    invalid = status == 400 and any((options.consumes or {}).values()) and explained
    models: Content = {"application/json": InvalidBody if invalid else Error}
    pages: Content = {PAGE: None} if is_page(options) else {}
    content = _content({**models, **pages})
    described: Json = {"description": HTTPStatus(status).phrase, "content": content}
    if status in HEADERS_OF_ERRORS:
        described["headers"] = {HEADERS_OF_ERRORS[status]: _REQUIRED_TEXT}
    return described


def _content(content: Content) -> Json:
    return {kind: _media_type(kind, model) for kind, model in content.items()}


def _media_type(kind: str, model: type[BaseModel] | None) -> Json:
    if kind in FORM_TYPES:
        return {"schema": {"type": "object"}}
    return {"schema": model} if model else {}
