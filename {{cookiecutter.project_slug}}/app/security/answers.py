"""What a view takes and answers: said beside it, or read off the marks of its decorators.

`@login_required` marks a view that may answer 401, and so on; what the view itself
decides, `@answers` says. Source: OpenAPI Specification 3.1.1, "Responses Object".
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict

from app.security.csrf import SAFE_METHODS, SENT_BY_FORMS

View = TypeVar("View", bound=Callable[..., Any])
# Models by media type; None where no model says more.
Content = dict[str, type[BaseModel] | None]
Json = dict[str, Any]

HEADERS_OF_ERRORS = {401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}


class Answer(BaseModel):
    """The base of every model of an answer: these members and no other."""

    model_config = ConfigDict(extra="forbid")


class Error(Answer):
    error: str


def answers(
    body: type[Answer] | str | None, *errors: int, status: int = 200
) -> Callable[[View], View]:
    """Say what a view answers: `@answers(Me)`, `@answers("text/plain", 503)`, `@answers(None)`.

    None stands for 204, an answer without a body.
    """
    good: Content = {}
    if body:
        good = {body: None} if isinstance(body, str) else {"application/json": body}

    def decorate(view: Any) -> Any:
        view.answers, view.status, view.errors = good, status if good else 204, errors
        return view

    return decorate


def takes(*media_types: str) -> Callable[[View], View]:
    """Say which types of body a view reads by itself: `@takes("application/octet-stream")`.

    :raises ValueError: for a type that a plain form of any site can send. See csrf.py.
    """
    for media_type in SENT_BY_FORMS.intersection(media_types):
        raise ValueError(
            f"@takes({media_type!r}): a form of any site can send that. Let a script of the page "
            'send JSON, or a file as "application/octet-stream"; see README.md, "A form".'
        )

    def decorate(view: Any) -> Any:
        view.takes = dict.fromkeys(media_types)
        return view

    return decorate


def describe(view: Any, method: str, path: str, *errors: int) -> Json:
    """The OpenAPI description of what a view takes and answers, with models for schemas.

    `errors` are those that any view may answer.
    """
    statuses = sorted({*_errors(view, method, path), *errors})
    refused = {str(status): _refusal(status) for status in statuses}
    described: Json = {"responses": _success(view) | refused}
    if hasattr(view, "takes"):
        described["requestBody"] = {"required": True, "content": _content(view.takes)}
    return described


def _errors(view: Any, method: str, path: str) -> set[int]:
    body, login = hasattr(view, "takes"), hasattr(view, "login_required")
    write = method not in SAFE_METHODS
    happens = {
        400: body or not hasattr(view, "is_probe"),  # an unknown Host
        401: login,
        403: write and not hasattr(view, "csrf_exempt"),
        404: "<" in path,
        413: body,
        415: write,
        429: hasattr(view, "limited"),
        503: login,  # without the database
    }
    return {*getattr(view, "errors", ()), *(status for status, may in happens.items() if may)}


def _success(view: Any) -> Json:
    if not hasattr(view, "answers"):
        return {"default": {"description": "Not described"}}
    content = {"content": _content(view.answers)} if view.answers else {}
    return {str(view.status): {"description": HTTPStatus(view.status).phrase} | content}


def _refusal(status: int) -> Json:
    content = _content({"application/json": Error})
    refusal: Json = {"description": HTTPStatus(status).phrase, "content": content}
    if status in HEADERS_OF_ERRORS:
        header = {"required": True, "schema": {"type": "string"}}
        refusal["headers"] = {HEADERS_OF_ERRORS[status]: header}
    return refusal


def _content(content: Content) -> Json:
    return {kind: {"schema": model} if model else {} for kind, model in content.items()}
