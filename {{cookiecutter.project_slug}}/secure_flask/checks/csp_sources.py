"""Lists the sources that the policy of pages and each `@csp` override allow."""

import re
from collections.abc import Callable, Iterator

from flask import Flask
from secure_flask.web import csp
from secure_flask.web.csp_syntax import UNSAFE_INLINE, Policy
from secure_flask.web.view_options import options_of

SCRIPTS, STYLES, FRAMES = ("script-src",), ("style-src",), ("frame-ancestors",)
EVERYTHING = (
    "base-uri",
    "child-src",
    "connect-src",
    "default-src",
    "font-src",
    "form-action",
    "frame-src",
    "img-src",
    "manifest-src",
    "media-src",
    "object-src",
    "script-src",
    "style-src",
    "worker-src",
)
# Browsers ignore 'unsafe-inline' beside one of these.
_STRICTER = ("'nonce-", "'sha256-", "'sha384-", "'sha512-")
_ANY_HOST = re.compile(r"(?:[a-z]+://)?\*|(?:http|ws)s?:\Z")


def allowed(app: Flask, kinds: tuple[str, ...], insecure: Callable[[str], bool]) -> Iterator[str]:
    """Each insecure source in directives of these kinds, as in `script-src allows data:`."""
    page = csp.effective(app.config, {})
    for place, named in {"": page, **_overrides(app)}.items():
        policy = {**page, **named}
        for directive in filter(lambda directive: _is_of(directive, kinds, policy), named):
            for source in filter(insecure, _effective_sources(named[directive])):
                yield f"{place}{directive} allows {source}"


def ignored(app: Flask) -> Iterator[str]:
    """Each 'unsafe-inline' that browsers ignore, with the nonce or hash beside it."""
    page = csp.effective(app.config, {})
    candidate = app.config["CSP_CANDIDATE"] or {}
    for place, named in {"": page, "CSP_CANDIDATE: ": candidate, **_overrides(app)}.items():
        for directive, sources in named.items():
            stricter = next(filter(_is_stricter, sources), None)
            if stricter and UNSAFE_INLINE in sources:
                yield f"{place}{directive} allows {UNSAFE_INLINE} beside {stricter}"


def is_any_host(source: str) -> bool:
    return _ANY_HOST.match(source) is not None


def _overrides(app: Flask) -> dict[str, Policy]:
    """The directives that `@csp` replaces, by view or blueprint."""
    hooks = [(name, hook) for name, listed in app.before_request_funcs.items() for hook in listed]
    overrides = {
        f"{name}: ": options_of(target, method).csp
        for name, target in [*app.view_functions.items(), *hooks]
        for method in ("GET", "POST")
    }
    return {place: dict(policy) for place, policy in overrides.items() if policy is not None}


def _is_of(directive: str, kinds: tuple[str, ...], policy: Policy) -> bool:
    inherited = directive == "default-src" and any(kind not in policy for kind in kinds)
    return directive.startswith(kinds) or inherited


def _is_stricter(source: str) -> bool:
    return source.startswith(_STRICTER)


def _effective_sources(sources: list[str]) -> list[str]:
    stricter = any(map(_is_stricter, sources))
    return [source for source in sources if not (stricter and source == UNSAFE_INLINE)]
