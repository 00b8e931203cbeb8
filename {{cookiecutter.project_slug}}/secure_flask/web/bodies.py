"""Reads request bodies and refuses truncated ones, so a view never processes half a body.

WSGI servers report a truncated body in different ways, or not at all, and Werkzeug makes an
empty form of an invalid one. Source: RFC 9112, section 8; RFC 7578.
"""

import io
import re
from contextlib import ExitStack
from typing import IO, Any, BinaryIO, cast
from urllib.parse import unquote_to_bytes

import flask
from flask import abort, request
from secure_flask.web.errors import error_response
from werkzeug.datastructures import FileStorage, ImmutableMultiDict, MultiDict
from werkzeug.exceptions import HTTPException
from werkzeug.formparser import FormDataParser, MultiPartParser
from werkzeug.sansio.multipart import File

INVALID = "Invalid request"
URLENCODED = "application/x-www-form-urlencoded"
MAX_FIELDS = 1000  # fields and files together
MAX_FILE_HEADERS = 20  # of each file in a form; each stays in memory

_BODY = "secure_flask.body"

# Control characters, surrogates, and what Werkzeug makes of bytes that are not UTF-8.
_REFUSED = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffd]")
# The text of a <textarea> may contain tabs and line breaks.
_REFUSED_IN_LINES = re.compile(r"(?![\t\n\r])" + _REFUSED.pattern)

Parsed = tuple[IO[bytes], MultiDict[str, str], MultiDict[str, FileStorage]]


def read_body() -> bytes:
    """Return the body of this request; raise 413 if it is too long, 400 if it is truncated."""
    # Kept, since a view may run twice, and the stream gives the body only once.
    if _BODY not in request.environ:
        request.environ[_BODY] = body_stream().read()
    body: bytes = request.environ[_BODY]
    return body


def allow(size: int) -> None:
    """Let the body of this request have `size` bytes; a urlencoded form is held in memory."""
    in_memory = request.max_form_memory_size or 0
    limit = min(size, in_memory) if request.mimetype == URLENCODED else size
    request.max_content_length = limit


def body_stream(stream: IO[bytes] | None = None) -> BinaryIO:
    """The same body as a stream, for large uploads: the error is raised at its end."""
    return cast(BinaryIO, _CompleteBody(stream or request.stream))


class _CompleteBody:
    """A stream of the request body that raises 400 where a truncated body stops."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self.length = 0

    def read(self, size: int = -1) -> bytes:
        if size == 0:
            # Werkzeug would take it for a client that is gone.
            return b""
        try:
            part = self.stream.read(size)
        except HTTPException:
            raise
        except Exception:
            # Each server has its own exceptions for bad chunks and lost connections.
            raise error_response(400, INVALID) from None
        self.length += len(part)
        # Werkzeug silently cuts a chunked body off at the size limit.
        if request.content_length is None and self.length >= (request.max_content_length or 0):
            abort(413)
        # gunicorn returns a short body without an error when the client disconnects.
        if (size < 0 or not part) and self.length < (request.content_length or 0):
            raise error_response(400, INVALID)
        return bytes(part)


def has_controls(text: str) -> bool:
    """Whether a text contains control characters, line breaks and tabs included."""
    return bool(_REFUSED.search(text))


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

    def _parse_multipart(
        self, stream: IO[bytes], mimetype: str, length: int | None, options: dict[str, str]
    ) -> Parsed:
        boundary = options.get("boundary", "").encode("ascii")
        if not boundary:
            raise ValueError("no boundary")
        parser = PartParser(
            self.stream_factory,
            self.max_form_memory_size,
            self.cls,
            max_form_parts=self.max_form_parts,
        )
        return (stream, *parser.parse(stream, boundary, length))

    def _closing_files(self) -> ExitStack:
        """Closes the files of a form that is refused."""
        opened, factory = ExitStack(), self.stream_factory

        def open_file(*args: Any, **kwargs: Any) -> IO[bytes]:
            file: IO[bytes] = factory(*args, **kwargs)
            opened.callback(file.close)
            return file

        self.stream_factory = open_file
        return opened


class PartParser(MultiPartParser):
    """Refuses a file with many headers, which take far more memory than the body."""

    def start_file_streaming(self, event: File, total_content_length: int | None) -> IO[bytes]:
        if len(event.headers) > MAX_FILE_HEADERS:
            abort(413)
        return super().start_file_streaming(event, total_content_length)


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
