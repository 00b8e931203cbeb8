"""Adds the security headers to every response: errors, redirects and static files too.

It wraps `start_response`, through which every response of Flask or an extension passes, so
no route can be missed. This costs a quarter of an `after_request` function. Each concern
(header_values, csp, framing, cors, logs) has a header provider.
Source: OWASP Secure Headers Project; OWASP ASVS 3.4.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any

from flask import Flask
from secure_flask.state import new_request_state
from secure_flask.web.origins import PolicyError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

Header = tuple[str, str]
Environ = dict[str, Any]  # of WSGI


class Kind(Enum):
    """How a browser treats the body, which decides the policy that the response needs."""

    PAGE = "page"
    SCRIPT = "script"
    OTHER = "other"
    # The headers of a 304 replace those of the response in the browser's cache.
    NOT_MODIFIED = "not modified"


HeaderProvider = Callable[[Environ, Kind], Iterable[Header]]

_KINDS = {
    "text/html": Kind.PAGE,
    "application/xhtml+xml": Kind.PAGE,
    "text/javascript": Kind.SCRIPT,
    "application/javascript": Kind.SCRIPT,
}

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.1

# Whether the view names another site in @csp, so that its page is not isolated.
ELSEWHERE = "secure_flask.csp_elsewhere"

# Fast path: when the view set only these headers, nothing can collide.
_NEVER_ADDED = frozenset({"content-type", "content-length"})


def register(app: Flask, header_provider: HeaderProvider) -> None:
    """Add headers that are computed for each response. A header that the view set is kept."""
    app.extensions.setdefault("headers", []).append(header_provider)


def wrap(app: Flask, fixed_provider: HeaderProvider) -> None:
    """Add the registered headers, and fixed ones that depend on what is in their key alone."""
    keys = product(Kind, ("http", "https"), (False, True))
    fixed = {key: _prepare(fixed_provider, *key) for key in keys}
    varying = app.extensions.get("headers", [])
    app.wsgi_app = SecurityHeaders(app.wsgi_app, fixed, varying)  # type: ignore[method-assign]


def scheme_of(environ: Environ) -> str:
    """`https` or `http`, whatever a proxy wrote into X-Forwarded-Proto."""
    return "https" if environ["wsgi.url_scheme"] == "https" else "http"


@dataclass
class SecurityHeaders:
    """WSGI middleware that adds the fixed and the varying headers to each response."""

    wsgi_app: "WSGIApplication"
    fixed: Mapping[tuple[Kind, str, bool], Sequence[Header]]
    varying: Sequence[HeaderProvider]

    def __call__(self, environ: Environ, start_response: "StartResponse") -> Iterable[bytes]:
        def secured(status: str, headers: list[Header], exc_info: Any = None) -> Any:
            self._add(environ, status, headers)
            return start_response(status, headers, exc_info)

        # This is the outermost of all middleware of the app.
        with new_request_state(environ):
            return self.wsgi_app(environ, secured)

    def _add(self, environ: Environ, status: str, headers: list[Header]) -> None:
        present = {name.lower(): value for name, value in headers}
        kind = kind_of(status, present.get("content-type", ""))
        added = [*self.fixed[kind, scheme_of(environ), environ.get(ELSEWHERE, False)]]
        for provide in self.varying:
            added += provide(environ, kind)
        if not present.keys() <= _NEVER_ADDED:
            # A response may have several Vary headers: browsers and caches combine them.
            added = [each for each in added if each[0] == "Vary" or each[0].lower() not in present]
        headers += added


@lru_cache(maxsize=256)
def kind_of(status: str, content_type: str) -> Kind:
    if status.startswith("304"):
        return Kind.NOT_MODIFIED
    if status.startswith("204"):
        # Flask sets a Content-Type even without a body.
        return Kind.OTHER
    return _KINDS.get(content_type.partition(";")[0].strip().lower(), Kind.OTHER)


def _prepare(provide: HeaderProvider, kind: Kind, scheme: str, elsewhere: bool) -> Sequence[Header]:
    fixed = list(provide({"wsgi.url_scheme": scheme, ELSEWHERE: elsewhere}, kind))
    for name, value in fixed:
        if not _NAME.fullmatch(name):
            raise PolicyError(
                f"policy.py: no header is called {name!r}; write letters and hyphens."
            )
        if not (value.isascii() and value.isprintable()):
            raise PolicyError(f"policy.py: {name} holds {value!r}; write it on one line, in ASCII.")
    return fixed
