"""What gunicorn itself responds: errors like those of the app, and nothing about the server.

An error is JSON with security headers and without an echo of the request. No response has a
`Server` header, which tells attackers the server software. At shutdown each response closes its
connection, since a proxy may send its next request into one that is just being closed.
Source: OWASP ASVS 13.4.6, 16.5.1; RFC 9112, section 9.6.
"""

import json
from http import HTTPStatus
from socket import socket

from gunicorn import util
from gunicorn.http import wsgi

from app import policy, shutdown
from app.security import csp

# In production, `install` adds Strict-Transport-Security.
error_headers = {
    **policy.HEADERS,
    **policy.OTHER_HEADERS,
    "Content-Security-Policy": csp.INERT,
    "X-Frame-Options": "DENY",
}


class Response(wsgi.Response):
    """Omits the `Server` header, and closes its connection at shutdown."""

    def should_close(self) -> bool:
        return shutdown.has_begun() or bool(super().should_close())

    def default_headers(self) -> list[str]:
        return [line for line in super().default_headers() if not line.startswith("Server:")]


def write_error(client: socket, status: int, reason: str, message: str) -> None:
    # gunicorn's own reason does not always match the status.
    phrase = HTTPStatus(status).phrase
    body = json.dumps({"error": phrase})
    headers = {
        **error_headers,
        "Connection": "close",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
    }
    lines = [f"HTTP/1.1 {status} {phrase}", *(": ".join(header) for header in headers.items())]
    util.write_nonblock(client, "\r\n".join([*lines, "", body]).encode())


def install(production: bool) -> None:
    """Let gunicorn respond so."""
    wsgi.Response = Response
    util.write_error = write_error
    if production:
        error_headers["Strict-Transport-Security"] = policy.STRICT_TRANSPORT_SECURITY
