"""Every error is `{"error": "…"}`: no stack trace, no version, no echo of the request.

Source: OWASP ASVS 16.5.1.
"""

from functools import lru_cache
from typing import Any

from flask import Flask, Response, current_app, jsonify
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, default_exceptions


class ErrorResponse(HTTPException):
    """A request is refused, in words for the client and with headers.

    Each is of Werkzeug's class for its status as well, so that `@app.errorhandler(429)`
    gets it.
    """

    def __init__(self, words: str, headers: dict[str, str]) -> None:
        HTTPException.__init__(self, words)
        self.words, self.headers = words, headers

    def get_headers(self, *arguments: Any, **options: Any) -> list[tuple[str, str]]:
        return list(self.headers.items())


def error_response(status: int, words: str, **headers: str) -> ErrorResponse:
    """What to raise when a request is refused: `raise error_response(409, "Already there")`.

    A header is written with underscores: `Retry_After="5"`.
    """
    return _class_for(status)(
        words, {name.replace("_", "-"): value for name, value in headers.items()}
    )


def response_for(error: HTTPException) -> ResponseReturnValue:
    """What a handler of another exception answers: the error's own handler may be the owner's."""
    response: ResponseReturnValue = current_app.handle_http_exception(error)
    return response


def init_app(app: Flask) -> None:
    app.register_error_handler(HTTPException, _as_json)
    # Return 404 for `//` in a path: Werkzeug's HTML redirect would echo the Host.
    app.url_map.merge_slashes = False


@lru_cache
def _class_for(status: int) -> type[ErrorResponse]:
    return type(f"Error{status}", (ErrorResponse, default_exceptions[status]), {})


def _as_json(error: HTTPException) -> Response:
    # The description of another error may quote the request: only its name goes out.
    response = jsonify(error=error.words if isinstance(error, ErrorResponse) else error.name)
    response.status_code = error.code or 500
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            response.headers[name] = value
    if response.status_code == 401:
        # RFC 9110 asks for a challenge; `Basic` would make browsers ask for a password.
        response.headers.setdefault("WWW-Authenticate", "Bearer")
    return response
