"""The headers of every response: what each is for, and where they are added.

`headers_of` chooses headers by the policy, the kind of a response and its `@csp`, and reads nothing
else. Each response also gets those of cors.py, and X-Request-ID of logs.py. `SecurityHeaders` wraps `start_response`, through which every response of Flask or an extension
passes: errors, redirects and static files too. So no route can be missed, and it costs a quarter
of an `after_request` function.
Source: OWASP Secure Headers Project; RFC 7034; OWASP ASVS 3.4.
"""

import re
from collections.abc import Container, Iterable, Mapping
from enum import Enum
from functools import cached_property, lru_cache
from itertools import takewhile
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from flask import Flask, request
from secure_flask.csp_levels import NONE, SELF
from secure_flask.state import (
    State,
    StateKey,
    app_state,
    begin_request_state,
    request_state,
    separate_environ,
    state_of,
)
from secure_flask.web import connection_allowlist, csp
from secure_flask.web.cors import CORS_ORIGINS, cors_headers
from secure_flask.web.csp import Directives, Header, Override, loads_elsewhere
from secure_flask.web.logs import USER_ID, request_id
from secure_flask.web.origins import PolicyError

# Every response has these. A header that a view sets is kept; HEADER_CHANGES of the policy changes
# them.
HEADERS = {
    # Browsers do not guess the MIME type, so an uploaded text file does not run as a script.
    "X-Content-Type-Options": "nosniff",
    # A page that opens ours gets no reference to its window (tab-nabbing, XS-Leaks).
    "Cross-Origin-Opener-Policy": "same-origin",
    # Other sites cannot embed our responses; a CORS fetch still works.
    "Cross-Origin-Resource-Policy": "same-origin",
    # Sibling subdomains get no synchronous access through document.domain.
    "Origin-Agent-Cluster": "?1",
    # This disables features that no page here uses, for injected scripts too. `bluetooth` is
    # left out: Chromium on Linux does not know it, and would write a warning for each page.
    "Permissions-Policy": (
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), "
        "idle-detection=(), local-fonts=(), local-network=(), loopback-network=(), "
        "magnetometer=(), microphone=(), midi=(), payment=(), screen-wake-lock=(), serial=(), "
        "unload=(), usb=(), window-management=(), xr-spatial-tracking=()"
    ),
    # Old plug-ins such as Flash read no cross-domain policy file from this site.
    "X-Permitted-Cross-Domain-Policies": "none",
    # This disables the XSS filter of old browsers, which was itself a vulnerability.
    "X-XSS-Protection": "0",
    # Caches must not store responses with a nonce or with data of a login.
    "Cache-Control": "no-store, max-age=0",
}
# A response to a logged-in user gets this, unless it says `private`, and each one to a login.
NOT_STORED = ("Cache-Control", "no-store, max-age=0")
# Pages of an isolated level run in a separate browser process.
EMBEDDER = {"Cross-Origin-Embedder-Policy": "require-corp"}
# A page runs a script file only where the tag or the import map has its hash. This applies to files
# of this site too, so a changed or uploaded file does not run. Browsers check the hash of a module,
# or of a tag with `crossorigin`. A module that a script loads by `import()` needs its hash in the
# import map or in a `modulepreload`. An injected script that runs all the same can add a
# `modulepreload`, so the policy does not confine it. `csp` is the endpoint of Reporting-Endpoints.
# Source: W3C Subresource Integrity, section "Integrity-Policy".
INTEGRITY = "Integrity-Policy"
INTEGRITY_REPORT_ONLY = "Integrity-Policy-Report-Only"
INTEGRITY_HEADERS = (INTEGRITY, INTEGRITY_REPORT_ONLY)
INTEGRITY_VALUE = "blocked-destinations=(script), endpoints=(csp)"
# `no-referrer` would make browsers send `Origin: null` with the forms of a page.
PAGE_HEADERS = {"Referrer-Policy": "strict-origin-when-cross-origin"}
OTHER_HEADERS = {"Referrer-Policy": "no-referrer"}
# Only https responses have this. Browsers then use https alone for two years, on subdomains too.
TRANSPORT = {"Strict-Transport-Security": "max-age=63072000; includeSubDomains"}
# Old browsers read this instead of `frame-ancestors`, by the same sources. It cannot express a list
# of origins and is absent then.
FRAME_OPTIONS = {NONE: "DENY", SELF: "SAMEORIGIN"}


class Kind(Enum):
    """How a browser treats the body, which decides the policy that the response needs."""

    PAGE = "page"
    SCRIPT = "script"
    OTHER = "other"
    # The headers of a 304 replace the headers of the response in the browser's cache.
    NOT_MODIFIED = "not modified"


