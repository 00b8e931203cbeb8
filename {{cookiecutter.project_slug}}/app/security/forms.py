"""HTML forms, for views that opt in with `@consumes_form`: read whole or not at all.

A form of any site can send these body types, so csrf.py also requires proof that this site
sent it. In such a view a `FlaskForm` works as usual. Its `csrf_token` is that of the login, so
anonymous visitors need no cookie. Source: OWASP ASVS 3.5.1, 3.5.2, 15.2.2; RFC 7578.
"""

import io
import re
from collections.abc import Callable
from contextlib import ExitStack
from functools import wraps
from typing import IO, Any, overload
from urllib.parse import unquote_to_bytes

import flask
from flask import Flask, abort, current_app, request
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from werkzeug.datastructures import FileStorage, ImmutableMultiDict, MultiDict
from werkzeug.exceptions import HTTPException
from werkzeug.formparser import FormDataParser
from wtforms import Field, ValidationError

from app.security.bodies import INVALID, URLENCODED, body_stream
from app.security.csrf import LoginCSRF
from app.security.errors import error_response
from app.security.view_options import FORM_TYPES, Decorated, add_options, view_options

MAX_FIELDS = 1000  # fields and files together

# Control characters, surrogates, and what Werkzeug makes of bytes that are not UTF-8.
_REFUSED = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffd]")
# The text of a <textarea> may contain tabs and line breaks.
_REFUSED_IN_LINES = re.compile(r"(?![\t\n\r])" + _REFUSED.pattern)

Parsed = tuple[IO[bytes], MultiDict[str, str], MultiDict[str, FileStorage]]


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
    """Let `handler` answer where the body is a form; the view below answers JSON."""

    def decorate(view: Any) -> Any:
        @wraps(view)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            return current_app.ensure_sync(handler if is_form() else view)(*args, **kwargs)

        return consumes_form(wrapped)

    return decorate


def one_line(form: FlaskForm, field: Field) -> None:
    """Refuse line breaks and tabs in a field, as `PlainText` does in JSON: a WTForms validator."""
    if _REFUSED.search(field.data or ""):
        raise ValidationError("Contains control characters.")


def is_form() -> bool:
    """Whether this request carries a form that its view consumes."""
    return request.mimetype in FORM_TYPES and request.mimetype in (view_options().consumes or {})


def read() -> None:
    """Read the form of this request, or raise 400 or 413; then `request.form` holds it."""
    _ = request.form


def init_app(app: Flask, *, csrf_token: Callable[[flask.Request], str | None]) -> None:
    """`csrf_token` gives the masked CSRF token of a request's login, or None."""
    app.request_class = Request
    app.extensions["csrf_token"] = csrf_token
    app.context_processor(lambda: {"csrf_token": csrf_token(request)})
    # For every FlaskForm, those of extensions too.
    FlaskForm.Meta.csrf_class = LoginCSRF


class FormParser(FormDataParser):
    """Refuses a form that is truncated, invalid or has too many fields.

    Werkzeug's parser makes an empty form of the first two, and limits only multipart forms.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "silent": False, "max_form_parts": MAX_FIELDS})

    def parse(
        self,
        stream: IO[bytes],
        mimetype: str,
        content_length: int | None,
        options: dict[str, str] | None = None,
    ) -> Parsed:
        body: IO[bytes] = body_stream(stream)
        with self._closing_files() as opened:
            try:
                if mimetype == URLENCODED:
                    body = io.BytesIO(_urlencoded(body.read()))
                parsed: Parsed = super().parse(body, mimetype, content_length, options)
            except ValueError:
                raise error_response(400, INVALID) from None
            _check_texts(*parsed[1:])
            # From here on the request closes them.
            opened.pop_all()
        return parsed

    def _closing_files(self) -> ExitStack:
        """Closes the files of a form that is refused."""
        opened, factory = ExitStack(), self.stream_factory

        def open_file(*args: Any, **kwargs: Any) -> IO[bytes]:
            file: IO[bytes] = factory(*args, **kwargs)
            opened.callback(file.close)
            return file

        self.stream_factory = open_file
        return opened


class Request(flask.Request):
    """A request whose form is complete, or refused."""

    form_data_parser_class = FormParser

    def _load_form_data(self) -> None:
        try:
            super()._load_form_data()
        except HTTPException:
            # The page for this error may contain a form of its own, which must not raise it again.
            vars(self).update(form=ImmutableMultiDict(), files=ImmutableMultiDict())
            raise


def _urlencoded(body: bytes) -> bytes:
    """Refuse too many fields before they are parsed, and bytes that are not UTF-8."""
    if body.count(b"&") >= MAX_FIELDS:
        abort(413)
    unquote_to_bytes(body).decode()
    return body


def _check_texts(fields: MultiDict[str, str], files: MultiDict[str, FileStorage]) -> None:
    # The name of a part without one is None.
    names = [str(name or "\0") for name in (*fields, *files)]
    names += [file.filename or "" for _, file in files.items(multi=True)]
    values = (value for _, value in fields.items(multi=True))
    if any(map(_REFUSED.search, names)) or any(map(_REFUSED_IN_LINES.search, values)):
        raise error_response(400, INVALID)
