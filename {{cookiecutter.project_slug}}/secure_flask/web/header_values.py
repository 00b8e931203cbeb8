"""The headers that are the same in every response of a kind, and your changes of them.

They keep browsers from what no page here needs. Source: OWASP Secure Headers Project; OWASP
ASVS 3.4.
"""

from collections.abc import Mapping
from typing import Any

from flask import Flask
from secure_flask.web import headers
from secure_flask.web.csp_syntax import loads_elsewhere
from secure_flask.web.headers import Environ, Header, HeaderProvider, Kind

# Of every response. A header that a view sets is kept; HEADER_CHANGES of the policy changes these.
HEADERS = {
    # No MIME sniffing: a browser does not run an uploaded text file as a script.
    "X-Content-Type-Options": "nosniff",
    # A page that opens ours gets no reference to its window (tab-nabbing, XS-Leaks).
    "Cross-Origin-Opener-Policy": "same-origin",
    # Other sites cannot embed our responses; a CORS fetch still works.
    "Cross-Origin-Resource-Policy": "same-origin",
    # Sibling subdomains get no synchronous access through document.domain.
    "Origin-Agent-Cluster": "?1",
    # Disables browser features that no page here uses, for injected scripts too.
    "Permissions-Policy": (
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
        "magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=()"
    ),
    # Old plug-ins such as Flash read no cross-domain policy file from this site.
    "X-Permitted-Cross-Domain-Policies": "none",
    # Disables the XSS filter of old browsers, which was itself a vulnerability.
    "X-XSS-Protection": "0",
    # Caches must not store responses with a nonce or with data of a login.
    "Cache-Control": "no-store, max-age=0",
}
# Pages of an isolated level get a browser process of their own.
EMBEDDER = {"Cross-Origin-Embedder-Policy": "require-corp"}
# `no-referrer` would make browsers send `Origin: null` with the forms of a page.
PAGE_HEADERS = {"Referrer-Policy": "strict-origin-when-cross-origin"}
OTHER_HEADERS = {"Referrer-Policy": "no-referrer"}
# Over https alone: browsers use only https for two years, on subdomains too.
TRANSPORT = {"Strict-Transport-Security": "max-age=63072000; includeSubDomains"}

_SPELLINGS = {
    name.lower(): name for each in (HEADERS, EMBEDDER, PAGE_HEADERS, TRANSPORT) for name in each
}


def init_app(app: Flask) -> None:
    changes = app.config["HEADER_CHANGES"]
    spelt = {_SPELLINGS.get(name.lower(), name): value for name, value in changes.items()}
    app.config["HEADER_CHANGES"] = spelt
    headers.wrap(app, header_provider(app.config))


def header_provider(config: Mapping[str, Any]) -> HeaderProvider:
    by_kind = {
        (kind, elsewhere): list(effective(config, kind, elsewhere=elsewhere).items())
        for kind in Kind
        for elsewhere in (False, True)
    }
    over_https = [(name, value) for name in TRANSPORT if (value := transport(config))]

    def provide(environ: Environ, kind: Kind) -> list[Header]:
        fixed = by_kind[kind, environ.get(headers.ELSEWHERE, False)]
        return fixed + (over_https if environ["wsgi.url_scheme"] == "https" else [])

    return provide


def effective(config: Mapping[str, Any], kind: Kind, elsewhere: bool = False) -> dict[str, str]:
    """The fixed headers of a response, with HEADER_CHANGES of the policy.

    `elsewhere` says that the view names another site in `@csp`.
    """
    of_kind = {Kind.PAGE: PAGE_HEADERS, Kind.NOT_MODIFIED: {}}.get(kind, OTHER_HEADERS)
    isolated = getattr(config["CSP"], "isolated", False)
    elsewhere = elsewhere or bool(config["CSP_SOURCES"]) or loads_elsewhere(config["CSP_CHANGES"])
    headers = {**HEADERS, **(EMBEDDER if isolated and not elsewhere else {}), **of_kind}
    for name, value in config["HEADER_CHANGES"].items():
        if name not in {*PAGE_HEADERS, *TRANSPORT} or (name in PAGE_HEADERS and kind is Kind.PAGE):
            headers[name] = value
    return {name: value for name, value in headers.items() if value is not None}


def transport(config: Mapping[str, Any]) -> str:
    """The value of Strict-Transport-Security; empty where the policy removes it."""
    [(name, value)] = TRANSPORT.items()
    return config["HEADER_CHANGES"].get(name, value) or ""
