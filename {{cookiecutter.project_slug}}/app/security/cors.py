"""Cross-origin resource sharing: whose pages may read what this app answers.

An exact look-up in a set. Patterns, `*` with credentials, `null` and reflecting the
request's Origin are how other sites come to read a user's data.
Source: WHATWG Fetch, "CORS protocol"; OWASP ASVS 3.4.2.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from flask import Flask, Response, current_app, request

from app.auth import tokens
from app.security import audit, headers, origins
from app.security.headers import Header, Kind

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

REQUEST_HEADERS = "Authorization, Content-Type, X-CSRF-Token"
READABLE_HEADERS = "Retry-After, WWW-Authenticate, X-Request-ID"
PREFLIGHT_SECONDS = "600"

# Granted or not: a cache must not give one origin the answer meant for another.
VARY: Header = ("Vary", "Origin")


def init_app(app: Flask) -> None:
    origins.check("CORS_ORIGINS", app.config["CORS_ORIGINS"])
    counting = origins.in_force(app.config["CORS_ORIGINS"], production=app.config["PRODUCTION"])
    grants = {origin: _grant(origin) for origin in counting}
    app.extensions["cors_origins"] = frozenset(grants)
    if grants:
        headers.register(app, _contribution(grants))
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
    origin = request.headers.get("Origin")
    if origin is None or "Access-Control-Request-Method" not in request.headers:
        return answer
    if origin not in current_app.extensions["cors_origins"]:
        # Only here: what needs no preflight is answered, whoever may read it.
        audit.record(audit.CORS_REFUSED, origin=origins.as_logged(origin))
        return answer
    answer.headers["Access-Control-Allow-Methods"] = answer.headers["Allow"]
    answer.headers["Access-Control-Allow-Headers"] = REQUEST_HEADERS
    answer.headers["Access-Control-Max-Age"] = PREFLIGHT_SECONDS
    return answer
