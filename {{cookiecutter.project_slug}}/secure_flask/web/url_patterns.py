"""Sources of the policy as URL patterns, which Connection-Allowlist compares with each URL.

Both look alike and differ: in a pattern a port needs its number, a path matches that path alone,
and `wss:` and `'self'` match nothing. Chromium ignores a pattern that it cannot read.
Source: WHATWG URL Pattern; W3C Content Security Policy Level 3, section 6.7.2.
"""

import re

from secure_flask.web.origins import HOST, is_readable

# A page makes these itself, without a connection.
_OF_THE_PAGE = frozenset({"about:", "blob:", "data:", "filesystem:", "mediastream:"})
# A source with a scheme needs patterns for these: pages upgrade http, and wss counts as https.
_SCHEMES = {
    "https": ("https",),
    "wss": ("https",),
    "http": ("https", "http"),
    "ws": ("https", "http"),
}
_DEFAULT_PORTS = {"https": "443", "wss": "443", "http": "80", "ws": "80"}
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):")
_SOURCE = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+.-]*)://)?(?P<host>\[[^\]]+\]|[^/:]+)"
    r"(?::(?P<port>[0-9]+|\*))?(?:/.*)?"
)
_PORT = r"(?::(?:[0-9]{1,5}|\*))?"
_LINK = re.compile(rf"(?:https?|wss?)://(?:\*|(?:\*\.)?{HOST}){_PORT}/?")
_ANY_HOST = re.compile(r"[a-z]+://\*(?::.+)?")
_NEVER_LED_TO = _OF_THE_PAGE | {f"{name}:" for name in (*_SCHEMES, "file", "javascript")}


def is_link(text: str) -> bool:
    """Whether LINKS may hold a text: an origin, `https://*.host`, or an app's scheme as `sms:`."""
    if _SCHEME.fullmatch(text):
        return text not in _NEVER_LED_TO
    return _LINK.fullmatch(text) is not None and is_readable(text.removesuffix("/"))


def url_patterns(source: str, scheme: str) -> list[str]:
    """The patterns of a source of CSP or LINKS in a page of this scheme; none for a keyword."""
    if source.startswith("'") or source in _OF_THE_PAGE:
        return []
    if alone := _SCHEME.fullmatch(source):
        return [f"{each}://*:*" for each in _SCHEMES.get(alone[1], ())] or [f"{source}*"]
    return _patterns_of_host(source, scheme)


def matches_any_host(pattern: str) -> bool:
    return _ANY_HOST.fullmatch(pattern) is not None


def _patterns_of_host(source: str, page_scheme: str) -> list[str]:
    found = _SOURCE.fullmatch(source)
    if found is None or not is_readable(f"//{found['host']}:{found['port'] or '*'}"):
        return []
    scheme = found["scheme"] or page_scheme
    # A lone * allows every port in CSP.
    port = "*" if source == "*" else found["port"]
    ending = "" if port in (None, _DEFAULT_PORTS.get(scheme)) else f":{port}"
    # A colon before letters would begin the name of a group in the pattern.
    host = found["host"].replace(":", r"\:")
    return [f"{each}://{host}{ending}" for each in _SCHEMES.get(scheme, (scheme,))]
