"""Accepts only request targets in origin form or absolute form, and refuses the rest with 404.

A proxy may block some paths. Werkzeug routes `//me` and `me` to `/me`, and servers drop a
fragment, so such a target would bypass the proxy's rule. Source: RFC 9112, section 3.2.
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
    """The scheme and authority of an absolute-form target; None for a path."""
    url = _match(environ)
    return (url["scheme"].lower(), url["authority"]) if url and url["scheme"] else None


def _match(environ: "WSGIEnvironment") -> re.Match[str] | None:
    # gunicorn and development.py set RAW_URI to the target as sent; PATH_INFO is decoded.
    return _TARGET.fullmatch(environ.get("RAW_URI") or "/")


def _refuse_other_targets() -> None:
    path = request.environ.get("PATH_INFO", "")
    # PATH_INFO is empty for an absolute-form target without a path and at a mount's root.
    if not _match(request.environ) or path.startswith("//") or path[:1] not in ("", "/"):
        abort(404)
