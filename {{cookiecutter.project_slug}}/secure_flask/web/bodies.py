"""Reads request bodies, and refuses truncated, long and invalid ones before the view runs.

A view never processes half a body. WSGI servers return a truncated body without an error, and
Werkzeug parses an invalid form as an empty one; both are refused here. Large files go to disk, not
whole into memory: Werkzeug keeps each file below 500 kB there, and a form may have a thousand. No file
is accepted as a text. Source: RFC 9112, section 8; RFC 7578; OWASP ASVS 5.2.1, 15.2.2.
"""

import io
import re
from collections.abc import Mapping
from tempfile import SpooledTemporaryFile
from typing import IO, Any, BinaryIO, NoReturn, cast
from urllib.parse import unquote_to_bytes

import flask
from flask import Flask, Request, current_app, request
from secure_flask.web import audit
from secure_flask.web.csrf import SAFE_METHODS, URLENCODED, is_consumed_form
from secure_flask.web.errors import (
    ErrorResponse,
    add_hint,
    error_response,
    plain_error,
    translated_text,
)
from secure_flask.web.flask_hooks import add_request_check, on_top_of
from secure_flask.web.origins import PolicyError
from secure_flask.web.view_options import qualified_name, view_options
from werkzeug.datastructures import FileStorage, ImmutableMultiDict, MultiDict
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.formparser import FormDataParser
from werkzeug.utils import cached_property
from werkzeug.wsgi import get_input_stream
from wtforms import ValidationError

_RAISED = (
    "MAX_CONTENT_LENGTH was raised or removed after secure_flask.init_app: in a test write "
    "create_app(settings, MAX_CONTENT_LENGTH=…), for production MAX_CONTENT_LENGTH = … in "
    "app/policy.py."
)
_REPLACED = (
    "app.request_class was replaced after secure_flask.init_app, so bodies would not be checked: "
    "set it above init_app, which adds the checks to your class."
)
_FORM_LIMITS = {"MAX_FORM_PARTS": "fields and files", "MAX_FORM_MEMORY_SIZE": "bytes of a field"}
# Messages write sizes as people know them: 64 kB for the 65,536 bytes that may be sent.
_UNITS = {2**20: "MB", 10**6: "MB", 2**10: "kB", 10**3: "kB", 1: "bytes"}

# Control characters, surrogates, and U+FFFD, which Werkzeug writes for bytes that are not UTF-8.
_REFUSED = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffd]")
# The text of a <textarea> may contain tabs and line breaks.
_REFUSED_IN_LINES = re.compile(r"(?![\t\n\r])" + _REFUSED.pattern)


IN_MEMORY = 16 * 1024  # bytes of each file


def init_app(app: Flask) -> None:
    """
    :raises PolicyError: at the first request, if `app.request_class` was replaced.
    """
    app.request_class = on_top_of(app.request_class, CheckedRequest, flask.Request)
    add_request_check(app, _check_class)
    add_request_check(app, _check_body)


class NotText(ValidationError, TypeError):
    """WTForms treats this as a wrong value, and `list(file)` treats it as a missing length."""


class UploadedFile(FileStorage):
    """A file of a form. Validators of a text, such as Length, refuse it."""

    def __len__(self) -> NoReturn:
        raise NotText("A file is no text.")


def open_upload(*arguments: object, **options: object) -> IO[bytes]:
    """The stream that takes one file, whatever its stated size."""
    return SpooledTemporaryFile(max_size=IN_MEMORY)


def uploaded_files(files: MultiDict[str, FileStorage]) -> MultiDict[str, FileStorage]:
    return MultiDict(
        (name, UploadedFile(file.stream, file.filename, file.name, headers=file.headers))
        for name, file in files.items(multi=True)
    )


def refuse_larger(most: int, config: Mapping[str, Any]) -> None:
    """
    :raises PolicyError: MAX_CONTENT_LENGTH is above `most` bytes, or a limit of forms is missing.
    """
    limit = config["MAX_CONTENT_LENGTH"]
    if limit is None or limit > most:
        raise PolicyError(_RAISED)
    for name, unit in _FORM_LIMITS.items():
        if config[name] is None:
            raise PolicyError(f"{name}: write a number of {unit}, or remove it.")


def body_stream() -> BinaryIO:
    """The body as a stream of bytes, for large uploads: `shutil.copyfileobj(body_stream(), file)`.

    The view needs `@consumes`, with `max_size` for more than MAX_CONTENT_LENGTH.

    :raises ErrorResponse: while it is read: 400, the body is truncated; 413, it is too long.
    """
    return cast(BinaryIO, request.stream)


def has_controls(text: str) -> bool:
    """Whether a text contains control characters, line breaks and tabs included."""
    return bool(_REFUSED.search(text))


