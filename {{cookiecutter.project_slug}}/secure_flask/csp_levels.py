"""The levels of the Content-Security-Policy of pages: `CSP = csp_levels.STRICT` in app/policy.py.

Each level stops an injected script, which lacks the nonce of the response. The levels differ in
what else injected markup can do. CSP_CHANGES in app/policy.py adds sources to a level.
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
    """A policy: the sources of each directive.

    Pages of an `isolated` level load nothing from sites that do not agree. With `integrity`,
    script files run only if the page has their hashes (Integrity-Policy).
    `links` is the default of LINKS in app/policy.py.
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
        # Only scripts with this response's nonce run. A host here would also allow an injected
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

# Browsers of all three engines know Trusted Types. This level as CSP_CANDIDATE reports what they
# would stop, and blocks nothing.
STRICT_WITH_TRUSTED_TYPES = Level(
    "STRICT_WITH_TRUSTED_TYPES", {**STRICT.directives, **TRUSTED_TYPES}
)

PARANOID = Level(
    "PARANOID",
    {
        "default-src": [NONE],
        "script-src": [NONCE],
        # Styles are allowed only in files, since there is no nonce.
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
        # Files of this site and inline scripts with the nonce run, and every script of the listed
        # origins. So do not list an origin that serves files of other people.
        "script-src": [SELF, NONCE, SOURCES],
        # Inline event handlers such as onclick="…" do not run: they cannot have a nonce.
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
