"""Which sources the pages' policy allows, and what `@csp` changes for a view or a blueprint."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from flask import Flask

from app.security import csp
from app.security.csp_syntax import UNSAFE_INLINE, Policy
from app.security.view_options import options_of

# They serve what anybody published, or libraries that undo a policy, beside what you want.
PUBLIC_CDNS = frozenset(
    {
        "ajax.googleapis.com",
        "cdn.jsdelivr.net",
        "cdn.skypack.dev",
        "cdn.statically.io",
        "cdnjs.cloudflare.com",
        "esm.run",
        "esm.sh",
        "fastly.jsdelivr.net",
        "ga.jspm.io",
        "raw.githack.com",
        "raw.githubusercontent.com",
        "rawcdn.githack.com",
        "s3.amazonaws.com",
        "storage.googleapis.com",
        "unpkg.com",
    }
)

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
# Beside one of these browsers ignore 'unsafe-inline'.
_STRICTER = ("'nonce-", "'sha256-", "'sha384-", "'sha512-")
_ANY_HOST = re.compile(r"(?:[a-z]+://)?\*|(?:http|ws)s?:\Z")


def allowed(app: Flask, kinds: tuple[str, ...], loose: Callable[[str], bool]) -> Iterator[str]:
    """Each loose source of directives of these kinds, as in `script-src allows data:`."""
    page = csp.effective(app.config, {})
    for place, named in {"": page, **_overrides(app)}.items():
        policy = {**page, **named}
        for directive in filter(lambda directive: _is_of(directive, kinds, policy), named):
            for source in filter(loose, _counting(named[directive])):
                yield f"{place}{directive} allows {source}"


def ignored(app: Flask) -> Iterator[str]:
    """Each 'unsafe-inline' that browsers ignore, with the nonce or hash that switches it off."""
    page = csp.effective(app.config, {})
    candidate = app.config["CSP_CANDIDATE"] or {}
    for place, named in {"": page, "CSP_CANDIDATE: ": candidate, **_overrides(app)}.items():
        for directive, sources in named.items():
            stricter = next(filter(_is_stricter, sources), None)
            if stricter and UNSAFE_INLINE in sources:
                yield f"{place}{directive} allows {UNSAFE_INLINE} beside {stricter}"


def is_any_host(source: str) -> bool:
    return _ANY_HOST.match(source) is not None


def is_whole_cdn(source: str) -> bool:
    parts = urlsplit(source if "//" in source else f"//{source}")
    return parts.hostname in PUBLIC_CDNS and parts.path in ("", "/")


def _overrides(app: Flask) -> dict[str, Policy]:
    """What `@csp` replaces, by the view or blueprint that it stands on."""
    hooks = [(name, hook) for name, listed in app.before_request_funcs.items() for hook in listed]
    noted = {
        f"{name}: ": options_of(target, method).csp
        for name, target in [*app.view_functions.items(), *hooks]
        for method in ("GET", "POST")
    }
    return {place: dict(policy) for place, policy in noted.items() if policy is not None}


def _is_of(directive: str, kinds: tuple[str, ...], policy: Policy) -> bool:
    inherited = directive == "default-src" and any(kind not in policy for kind in kinds)
    return directive.startswith(kinds) or inherited


def _is_stricter(source: str) -> bool:
    return source.startswith(_STRICTER)


def _counting(sources: list[str]) -> list[str]:
    stricter = any(map(_is_stricter, sources))
    return [source for source in sources if not (stricter and source == UNSAFE_INLINE)]
