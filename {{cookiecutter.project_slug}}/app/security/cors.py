"""Cross-origin resource sharing: whose pages may read what this app answers.

An exact look-up in a set. Patterns, `*` with credentials, `null` and reflecting the
request's Origin are how other sites come to read a user's data.
Source: WHATWG Fetch, "CORS protocol"; OWASP ASVS 3.4.2.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from flask import Flask, Response, current_app, request
from werkzeug.exceptions import NotFound
from werkzeug.routing import RequestRedirect

from app.auth import tokens
from app.security import audit, cors_headers, headers, origins
from app.security.headers import Header, Kind

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# For a path without a route, which none of them reaches.
METHODS = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
READABLE_HEADERS = "Retry-After, WWW-Authenticate, X-Request-ID"
PREFLIGHT_SECONDS = "600"

# Granted or not: a cache must not give one origin the answer meant for another.
VARY: Header = ("Vary", "Origin")


def init_app(app: Flask) -> None:
    origins.check("CORS_ORIGINS", app.config["CORS_ORIGINS"])
    cors_headers.check(app.config["CORS_REQUEST_HEADERS"])
    counting = origins.in_force(app.config["CORS_ORIGINS"], production=app.config["PRODUCTION"])
    grants = {origin: _grant(origin) for origin in counting}
    app.extensions["cors_origins"] = frozenset(grants)
    if grants:
        headers.register(app, _contribution(grants))
    app.before_request(_preflight_without_route)
    # What Flask answers to OPTIONS by itself knows the methods of the route. A
    # `before_request` of yours comes first: let OPTIONS through, it has no credentials.
    default = app.make_default_options_response
    app.make_default_options_response = lambda: _preflight(default())  # type: ignore[method-assign]


def _grant(origin: str) -> list[Header]:
    grant = [
        VARY,
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Expose-Headers", READABLE_HEADERS),
    ]
    # Bearer tokens are sent by the page's script: nothing rides along by itself.
    credentials = [("Access-Control-Allow-Credentials", "true")] if tokens.COOKIE else []
    return grant + credentials


def _contribution(grants: dict[str, list[Header]]) -> headers.Contribution:
    def contribute(environ: "WSGIEnvironment", kind: Kind) -> Sequence[Header]:
        return grants.get(environ.get("HTTP_ORIGIN", ""), [VARY])

    return contribute


def _preflight(answer: Response) -> Response:
    if not _is_preflight():
        return answer
    origin = request.headers["Origin"]
    if not _is_listed(origin):
        # Only here: what needs no preflight is answered, whoever may read it.
        audit.record(audit.CORS_REFUSED, origin=origins.as_logged(origin))
        origins.hint(origin)
        return answer
    return _granted(answer, answer.headers["Allow"])


def _preflight_without_route() -> Response | None:
    """Let the request itself bring 404: of a refused preflight a browser shows its script nothing."""
    missing = isinstance(request.routing_exception, NotFound | RequestRedirect)
    if missing and _is_preflight() and _is_listed(request.headers["Origin"]):
        return _granted(Response(status=204), METHODS)
    return None


def _is_preflight() -> bool:
    asks = "Origin" in request.headers and "Access-Control-Request-Method" in request.headers
    return request.method == "OPTIONS" and asks


def _is_listed(origin: str) -> bool:
    return origin in current_app.extensions["cors_origins"]


def _granted(answer: Response, methods: str) -> Response:
    names = [*cors_headers.ALWAYS, *current_app.config["CORS_REQUEST_HEADERS"]]
    answer.headers["Access-Control-Allow-Methods"] = methods
    answer.headers["Access-Control-Allow-Headers"] = ", ".join(names)
    answer.headers["Access-Control-Max-Age"] = PREFLIGHT_SECONDS
    return answer
