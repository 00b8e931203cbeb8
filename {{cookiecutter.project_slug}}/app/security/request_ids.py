"""`X-Request-ID`: joins an answer to its lines in the log, so that a user can name the request.

It is random. One that arrives is kept only behind a proxy that `PROXY_HOPS` counts, which
must set it itself, and only in a strict form: a client must not choose what stands in the
log. Source: OWASP ASVS 16.2.1, 16.2.4.
"""

import os
import re
from typing import TYPE_CHECKING

from flask import Flask

from app.security import headers
from app.security.headers import Header, Kind

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_FORM = re.compile(r"[0-9A-Za-z-]{16,64}")


def request_id(environ: "WSGIEnvironment") -> str:
    """The id of this request, made when it is first asked for."""
    known: str | None = environ.get("app.request_id")
    if known is None:
        sent = environ.get("HTTP_X_REQUEST_ID", "")
        # ProxyFix leaves this key, and hosts.py puts it there only for PROXY_HOPS.
        believed = "werkzeug.proxy_fix.orig" in environ and _FORM.fullmatch(sent)
        known = environ["app.request_id"] = sent if believed else os.urandom(16).hex()
    return known


def init_app(app: Flask) -> None:
    headers.register(app, _provide)


def _provide(environ: "WSGIEnvironment", kind: Kind) -> list[Header]:
    return [("X-Request-ID", request_id(environ))]
