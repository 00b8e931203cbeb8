"""Every error is `{"error": "…"}`: no stack trace, no version, no echo of the request.

Source: OWASP ASVS 16.5.1.
"""

from flask import Flask, Response, jsonify
from werkzeug.exceptions import HTTPException


def refusal(status: int, words: str, **headers: str) -> Response:
    """An answer to return, or to `abort` with, when a request is refused."""
    response = jsonify(error=words)
    response.status_code = status
    for name, value in headers.items():
        response.headers[name.replace("_", "-")] = value
    if status == 401:
        # RFC 9110 asks for a challenge; `Basic` would make browsers ask for a password.
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def init_app(app: Flask) -> None:
    app.register_error_handler(HTTPException, _as_json)
    # What would be redirected, in HTML and by whatever Host was sent, is not found instead.
    app.url_map.merge_slashes = False


def _as_json(error: HTTPException) -> Response:
    # The description of an error may quote the request: only its name goes out.
    answer = refusal(error.code or 500, error.name)
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            answer.headers[name] = value
    return answer
