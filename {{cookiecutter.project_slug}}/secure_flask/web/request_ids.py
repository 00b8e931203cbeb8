"""`X-Request-ID`: connects a response to its log lines, so that a user can report the request.

The id is random. The id of an incoming request is kept only if a trusted proxy sent it
(`PROXY_HOPS`) and its format is strict, since a client must not control what is logged.
The proxy must overwrite the header that a client sends. Source: OWASP ASVS 16.2.1, 16.2.4.
"""

import os
import re
from typing import TYPE_CHECKING

from flask import Flask
from secure_flask.web import headers
from secure_flask.web.headers import Header, Kind

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_FORM = re.compile(r"[0-9A-Za-z-]{16,64}")


def request_id(environ: "WSGIEnvironment") -> str:
    """The id of this request, created at the first call."""
    known: str | None = environ.get("secure_flask.request_id")
    if known is None:
        sent = environ.get("HTTP_X_REQUEST_ID", "")
        # ProxyFix sets this key, and hosts.py enables ProxyFix only for PROXY_HOPS.
        trusted = "werkzeug.proxy_fix.orig" in environ and _FORM.fullmatch(sent)
        known = environ["secure_flask.request_id"] = sent if trusted else os.urandom(16).hex()
    return known


def init_app(app: Flask) -> None:
    headers.register(app, _provide)


def _provide(environ: "WSGIEnvironment", kind: Kind) -> list[Header]:
    return [("X-Request-ID", request_id(environ))]