_KINDS = {
    "text/html": Kind.PAGE,
    "application/xhtml+xml": Kind.PAGE,
    "text/javascript": Kind.SCRIPT,
    "application/javascript": Kind.SCRIPT,
}
_OF_KIND: dict[Kind, dict[str, str]] = {
    Kind.PAGE: PAGE_HEADERS,
    Kind.SCRIPT: OTHER_HEADERS,
    Kind.OTHER: OTHER_HEADERS,
    Kind.NOT_MODIFIED: {},
}
# Nobody may frame these. A 304 gets no policy, which would replace the cached policy of a page.
_POLICIES = {
    Kind.SCRIPT: [("X-Frame-Options", "DENY"), (csp.ENFORCED, csp.WORKER)],
    Kind.OTHER: [("X-Frame-Options", "DENY"), (csp.ENFORCED, csp.INERT)],
    Kind.NOT_MODIFIED: [],
}
_SPELLINGS = {
    name.lower(): name
    for each in (HEADERS, EMBEDDER, PAGE_HEADERS, INTEGRITY_HEADERS, TRANSPORT)
    for name in each
}
_OF_PAGES = {*PAGE_HEADERS, *INTEGRITY_HEADERS}
# Fast path: when the view set only these headers, nothing can collide.
_NEVER_ADDED = frozenset({"content-type", "content-length"})
# This is set if no cache may store the response to this request.
_NEVER_STORED = StateKey[bool]("never stored")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.1


def init_app(app: Flask) -> None:
    """
    :raises PolicyError: a header of HEADER_CHANGES cannot be sent.
    """
    changes = app.config["HEADER_CHANGES"]
    for name, value in changes.items():
        if value is not None:
            _check_header(name, value)
    spelt = {_SPELLINGS.get(name.lower(), name): value for name, value in changes.items()}
    app.config["HEADER_CHANGES"] = spelt
    app.wsgi_app = SecurityHeaders(app)  # type: ignore[method-assign]


def never_store() -> None:
    """Let no cache store the response to this request, such as a login, whatever its view sets."""
    state_of(request)[_NEVER_STORED] = True


