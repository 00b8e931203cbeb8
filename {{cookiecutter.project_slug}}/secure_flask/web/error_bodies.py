"""Gives errors below a path, such as `/api`, the shape that a function of the owner's returns.

The function makes the body alone. It runs without the request, so it sets no status and no header,
and it cannot fail with the database. An error for which it fails keeps the usual body.
Source: RFC 9457, Problem Details for HTTP APIs.
"""

import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextvars import Context
from typing import Any, ClassVar, NamedTuple

from flask import Flask, Response, current_app, request
from pydantic import BaseModel
from secure_flask.state import StateKey, app_state
from secure_flask.web.flask_hooks import call_method
from secure_flask.web.origins import PolicyError
from werkzeug.exceptions import default_exceptions
from werkzeug.http import HTTP_STATUS_CODES

JSON, PROBLEM = "application/json", "application/problem+json"

_MEDIA_TYPE = re.compile(r"application/([a-z0-9.-]+\+)?json")

# It takes the status, the message, and a reason for each wrong member.
ErrorBody = Callable[[int, str, dict[str, str]], BaseModel]


class Problem(BaseModel):
    """An error by RFC 9457. `fields` has the reason for each wrong member of a body or a query."""

    media_type: ClassVar[str] = PROBLEM

    type: str
    title: str
    status: int
    detail: str
    fields: dict[str, str]


class Shape(NamedTuple):
    """The function for the errors below one path, and the model that it returns."""

    function: ErrorBody
    model: type[BaseModel]

    @property
    def media_type(self) -> str:
        """The Content-Type: `media_type` of the model, or JSON."""
        return str(getattr(self.model, "media_type", JSON))

    def dump(self, status: int, message: str, fields: dict[str, str]) -> str:
        """The body of one error.

        :raises Exception: the function fails, or returns something else than its model.
        """
        # An empty context has no request and no response that the function could change.
        body: object = Context().run(self.function, status, message, {**fields})
        if not isinstance(body, self.model):
            raise TypeError(
                f"{_name(self.function)} returned a {type(body).__name__}, "
                f"and says that it returns {self.model.__name__}."
            )
        return body.model_dump_json(by_alias=True)


# The longest path comes first.
_SHAPES = StateKey[dict[str, Shape]]("shapes of errors")


def problem_details(status: int, message: str, fields: dict[str, str]) -> Problem:
    """The body of an error by RFC 9457, as in `problem_details(404, "Not Found", {})`.

    `init_app(…, error_bodies={"/api": problem_details})` gives it to all errors below `/api`.
    `status` is the HTTP status, and `message` says what is wrong. `fields` has a reason for each
    wrong member, by its path.
    """
    title = HTTP_STATUS_CODES.get(status, "Unknown")
    return Problem(type="about:blank", title=title, status=status, detail=message, fields=fields)


def init_app(app: Flask, error_bodies: Mapping[str, ErrorBody]) -> None:
    """
    :raises PolicyError: a path or a function cannot work.
    """
    longest_first = sorted(error_bodies, key=len, reverse=True)
    app_state(app)[_SHAPES] = {path: _shape(path, error_bodies[path]) for path in longest_first}


def shape_of(path: str) -> Shape | None:
    """The shape of errors at a path; None for the usual one."""
    shapes = app_state(current_app).get(_SHAPES) or {}
    return next((shape for prefix, shape in shapes.items() if _is_below(path, prefix)), None)


def shaped_response(status: int, message: str, fields: dict[str, str]) -> Response | None:
    """The body of an error of this request in its own shape; None for the usual one."""
    shape = shape_of(request.path)
    if shape is None:
        return None
    try:
        text = shape.dump(status, message, fields)
    except Exception:
        call_method("log_exception", sys.exc_info())
        return None
    return current_app.response_class(text, mimetype=shape.media_type)


def find_faults(app: Flask) -> Iterator[str]:
    """For each function that fails, its path, its name, the first status, and the error."""
    for path, shape in app_state(app)[_SHAPES].items():
        if fault := _first_fault(shape):
            yield f"{path}: {_name(shape.function)}, {fault}"


def _first_fault(shape: Shape) -> str | None:
    for status in default_exceptions:
        for fields in ({}, {"name": "Required"}):
            try:
                shape.dump(status, "What went wrong", fields)
            except Exception as error:
                return f"status {status}: {type(error).__name__}: {error}"
    return None


def _is_below(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(f"{prefix.rstrip('/')}/")


def _require_path(path: str) -> None:
    """
    :raises PolicyError: no path begins with this text.
    """
    if not path.startswith("/"):
        raise PolicyError(f"error_bodies: {path!r} begins with no slash: write '/{path}'.")
    if path != "/" and path.endswith("/"):
        raise PolicyError(f"error_bodies: {path!r} ends with a slash: write {path[:-1]!r}.")


def _shape(path: str, function: Any) -> Shape:
    """
    :raises PolicyError: the path or the function cannot work.
    """
    _require_path(path)
    if not callable(function):
        raise PolicyError(f"error_bodies: {path!r} needs a function: write its name alone.")
    model = inspect.signature(function, eval_str=True).return_annotation
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise PolicyError(
            f"error_bodies: {_name(function)}: write the model that it returns, as in "
            "`-> OurError`, with `class OurError(ResponseBody)`."
        )
    shape = Shape(function, model)
    # A browser would read another type, such as text/html, as a page.
    if not _MEDIA_TYPE.fullmatch(shape.media_type):
        raise PolicyError(
            f"error_bodies: {model.__name__}.media_type is {shape.media_type!r}: write "
            "application/json, or a type that ends with +json, such as application/problem+json."
        )
    return shape


def _name(function: Any) -> str:
    return f"{function.__module__}.{getattr(function, '__qualname__', repr(function))}"
