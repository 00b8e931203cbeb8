"""Puts the security headers on every answer: errors, redirects, static files too.

It wraps `start_response`, below everything Flask or an extension may answer, so no
route can be forgotten, and costs a quarter of an `after_request` function. Each
concern (csp, framing, cors, hosts) registers a contribution here.
Source: OWASP Secure Headers Project; OWASP ASVS 3.4.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any

from flask import Flask

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Header = tuple[str, str]


class Kind(Enum):
    """What a browser will do with the body, which decides the policy it needs."""

    PAGE = "page"
    SCRIPT = "script"
    OTHER = "other"
    # Its headers replace those of the copy that the browser kept.
    NOT_MODIFIED = "not modified"


Contribution = Callable[["WSGIEnvironment", Kind], Iterable[Header]]

_KINDS = {
    "text/html": Kind.PAGE,
    "application/xhtml+xml": Kind.PAGE,
    "text/javascript": Kind.SCRIPT,
    "application/javascript": Kind.SCRIPT,
}


def register(app: Flask, contribution: Contribution) -> None:
    """Add headers computed for each answer; one that the view set itself is left alone."""
    app.extensions.setdefault("headers", []).append(contribution)


def init_app(app: Flask) -> None:
    register(app, _from_policy(app.config))
    if not app.config["PRODUCTION"]:
        # Or Werkzeug's own server names its version and Python's.
        register(app, lambda environ, kind: [("Server", "development")])
    app.wsgi_app = SecurityHeaders(app.wsgi_app, app.extensions["headers"])  # type: ignore[method-assign]


class SecurityHeaders:
    """WSGI middleware that adds what the contributions say to each answer."""

    def __init__(self, wsgi_app: "WSGIApplication", contributions: Sequence[Contribution]) -> None:
        self.wsgi_app = wsgi_app
        self.contributions = contributions

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        def secured(status: str, headers: list[Header], exc_info: Any = None) -> Any:
            present = {name.lower(): value for name, value in headers}
            kind = _kind(status, present.get("content-type", ""))
            for contribute in self.contributions:
                for header in contribute(environ, kind):
                    if header[0] == "Vary" or header[0].lower() not in present:
                        headers.append(header)
            return start_response(status, headers, exc_info)

        return self.wsgi_app(environ, secured)


def _kind(status: str, content_type: str) -> Kind:
    if status.startswith("304"):
        return Kind.NOT_MODIFIED
    return _KINDS.get(content_type.partition(";")[0].strip().lower(), Kind.OTHER)


def _from_policy(config: Mapping[str, Any]) -> Contribution:
    always = list(config["HEADERS"].items())
    other = always + list(config["OTHER_HEADERS"].items())
    by_kind = {
        Kind.PAGE: always + list(config["PAGE_HEADERS"].items()),
        Kind.SCRIPT: other,
        Kind.OTHER: other,
        Kind.NOT_MODIFIED: always,
    }
    return lambda environ, kind: by_kind[kind]
