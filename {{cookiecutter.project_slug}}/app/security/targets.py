"""Which request targets reach a route: a path, or a whole URL.

A proxy in front may refuse some paths. Werkzeug routes `//me` and `me` as `/me`, and
servers drop a fragment, so such a target would walk round the proxy's rule.
Source: RFC 9112, section 3.2.
"""

import re
from typing import TYPE_CHECKING

from flask import Flask, abort, request

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_TARGET = re.compile(
    r"(?:(?P<scheme>https?)://(?P<authority>[^/?#]+)|(?=/))"
    r"(?P<path>/(?!/)[^?#]*)?(?:\?[^#]*)?",
    re.IGNORECASE,
)


def init_app(app: Flask) -> None:
    app.before_request(_refuse_other_targets)


def site(environ: "WSGIEnvironment") -> tuple[str, str] | None:
    """Scheme and authority of a target that is a whole URL; None for a path."""
    url = _match(environ)
    return (url["scheme"].lower(), url["authority"]) if url and url["scheme"] else None


def _match(environ: "WSGIEnvironment") -> re.Match[str] | None:
    # gunicorn and Flask's own server hand the target on; PATH_INFO is decoded and cut.
    return _TARGET.fullmatch(environ.get("RAW_URI") or "/")


def _refuse_other_targets() -> None:
    path = request.environ.get("PATH_INFO", "")
    # Empty: a whole URL without a path, or the root of a mount.
    if not _match(request.environ) or path.startswith("//") or path[:1] not in ("", "/"):
        abort(404)
