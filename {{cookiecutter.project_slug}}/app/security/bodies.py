"""Reads request bodies and refuses truncated ones, so a view never processes half a body.

WSGI servers report a truncated body in different ways, or not at all. JSON with a duplicate
member is refused too, since parsers disagree about which value counts.
Source: RFC 9112, section 8; RFC 8259, section 4.
"""

import json
from typing import IO, Any, BinaryIO, cast

from flask import abort, request
from werkzeug.exceptions import HTTPException

from app.security.errors import error_response

INVALID = "Invalid request"
URLENCODED = "application/x-www-form-urlencoded"


def read_body() -> bytes:
    """Return the body of this request; raise 413 if it is too long, 400 if it is truncated."""
    return body_stream().read()


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


def read_json(text: bytes) -> Any:
    """Parse JSON and refuse duplicate members.

    :raises ValueError: the text is not JSON, or has a duplicate member.
    """
    try:
        return json.loads(text, object_pairs_hook=_without_duplicates)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a member is duplicated")
    return members
