"""Cross-origin resource sharing: which origins may read this app's responses.

The Origin is looked up in a set of exact origins. Patterns, `*` with credentials, `null`
and reflecting the Origin are the usual mistakes that let other sites read a user's data.
Source: WHATWG Fetch, "CORS protocol"; OWASP ASVS 3.4.2.
"""

from collections.abc import Sequence

from flask import Flask, Response, current_app, request
from secure_flask.state import Key, app_state
from secure_flask.web import audit, headers, origins
from secure_flask.web.headers import Environ, Header, Kind

# The origins that may read responses.
CORS_ORIGINS = Key[frozenset[str]]("CORS origins")

READABLE_HEADERS = "Retry-After, WWW-Authenticate, X-Request-ID"
PREFLIGHT_SECONDS = "600"

# What this app itself reads: a bearer token, the type of a JSON body.
REQUEST_HEADERS = ("Authorization", "Content-Type")

# On every response: a cache must not serve one origin the response meant for another.
VARY: Header = ("Vary", "Origin")


def init_app(app: Flask) -> None:
    """Let the origins of the policy read responses, with the cookie if programs log in by it."""
    credentials = app.config["TOKEN_TYPE"] == "session"  # noqa: S105 - a kind of token
    allowed = origins.in_force(app.config["CORS_ORIGINS"], production=app.config["PRODUCTION"])
    grants = {origin: _grant(origin, credentials) for origin in allowed}
    app_state(app)[CORS_ORIGINS] = frozenset(grants)
    if grants:
        headers.register(app, _header_provider(grants))
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


def _header_provider(grants: dict[str, list[Header]]) -> headers.HeaderProvider:
    def provide(environ: Environ, kind: Kind) -> Sequence[Header]:
        return grants.get(environ.get("HTTP_ORIGIN", ""), [VARY])

    return provide


def _preflight(response: Response) -> Response:
    origin = request.headers.get("Origin")
    if origin is None or "Access-Control-Request-Method" not in request.headers:
        return response
    if origin not in app_state(current_app)[CORS_ORIGINS]:
        # Logged only for preflights: a simple request is served, and the browser hides the response.
        audit.record(audit.CORS_REFUSED, origin=origins.origin_for_log(origin))
        return response
    names = [*REQUEST_HEADERS, *current_app.config["CORS_REQUEST_HEADERS"]]
    response.headers["Access-Control-Allow-Methods"] = response.headers["Allow"]
    response.headers["Access-Control-Allow-Headers"] = ", ".join(names)
    response.headers["Access-Control-Max-Age"] = PREFLIGHT_SECONDS
    return response
