"""The levels of the Content-Security-Policy of pages: `CSP = csp_levels.STRICT` in app/policy.py.

Each stops an injected script, since that lacks the nonce of the response. They differ in what
else injected markup can do. CSP_CHANGES in app/policy.py adds sources to a level.
Source: W3C Content Security Policy Level 3; OWASP ASVS 3.4.3.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

NONE = "'none'"
SELF = "'self'"
NONCE = "'nonce-{nonce}'"
UNSAFE_INLINE = "'unsafe-inline'"
SCRIPT = "'script'"
DATA = "data:"
HTTPS = "https:"
SOURCES = "{sources}"  # stands for each of CSP_SOURCES
ANCESTORS = "{ancestors}"  # stands for each of FRAME_ANCESTORS
BY_LEVEL: Final = "level"  # the default of LINKS


class Level(NamedTuple):
    """A policy by directive.

    In an isolated one, pages load nothing from sites that do not agree. In one with `integrity`,
    script files run only where the page has their hashes (Integrity-Policy).
    `links` is what LINKS of app/policy.py is by default.
    """

    name: str
    directives: Mapping[str, list[str]]
    isolated: bool = False
    integrity: bool = False
    links: Sequence[str] | None = None


# Scripts cannot turn text into markup or code: innerHTML and similar sinks throw.
TRUSTED_TYPES = {"require-trusted-types-for": [SCRIPT], "trusted-types": [NONE]}

STRICT = Level(
    "STRICT",
    {
        # Nothing loads unless a directive below allows it.
        "default-src": [NONE],
        # Only scripts with this response's nonce. A host here would also allow an injected
        # script from that host.
        "script-src": [NONCE],
        "style-src": [SELF, NONCE, SOURCES],
        # Scripts in a data: image do not run.
        "img-src": [SELF, DATA, SOURCES],
        "font-src": [SELF, SOURCES],
        "connect-src": [SELF],
        "media-src": [SELF],
        "manifest-src": [SELF],
        "worker-src": [SELF],
        "object-src": [NONE],
        # An injected <base> could redirect every relative URL.
        "base-uri": [NONE],
        # An injected form could send a password to another site.
        "form-action": [SELF],
        "frame-ancestors": [ANCESTORS],
    },
)

# Browsers of all three engines know Trusted Types. To see first what they would stop:
# CSP_CANDIDATE = csp_levels.STRICT_WITH_TRUSTED_TYPES.
STRICT_WITH_TRUSTED_TYPES = Level(
    "STRICT_WITH_TRUSTED_TYPES", {**STRICT.directives, **TRUSTED_TYPES}
)

PARANOID = Level(
    "PARANOID",
    {
        "default-src": [NONE],
        "script-src": [NONCE],
        # No nonce: styles are allowed only in files.
        "style-src": [SELF, SOURCES],
        "img-src": [SELF, SOURCES],
        "font-src": [SELF, SOURCES],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [ANCESTORS],
        **TRUSTED_TYPES,
    },
    isolated=True,
    integrity=True,
    # Pages lead to no other site.
    links=(),
)

RELAXED = Level(
    "RELAXED",
    {
        "default-src": [SELF],
        # Own files, inline scripts with the nonce, and the listed origins. Every script on those
        # origins can run here, so do not list an origin that serves files of other people.
        "script-src": [SELF, NONCE, SOURCES],
        # No inline event handlers such as onclick="…", which cannot have a nonce.
        "script-src-attr": [NONE],
        # style="…" works. An injected style works too: it can read attribute values and cover
        # the page.
        "style-src": [SELF, UNSAFE_INLINE, SOURCES],
        # An injected image can send data to any https site.
        "img-src": [SELF, DATA, HTTPS],
        "font-src": [SELF, DATA, SOURCES],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [ANCESTORS],
    },
)