class CompleteBody(io.RawIOBase):
    """The stream of a request body. It raises 400 where a truncated body ends, 413 at the limit."""

    def __init__(self, request: Request, stream: IO[bytes]) -> None:
        self.request = request
        self.stream = stream
        self.length = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        stated = self.request.content_length
        # Werkzeug would treat a read of zero bytes as a client that has disconnected.
        if not len(buffer) or (stated is not None and self.length >= stated):
            return 0
        try:
            part = self.stream.read(len(buffer))
        except HTTPException:
            raise
        except Exception as error:
            # Servers raise different exceptions for bad chunks and lost connections. The class in
            # the log shows whether it was one of these or a fault of the server.
            audit.record(audit.INPUT_REFUSED, reason=type(error).__name__)
            raise plain_error(400) from None
        buffer[: len(part)] = part
        self.length += len(part)
        limit = self.request.max_content_length
        if limit is not None and self.length > limit:
            raise _too_long(self.request, limit)
        # gunicorn returns a short body without an error when the client disconnects.
        if stated is not None and not part:
            raise plain_error(400)
        return len(part)


class FormParser(FormDataParser):
    """Refuses a form that is truncated, invalid or has too many fields.

    Werkzeug's parser returns an empty form for the first two, and limits only multipart forms.
    """

    def __init__(self, stream_factory: Any = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(open_upload, *args, **{**kwargs, "silent": False})

    def parse(self, stream: IO[bytes], mimetype: str, *args: Any, **kwargs: Any) -> Any:
        try:
            if mimetype == URLENCODED:
                stream = io.BytesIO(_urlencoded(stream.read(), self.max_form_parts))
            stream, fields, files = super().parse(stream, mimetype, *args, **kwargs)
        except ErrorResponse:
            raise
        except RequestEntityTooLarge:
            # Werkzeug raises one error for both limits, so the message names both.
            in_a_field = _in_words(self.max_form_memory_size or 0)
            limit = f"{self.max_form_parts or 0:,} fields and files, and {in_a_field} in a field"
            raise _too_large(limit) from None
        except ValueError:
            raise plain_error(400) from None
        _check_texts(fields, files)
        return stream, fields, uploaded_files(files)


class CheckedRequest(flask.Request):
    """A request whose body and form are complete or refused, however a view reads them."""

    form_data_parser_class = FormParser

    @cached_property
    def stream(self) -> IO[bytes]:
        try:
            return cast(IO[bytes], CompleteBody(self, self._limited_stream()))
        except RequestEntityTooLarge:
            raise _too_long(self, self.max_content_length or 0) from None

    def _limited_stream(self) -> IO[bytes]:
        limit = self.max_content_length
        if limit is None or self.content_length is not None:
            return super().stream
        # Werkzeug refuses a chunked body of exactly the limit, so it may read one byte more.
        return get_input_stream(self.environ, max_content_length=limit + 1)


def _check_class(request: Request) -> None:
    if not isinstance(request, CheckedRequest):
        raise PolicyError(_REPLACED)


def _check_body(request: Request) -> None:
    if request.method in SAFE_METHODS:
        return
    max_size = view_options(request).max_size
    if max_size:
        # Werkzeug keeps a urlencoded form in memory, so MAX_FORM_MEMORY_SIZE limits it too.
        most = request.max_form_memory_size if request.mimetype == URLENCODED else None
        request.max_content_length = min(max_size, most or max_size)
    if is_consumed_form(request):
        _read_form(request)


def _read_form(request: Request) -> None:
    try:
        _ = request.form
    except HTTPException:
        # The page of this error may contain a FlaskForm, which must not raise the error again.
        request.form = ImmutableMultiDict()
        request.files = ImmutableMultiDict()
        raise


def _urlencoded(body: bytes, most: int | None) -> bytes:
    """Refuse too many fields before they are parsed, and bytes that are not UTF-8."""
    if most is not None and body.count(b"&") >= most:
        raise RequestEntityTooLarge
    unquote_to_bytes(body).decode()
    return body


def _too_long(request: Request, limit: int) -> ErrorResponse:
    """The 413 for a whole body. In development, it and the log say how the view takes more."""
    error = _too_large(_in_words(limit))
    options = view_options(request)
    # MAX_FORM_MEMORY_SIZE may be the limit, and a refusal of credentials has no details.
    is_of_view = limit == (options.max_size or current_app.config["MAX_CONTENT_LENGTH"])
    if is_of_view and not options.credentials:
        view = current_app.view_functions.get(request.endpoint or "")
        add_hint(
            error,
            f"{qualified_name(view, request.method)} takes {_in_words(limit)}: for more write "
            f"{_mark_with_limit(request)} directly above the function, with the size in bytes.",
        )
    return error


def _mark_with_limit(request: Request) -> str:
    if is_consumed_form(request):
        return "@consumes_form(max_size=…)"
    declared = request.mimetype in (view_options(request).consumes or {})
    return f'@consumes("{request.mimetype if declared else "application/json"}", max_size=…)'


def _too_large(limit: str) -> ErrorResponse:
    return error_response(413, translated_text("Too large: at most {limit}", limit=limit))


def _in_words(size: int) -> str:
    return next(f"{size // unit:,} {name}" for unit, name in _UNITS.items() if size % unit == 0)


def _check_texts(fields: MultiDict[str, str], files: MultiDict[str, FileStorage]) -> None:
    # A part without a name has the name None, which is refused too.
    names = [str(name or "\0") for name in (*fields, *files)]
    names += [file.filename or "" for _, file in files.items(multi=True)]
    values = (value for _, value in fields.items(multi=True))
    if any(map(_REFUSED.search, names)) or any(map(_REFUSED_IN_LINES.search, values)):
        raise plain_error(400)