class SecurityHeaders:
    """WSGI middleware that adds to each response the headers that its view did not set."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._wsgi_app = app.wsgi_app
        self._config = dict(app.config)
        # The headers by origin; "" stands for no origin, and for one that may not read responses.
        readers = app_state(app)[CORS_ORIGINS]
        self._cors = {each: cors_headers(self._config, readers, each) for each in ("", *readers)}
        # Few combinations of arguments occur, so the results are cached.
        self._prepared = lru_cache(maxsize=256)(self._prepare)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # A protected app around this one keeps its state.
        environ = separate_environ(environ)
        begin_request_state(environ)

        def start(status: str, headers: list[Header], exc_info: Any = None) -> Any:
            # A middleware may have made another request of this environment before.
            state = request_state(environ)
            present = {name.lower(): value for name, value in headers}
            if _may_not_be_stored(state, present.get("cache-control", "")):
                headers = [each for each in headers if each[0].lower() != "cache-control"]
                headers.append(NOT_STORED)
                present["cache-control"] = ""
            added = self._headers_of(environ, state, status, present.get("content-type", ""))
            if not present.keys() <= _NEVER_ADDED:
                added = [each for each in added if _is_missing(each[0], present)]
            # The list is copied, since a WSGI app may send the same list with each response.
            return start_response(status, [*headers, *added], exc_info)

        return self._wsgi_app(environ, start)

    def _headers_of(
        self, environ: WSGIEnvironment, state: State, status: str, content_type: str
    ) -> list[Header]:
        override = csp.override_of(state)
        fixed, with_nonce = self._prepared(status, content_type, scheme_of(environ), override)
        return [
            *fixed,
            ("X-Request-ID", request_id(state, environ)),
            *self._cors.get(environ.get("HTTP_ORIGIN", ""), self._cors[""]),
            *[(name, csp.nonce_of(state).join(parts)) for name, parts in with_nonce],
        ]

    def _prepare(
        self, status: str, content_type: str, scheme: str, override: Override
    ) -> tuple[list[Header], list[tuple[str, list[str]]]]:
        """The headers before the first nonce, and the others split at each nonce."""
        kind = kind_of(status, content_type)
        headers = headers_of(self._config, kind, scheme, override, self._of_views)
        fixed = [*takewhile(lambda header: "{nonce}" not in header[1], headers)]
        return fixed, [(name, value.split("{nonce}")) for name, value in headers[len(fixed) :]]

    @cached_property
    def _of_views(self) -> dict[str, Directives]:
        """The directives of `@csp` in all views. Flask takes no views after the first request."""
        return csp.csp_overrides(self._app)


def kind_of(status: str, content_type: str) -> Kind:
    if status.startswith("304"):
        return Kind.NOT_MODIFIED
    if status.startswith("204"):
        # Flask sets a Content-Type even without a body.
        return Kind.OTHER
    return _KINDS.get(content_type.partition(";")[0].strip().lower(), Kind.OTHER)


def scheme_of(environ: WSGIEnvironment) -> str:
    """`https` or `http`, whatever a proxy wrote into X-Forwarded-Proto."""
    return "https" if environ["wsgi.url_scheme"] == "https" else "http"


def headers_of(
    config: Mapping[str, Any],
    kind: Kind,
    scheme: str,
    override: Override,
    of_views: connection_allowlist.Overrides,
) -> list[Header]:
    """The headers of a response, with `{nonce}` in place of the nonce.

    `override` holds the directives of its `@csp`, and `of_views` those of all views.
    """
    return [
        *fixed_headers(config, kind, scheme, override).items(),
        *connection_allowlist.allowlist_headers(
            config, of_views, override, scheme, page=kind is Kind.PAGE
        ),
        *_policy_headers(config, kind, scheme, override),
    ]


def fixed_headers(
    config: Mapping[str, Any], kind: Kind, scheme: str = "http", override: Override = ()
) -> dict[str, str]:
    """The headers that are the same in all responses of a kind, with HEADER_CHANGES."""
    changes = config["HEADER_CHANGES"]
    embedder = EMBEDDER if _is_isolated(config, override) else {}
    integrity = integrity_headers(config, override) if kind is Kind.PAGE else {}
    headers = {**HEADERS, **embedder, **integrity, **_OF_KIND[kind]}
    for name, value in changes.items():
        if name not in TRANSPORT and (kind is Kind.PAGE or name not in _OF_PAGES):
            headers[name] = value
    if scheme == "https":
        headers |= {name: changes.get(name, value) for name, value in TRANSPORT.items()}
    return {name: value for name, value in headers.items() if value is not None}


def integrity_headers(config: Mapping[str, Any], override: Override = ()) -> dict[str, str]:
    """Integrity-Policy of a page by name, for the level in force and for CSP_CANDIDATE."""
    name = INTEGRITY_REPORT_ONLY if config["CSP_REPORT_ONLY"] else INTEGRITY
    levels = [(name, config["CSP"]), (INTEGRITY_REPORT_ONLY, config["CSP_CANDIDATE"])]
    return {
        name: INTEGRITY_VALUE for name, level in levels if _demands_hashes(level, config, override)
    }


def _policy_headers(
    config: Mapping[str, Any], kind: Kind, scheme: str, override: Override
) -> list[Header]:
    """The headers that say what a body may load and who may frame it, with `{nonce}` in them."""
    if kind is not Kind.PAGE:
        return _POLICIES[kind]
    ancestors = " ".join(csp.page_policy(config, override)["frame-ancestors"])
    option = FRAME_OPTIONS.get(ancestors)
    framing = [("X-Frame-Options", option)] if option else []
    return framing + csp.csp_headers(config, scheme, override)


def _may_not_be_stored(state: State, control: str) -> bool:
    """Whether a response is to a logged-in user, or logs one in, whatever its view sets."""
    return _NEVER_STORED in state or (USER_ID in state and "private" not in control)


def _is_missing(name: str, present: Container[str]) -> bool:
    # A response may have several Vary headers: browsers and caches combine them.
    return name == "Vary" or name.lower() not in present


def _is_isolated(config: Mapping[str, Any], override: Override) -> bool:
    """Whether the level is isolated, and neither the policy nor the view names another site."""
    if config["CSP_SOURCES"] or loads_elsewhere(config["CSP_CHANGES"]):
        return False
    return getattr(config["CSP"], "isolated", False) and not loads_elsewhere(dict(override))


def _demands_hashes(level: Any, config: Mapping[str, Any], override: Override) -> bool:
    """Whether the level demands hashes, and no script of another site is allowed by its address.

    The other site can change that script and load more scripts, so a page cannot have the hashes.
    """
    if not getattr(level, "integrity", False):
        return False
    policy = {**csp.resolve_level(level, config), **dict(override)}
    scripts = {name: policy[name] for name in policy if name.startswith("script-src")}
    return not loads_elsewhere(scripts)


def _check_header(name: str, value: str) -> None:
    if not _NAME.fullmatch(name):
        raise PolicyError(f"policy.py: no header is called {name!r}; write letters and hyphens.")
    if not (value.isascii() and value.isprintable()):
        raise PolicyError(f"policy.py: {name} holds {value!r}; write it on one line, in ASCII.")
    if not value.strip():
        raise PolicyError(f"policy.py: {name} is empty; write None to send no such header.")
