"""Cross-origin resource sharing: which origins may read this app's responses.

The Origin is looked up in a set of exact origins. Patterns, `*` with credentials, `null`
and reflecting the Origin are the usual mistakes that let other sites read a user's data.
Source: WHATWG Fetch, "CORS protocol"; OWASP ASVS 3.4.2.
"""

from collections.abc import Mapping
from typing import Any

from flask import Flask, Request, Response, after_this_request, current_app, request
from secure_flask.state import StateKey, app_state
from secure_flask.web import audit, flask_hooks, origins
from secure_flask.web.view_options import is_automatic_options

# The origins that may read responses.
CORS_ORIGINS = StateKey[frozenset[str]]("CORS origins")

READABLE_HEADERS = "Retry-After, WWW-Authenticate, X-Request-ID"
PREFLIGHT_SECONDS = "600"

# Every app accepts these: a bearer token, and the type of a JSON body.
REQUEST_HEADERS = ("Authorization", "Content-Type")


def init_app(app: Flask) -> None:
    """Let the origins of the policy read responses."""
    readers = origins.in_force(app.config["CORS_ORIGINS"], production=app.config["PRODUCTION"])
    app_state(app)[CORS_ORIGINS] = frozenset(readers)
    flask_hooks.add_request_check(app, _expect_preflight)


def cors_headers(
    config: Mapping[str, Any], readers: frozenset[str], origin: str
) -> list[tuple[str, str]]:
    """The headers that let pages of an origin read a response; none without CORS_ORIGINS."""
    if not readers:
        return []
    # Every response gets Vary: a cache must not serve one origin the response for another.
    headers = [("Vary", "Origin")]
    if origin in readers:
        headers.append(("Access-Control-Allow-Origin", origin))
        headers.append(("Access-Control-Expose-Headers", READABLE_HEADERS))
        # Only the cookie of a login needs this, since a script sends a bearer token itself.
        if config["TOKEN_TYPE"] == "session":  # noqa: S105 - a kind of token
            headers.append(("Access-Control-Allow-Credentials", "true"))
    return headers


def _expect_preflight(request: Request) -> None:
    """Let Flask's automatic response to OPTIONS, with the methods of the route, answer a preflight.

    Your own `before_request` functions run first: let OPTIONS pass, since it has no credentials.
    """
    if is_automatic_options(request):
        after_this_request(_preflight)


def _preflight(response: Response) -> Response:
    origin = request.headers.get("Origin")
    if origin is None or "Access-Control-Request-Method" not in request.headers:
        return response
    # An app that refuses OPTIONS allows no method, although a 405 lists those of the route.
    if response.status_code >= 300 or "Allow" not in response.headers:
        return response
    if origin not in app_state(current_app)[CORS_ORIGINS]:
        # Only preflights are logged. A simple request is served, and browsers hide the response.
        audit.record(audit.CORS_REFUSED, origin=origins.origin_for_log(origin))
        return response
    names = [*REQUEST_HEADERS, *current_app.config["CORS_REQUEST_HEADERS"]]
    response.headers["Access-Control-Allow-Methods"] = response.headers["Allow"]
    response.headers["Access-Control-Allow-Headers"] = ", ".join(names)
    response.headers["Access-Control-Max-Age"] = PREFLIGHT_SECONDS
    return response
