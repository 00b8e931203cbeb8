"""Request bodies, whole or not at all: a client that hangs up leaves no half of one behind.

Servers tell of a body that was cut off each in its own way, or not at all, and a member
of JSON that is written twice is read in two ways. Source: RFC 9112, section 8; RFC 8259, section 4.
"""

import json
from typing import Any, BinaryIO, cast

from flask import abort, request
from werkzeug.exceptions import HTTPException

from app.security.errors import error_response

INVALID = "Invalid request"


def read_body() -> bytes:
    """The body of this request, or an answer: 413 for too long, 400 for unreadable."""
    return body_stream().read()


def body_stream() -> BinaryIO:
    """The same for a view that reads in parts what it `@consumes`: the answer comes at the end."""
    return cast(BinaryIO, _Whole())


class _Whole:
    """The body of this request; where it is cut off, reading it fails in place of ending."""

    def __init__(self) -> None:
        self.length = 0

    def read(self, size: int = -1) -> bytes:
        try:
            part = request.stream.read(size)
        except HTTPException:
            raise
        except Exception:
            # A server tells of broken chunks or a client gone by exceptions of its own.
            raise error_response(400, INVALID) from None
        self.length += len(part)
        # Of a body in chunks Werkzeug gives what is below the limit and drops the rest.
        if request.content_length is None and self.length >= (request.max_content_length or 0):
            abort(413)
        # gunicorn gives what came of a body whose client is gone.
        if (size < 0 or not part) and self.length < (request.content_length or 0):
            raise error_response(400, INVALID)
        return bytes(part)


def read_json(text: bytes) -> Any:
    """Read JSON in which no member is written twice: readers differ on which counts.

    :raises ValueError: the text is no such JSON.
    """
    try:
        return json.loads(text, object_pairs_hook=_without_doubles)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a member is written twice")
    return members
