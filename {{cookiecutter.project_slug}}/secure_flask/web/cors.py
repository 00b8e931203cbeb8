"""Cross-origin resource sharing: which origins may read this app's responses.

The Origin is looked up in a set of exact origins. Patterns, `*` with credentials, `null`
and reflecting the Origin are the usual mistakes that let other sites read a user's data.
Source: WHATWG Fetch, "CORS protocol"; OWASP ASVS 3.4.2.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from flask import Flask, Request, Response, current_app, request
from secure_flask.web import audit, headers, origins, request_checks
from secure_flask.web.headers import Header, Kind
from secure_flask.web.origins import PolicyError
from werkzeug.exceptions import NotFound
from werkzeug.routing import RequestRedirect

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# The methods in a preflight response for a path that has no route.
METHODS = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
READABLE_HEADERS = "Retry-After, WWW-Authenticate, X-Request-ID"
PREFLIGHT_SECONDS = "600"

# What this app itself reads: a bearer token, the type of a JSON body.
REQUEST_HEADERS = ("Authorization", "Content-Type")
_HEADER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
# Browsers or proxies set these, or they override the method that CORS checked.
# Source: WHATWG Fetch, "forbidden request-header".
_FORBIDDEN = {
    *("accept-charset", "accept-encoding", "connection", "content-length", "cookie", "cookie2"),
    *("date", "dnt", "expect", "forwarded", "host", "keep-alive", "origin", "referer"),
    *("set-cookie", "te", "trailer", "transfer-encoding", "upgrade", "via", "x-real-ip"),
    *("x-http-method", "x-http-method-override", "x-method-override"),
}
_FORBIDDEN_PREFIXES = ("access-control-", "proxy-", "sec-", "x-forwarded-")

# On every response: a cache must not serve one origin the response meant for another.
VARY: Header = ("Vary", "Origin")


def init_app(app: Flask) -> None:
    """Let the origins of the policy read responses, with the cookie if programs log in by it."""
    credentials = app.config["TOKEN_TYPE"] == "session"  # noqa: S105 - a kind of token
    origins.check("CORS_ORIGINS", app.config["CORS_ORIGINS"])
    _check_request_headers(app.config["CORS_REQUEST_HEADERS"])
    allowed = origins.in_force(app.config["CORS_ORIGINS"], production=app.config["PRODUCTION"])
    grants = {origin: _grant(origin, credentials) for origin in allowed}
    app.extensions["cors_origins"] = frozenset(grants)
    if grants:
        headers.register(app, _header_provider(grants))
    request_checks.register(app, _preflight_without_route)
    # Flask's automatic OPTIONS response lists the methods of the route. Your own
    # `before_request` functions run first: let OPTIONS pass, since it has no credentials.
    default = app.make_default_options_response
    app.make_default_options_response = lambda: _preflight(default())  # type: ignore[method-assign]


def _grant(origin: str, credentials: bool) -> list[Header]:
    grant = [
        VARY,
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Expose-Headers", READABLE_HEADERS),
    ]
    # A script sets a bearer token itself; only a cookie needs Allow-Credentials.
    return grant + ([("Access-Control-Allow-Credentials", "true")] if credentials else [])


def _check_request_headers(names: Sequence[str]) -> None:
    if isinstance(names, str):
        raise PolicyError("policy.py: CORS_REQUEST_HEADERS is a string; write a list of names.")
    for name in names:
        if not _HEADER_NAME.fullmatch(name):
            raise PolicyError(
                f"policy.py: CORS_REQUEST_HEADERS holds {name!r}, which is no header name. "
                'Write each name as its own item, as in "X-Requested-With".'
            )
        if name.lower() in _FORBIDDEN or name.lower().startswith(_FORBIDDEN_PREFIXES):
            raise PolicyError(
                f"policy.py: CORS_REQUEST_HEADERS holds {name!r}, which browsers or proxies set "
                "and no script may: remove it."
            )


def _header_provider(grants: dict[str, list[Header]]) -> headers.HeaderProvider:
    def provide(environ: "WSGIEnvironment", kind: Kind) -> Sequence[Header]:
        return grants.get(environ.get("HTTP_ORIGIN", ""), [VARY])

    return provide


def _preflight(response: Response) -> Response:
    if not _is_preflight():
        return response
    origin = request.headers["Origin"]
    if not _is_listed(origin):
        # Logged only for preflights: a simple request is served, and the browser hides the response.
        audit.record(audit.CORS_REFUSED, origin=origins.as_logged(origin))
        origins.hint(origin)
        return response
    return _granted(response, response.headers["Allow"])


def _preflight_without_route(request: Request) -> Response | None:
    """Grant a preflight for an unknown path, so that the script sees the 404 that follows.

    Without this the preflight fails, and a browser hides the reason from the script.
    """
    missing = isinstance(request.routing_exception, NotFound | RequestRedirect)
    if missing and _is_preflight() and _is_listed(request.headers["Origin"]):
        return _granted(Response(status=204), METHODS)
    return None


def _is_preflight() -> bool:
    has_headers = "Origin" in request.headers and "Access-Control-Request-Method" in request.headers
    return request.method == "OPTIONS" and has_headers


def _is_listed(origin: str) -> bool:
    return origin in current_app.extensions["cors_origins"]


def _granted(response: Response, methods: str) -> Response:
    names = [*REQUEST_HEADERS, *current_app.config["CORS_REQUEST_HEADERS"]]
    response.headers["Access-Control-Allow-Methods"] = methods
    response.headers["Access-Control-Allow-Headers"] = ", ".join(names)
    response.headers["Access-Control-Max-Age"] = PREFLIGHT_SECONDS
    return response
