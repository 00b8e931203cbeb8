"""Reads request bodies, and refuses truncated, long and invalid ones before the view runs.

A view never processes half a body: WSGI servers return what came before a client left without an
error, and Werkzeug makes an empty form of an invalid one. Large files go to disk, never whole
into memory. Source: RFC 9112, section 8; RFC 7578; OWASP ASVS 15.2.2.
"""

import io
import re
from typing import IO, Any, BinaryIO, cast
from urllib.parse import unquote_to_bytes

import flask
from flask import Flask, Request, abort, request
from secure_flask.web import request_checks
from secure_flask.web.csrf import SAFE_METHODS
from secure_flask.web.errors import error_response
from secure_flask.web.view_options import FORM_TYPES, view_options
from werkzeug.datastructures import FileStorage, ImmutableMultiDict, MultiDict
from werkzeug.exceptions import HTTPException
from werkzeug.formparser import FormDataParser
from werkzeug.utils import cached_property

INVALID = "Invalid request"
URLENCODED = FORM_TYPES[0]
MAX_FIELDS = 1000  # fields and files together

# Control characters, surrogates, and what Werkzeug makes of bytes that are not UTF-8.
_REFUSED = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffd]")
# The text of a <textarea> may contain tabs and line breaks.
_REFUSED_IN_LINES = re.compile(r"(?![\t\n\r])" + _REFUSED.pattern)

Parsed = tuple[IO[bytes], MultiDict[str, str], MultiDict[str, FileStorage]]


def init_app(app: Flask) -> None:
    app.request_class = CheckedRequest
    app.config["MAX_FORM_PARTS"] = MAX_FIELDS
    request_checks.register(app, _check)


def read_body() -> bytes:
    """Return the body of this request; raise 413 if it is too long, 400 if it is truncated."""
    return request.get_data()


def body_stream() -> BinaryIO:
    """The same body as a stream, for large uploads: the error is raised at its end."""
    return cast(BinaryIO, request.stream)


def has_controls(text: str) -> bool:
    """Whether a text contains control characters, line breaks and tabs included."""
    return bool(_REFUSED.search(text))


class CompleteBody(io.RawIOBase):
    """A stream of the request body that raises 400 where a truncated body stops."""

    def __init__(self, request: Request, stream: IO[bytes]) -> None:
        self.request, self.stream = request, stream
        self.length = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        part = self.read(len(buffer))
        buffer[: len(part)] = part
        return len(part)

    def read(self, size: int | None = -1) -> bytes:
        size = -1 if size is None else size
        if size == 0:
            # Werkzeug would take it for a client that is gone.
            return b""
        try:
            part = bytes(self.stream.read(size))
        except HTTPException:
            raise
        except Exception:
            # Each server has its own exceptions for bad chunks and lost connections.
            raise error_response(400, INVALID) from None
        self.length += len(part)
        self._check_length(at_end=size < 0 or not part)
        return part

    def _check_length(self, *, at_end: bool) -> None:
        stated = self.request.content_length
        # Werkzeug silently cuts a chunked body off at the size limit.
        if stated is None and self.length >= (self.request.max_content_length or 0):
            abort(413)
        # gunicorn returns a short body without an error when the client disconnects.
        if at_end and self.length < (stated or 0):
            raise error_response(400, INVALID)


class FormParser(FormDataParser):
    """Refuses a form that is truncated, invalid or has too many fields.

    Werkzeug's parser makes an empty form of the first two, and limits only multipart forms.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "silent": False})

    def parse(
        self,
        stream: IO[bytes],
        mimetype: str,
        content_length: int | None,
        options: dict[str, str] | None = None,
    ) -> Parsed:
        try:
            if mimetype == URLENCODED:
                stream = io.BytesIO(_urlencoded(stream.read()))
            parsed: Parsed = super().parse(stream, mimetype, content_length, options)
        except ValueError:
            raise error_response(400, INVALID) from None
        _check_texts(*parsed[1:])
        return parsed


class CheckedRequest(flask.Request):
    """A request whose body and form are complete, or refused, in whatever way a view reads them."""

    form_data_parser_class = FormParser

    @cached_property
    def stream(self) -> IO[bytes]:
        return cast(IO[bytes], CompleteBody(self, super().stream))


def _check(request: Request) -> None:
    if request.method in SAFE_METHODS:
        return
    options = view_options(request)
    is_form = request.mimetype in FORM_TYPES and request.mimetype in (options.consumes or {})
    if options.max_size:
        in_memory = request.max_form_memory_size or 0
        urlencoded = request.mimetype == URLENCODED
        request.max_content_length = (
            min(options.max_size, in_memory) if urlencoded else options.max_size
        )
    if is_form:
        _read_form(request)


def _read_form(request: Request) -> None:
    try:
        _ = request.form
    except HTTPException:
        # The page for this error may contain a form of its own, which must not raise it again.
        request.form, request.files = ImmutableMultiDict(), ImmutableMultiDict()
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
