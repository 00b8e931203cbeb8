"""HTML forms, for views that opt in with `@consumes_form`; bodies.py reads them.

A form of any site can send these body types, so csrf.py also requires proof that this site
sent it. In such a view a `FlaskForm` works as usual. Its `csrf_token` is that of the login, so
anonymous visitors need no cookie. Source: OWASP ASVS 3.5.1, 3.5.2, 15.2.2; RFC 7578.
"""

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, overload

import flask
from flask import Flask, current_app, request
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from markupsafe import Markup
from secure_flask.web import bodies
from secure_flask.web.bodies import INVALID
from secure_flask.web.csrf import LoginCSRF, TokenInTemplates, hidden_field
from secure_flask.web.errors import error_response
from secure_flask.web.view_options import (
    FORM_TYPES,
    Decorated,
    add_options,
    options_of,
    view_options,
)
from werkzeug.datastructures import FileStorage
from wtforms import Field, FieldList, Form, FormField, ValidationError

NOT_ONE_LINE = "Contains control characters."


@overload
def consumes_form(view: Decorated) -> Decorated: ...
@overload
def consumes_form(*, max_size: int) -> Callable[[Decorated], Decorated]: ...
def consumes_form(view: Any = None, **limits: int) -> Any:
    """Let forms post to this view: `@consumes_form`, or `@consumes_form(max_size=2**20)` in bytes."""

    def decorate(view: Decorated) -> Decorated:
        return add_options(view, consumes=dict.fromkeys(FORM_TYPES), **limits)

    return decorate(view) if view else decorate


def or_form(handler: Callable[..., ResponseReturnValue]) -> Callable[[Any], Any]:
    """Let `handler` answer where the body is a form; the view below answers JSON.

    A handler that ends at a page, not at a redirect, says so by `@responds("text/html")`.
    """
    page = options_of(handler, "POST").responds

    def decorate(view: Any) -> Any:
        @wraps(view)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            return current_app.ensure_sync(handler if is_form() else view)(*args, **kwargs)

        form = consumes_form(wrapped)
        return add_options(form, responds=page) if page else form

    return decorate


def one_line(form: FlaskForm, field: Field) -> None:
    """Refuse line breaks and tabs in a field, as `PlainText` does in JSON: a WTForms validator."""
    if bodies.has_controls(field.data or ""):
        raise ValidationError(NOT_ONE_LINE)


def is_form() -> bool:
    """Whether this request carries a form that its view consumes."""
    return request.mimetype in FORM_TYPES and request.mimetype in (view_options().consumes or {})


def read() -> None:
    """Read the form of this request, or raise 400 or 413; then `request.form` holds it."""
    _ = request.form


def csrf_field() -> Markup:
    """The hidden field with the CSRF token, for a form without a FlaskForm."""
    return hidden_field(current_app.extensions["csrf_token"](request))


def init_app(app: Flask, *, csrf_token: Callable[[flask.Request], str | None]) -> None:
    """`csrf_token` gives the masked CSRF token of a request's login, or None."""
    app.request_class = bodies.Request
    app.extensions["csrf_token"] = csrf_token
    app.context_processor(lambda: {"csrf_token": TokenInTemplates(csrf_token(request) or "")})
    app.add_template_global(csrf_field)
    # For every FlaskForm, those of extensions too.
    FlaskForm.Meta.csrf_class = LoginCSRF
    FlaskForm.process = _process


def _process(form: Form, *args: Any, **kwargs: Any) -> None:
    """Fill in a form, and raise 400 where a text field got a file, which no validator expects."""
    try:
        Form.process(form, *args, **kwargs)
    except Exception:
        # A filter of the field may raise anything.
        if not _has_misplaced_file(form):
            raise
        raise error_response(400, INVALID) from None
    if _has_misplaced_file(form):
        raise error_response(400, INVALID)


def _has_misplaced_file(form: Form) -> bool:
    return any(
        isinstance(sent, FileStorage)
        for field in _fields(form)
        if getattr(field.widget, "input_type", "") != "file"
        for sent in field.raw_data or ()
    )


def _fields(fields: Any) -> Iterator[Field]:
    """The fields of a form or of a list of fields, those within them included."""
    for field in fields:
        if isinstance(field, FormField):
            # Processing may have ended before this attribute was set; then FormField recurses.
            yield from _fields(vars(field).get("form", ()))
        elif isinstance(field, FieldList):
            yield from _fields(vars(field).get("entries", ()))
        else:
            yield field
