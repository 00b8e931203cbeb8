"""Every error is `{"error": "…"}`: no stack trace, no version, no echo of the request.

Source: OWASP ASVS 16.5.1.
"""

from functools import lru_cache
from typing import Any

from flask import Flask, Response, current_app, jsonify
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, default_exceptions


class ErrorResponse(HTTPException):
    """An error with a message for the client and headers.

    Each error also has Werkzeug's class for its status, so that `@app.errorhandler(429)`
    handles it.
    """

    def __init__(self, message: str, headers: dict[str, str]) -> None:
        HTTPException.__init__(self, message)
        self.message, self.headers = message, headers

    def get_headers(self, *arguments: Any, **options: Any) -> list[tuple[str, str]]:
        return list(self.headers.items())


def error_response(status: int, message: str, **headers: str) -> ErrorResponse:
    """The exception that refuses a request: `raise error_response(409, "Already there")`.

    Write header names with underscores: `Retry_After="5"`.
    """
    return _class_for(status)(
        message, {name.replace("_", "-"): value for name, value in headers.items()}
    )


def response_for(error: HTTPException) -> ResponseReturnValue:
    """The response to an HTTP error, from inside a handler of another exception.

    It honours an `@app.errorhandler` of your own for that status.
    """
    response: ResponseReturnValue = current_app.handle_http_exception(error)
    return response


def init_app(app: Flask) -> None:
    app.register_error_handler(HTTPException, _as_json)
    app.after_request(_add_challenge)
    # Return 404 for `//` in a path: Werkzeug's HTML redirect would echo the Host.
    app.url_map.merge_slashes = False


@lru_cache
def _class_for(status: int) -> type[ErrorResponse]:
    return type(f"Error{status}", (ErrorResponse, default_exceptions[status]), {})


def _as_json(error: HTTPException) -> Response:
    # The description of any other error may quote the request, so only its name is sent.
    response = jsonify(error=error.message if isinstance(error, ErrorResponse) else error.name)
    response.status_code = error.code or 500
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            response.headers[name] = value
    return response


def _add_challenge(response: Response) -> Response:
    # RFC 9110 requires a challenge, of a page too; `Basic` would make browsers show a dialog.
    if response.status_code == 401:
        response.headers.setdefault("WWW-Authenticate", "Bearer")
    return response
