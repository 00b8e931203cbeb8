"""The sources of a Content-Security-Policy: which are valid, and which serve files of anybody.

A browser ignores an unknown directive and reads an unquoted keyword as a host name. Both
mistakes silently weaken the policy, so here they stop the app.
The lists are those of the Working Draft of 13 August 2026, with `'inline-speculation-rules'` of the
HTML Standard, and without two that no browser knows: `webrtc`, `'unsafe-allow-redirects'`.
Source: W3C Content Security Policy Level 3, sections 2.3 and 7; W3C Trusted Types; Weichselbaum et
al., "CSP Is Dead, Long Live CSP!" (2016).
"""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from secure_flask.csp_levels import NONCE, NONE, SCRIPT
from secure_flask.web.origins import PolicyError

Directives = dict[str, list[str]]

DIRECTIVES = frozenset(
    {
        *("default-src", "script-src", "script-src-elem", "script-src-attr", "style-src"),
        *("style-src-elem", "style-src-attr", "img-src", "font-src", "connect-src"),
        *("media-src", "object-src", "child-src", "frame-src", "worker-src", "manifest-src"),
        *("base-uri", "form-action", "frame-ancestors", "sandbox"),
        *("require-trusted-types-for", "trusted-types"),
    }
)
_KEYWORDS = frozenset(
    {
        *("'none'", "'self'", "'unsafe-inline'", "'unsafe-eval'", "'wasm-unsafe-eval'"),
        *("'unsafe-hashes'", "'strict-dynamic'", "'report-sample'", "'report-sha256'"),
        *("'report-sha384'", "'report-sha512'", "'trusted-types-eval'"),
        "'inline-speculation-rules'",
        *("'script'", "'allow-duplicates'"),
    }
)
_UNQUOTED = frozenset(keyword.strip("'") for keyword in _KEYWORDS)
# These two directives take unquoted words: sandbox flags and names of Trusted Types policies.
_TAKE_WORDS = frozenset({"sandbox", "trusted-types"})
_WORD = re.compile(r"[A-Za-z0-9#=_/@.%*-]+")
_HASH = re.compile(r"'sha(?:256|384|512)-[A-Za-z0-9+/_-]+={0,2}'")
# A page makes these itself, so nothing is loaded from another site.
_OF_THE_PAGE = ("data:", "blob:")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:")
_HOST = re.compile(
    r"(?:[a-z][a-z0-9+.-]*://)?(?:\*|(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*|\[[0-9a-f:.]+\])"
    r"(?::(?:[0-9]{1,5}|\*))?(?:/[A-Za-z0-9._~!$&()*+=:@%/-]*)?"
)
# These hosts serve files of any publisher, an attacker's too, or libraries that bypass a policy.
PUBLIC_CDNS = frozenset(
    {
        *("ajax.googleapis.com", "cdn.jsdelivr.net", "cdn.skypack.dev", "cdn.statically.io"),
        *("cdnjs.cloudflare.com", "esm.run", "esm.sh", "fastly.jsdelivr.net", "ga.jspm.io"),
        *("raw.githack.com", "raw.githubusercontent.com", "rawcdn.githack.com"),
        *("s3.amazonaws.com", "storage.googleapis.com", "unpkg.com"),
    }
)


def check_directives(policy: Mapping[str, list[str]]) -> None:
    """Refuse a policy that a browser would ignore or misread.

    :raises PolicyError: names the directive, the source and the correct form.
    """
    for directive, sources in policy.items():
        if directive not in DIRECTIVES:
            raise PolicyError(f"Content-Security-Policy has no directive {directive!r}.")
        if isinstance(sources, str):
            raise PolicyError(f"{directive} is a string; write a list of sources.")
        if directive == "require-trusted-types-for" and sources != [SCRIPT]:
            raise PolicyError(f'{directive} is {sources}; write ["{SCRIPT}"], or leave it out.')
        if NONE in sources and len(sources) > 1:
            raise PolicyError(f"{directive}: browsers ignore {NONE} beside other sources.")
        if not sources and directive != "sandbox":
            raise PolicyError(f'{directive} is empty; write "{NONE}" to allow nothing.')
        for source in sources:
            _check_source(directive, source)


def loads_elsewhere(policy: Mapping[str, Iterable[str]]) -> bool:
    """Whether a page with these directives may load something from another site."""
    loaded = (each for name, sources in policy.items() if "-src" in name for each in sources)
    return any(not each.startswith("'") and each not in _OF_THE_PAGE for each in loaded)


def serialize_directives(policy: Mapping[str, list[str]]) -> str:
    """The value of the header, with the placeholder `{nonce}` for the nonce."""
    return "; ".join(" ".join([directive, *sources]) for directive, sources in policy.items())


def is_whole_cdn(source: str) -> bool:
    """Whether a source of the policy is a public CDN, and not one file or folder of it."""
    parts = urlsplit(source if "//" in source else f"//{source}")
    return parts.hostname in PUBLIC_CDNS and parts.path in ("", "/")


def _check_source(directive: str, source: str) -> None:
    if source == NONCE or source in _KEYWORDS:
        return
    if directive in _TAKE_WORDS and _WORD.fullmatch(source):
        return
    if source in _UNQUOTED:
        raise PolicyError(f"{directive}: {source} without quotes is a host; write \"'{source}'\".")
    if not any(form.fullmatch(source) for form in (_HASH, _SCHEME, _HOST)):
        raise PolicyError(
            f"{directive}: {source!r} is not a source; write one origin, scheme or quoted keyword."
        )
