"""Reads the addresses of other sites in the policy: origins, and sources as URL patterns.

An origin is an exact `scheme://host[:port]`, never a pattern. Patterns and malformed origins (a
path, a wildcard, upper case) make an allow-list match the wrong site, so lists of origins in
`policy.py` must not contain any.

Connection-Allowlist compares URL patterns with each URL. They look like sources of CSP and differ:
in a pattern a port needs its number, a path matches that path alone, and `wss:` and `'self'` match
nothing. Chromium ignores a pattern that it cannot read.
Source: RFC 6454; WHATWG URL Pattern; W3C Content Security Policy Level 3, section 6.7.2.
"""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

import click

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:.]+\])"
_PORT = r"(?::(?!0)[0-9]{1,5})?"
_HTTPS = re.compile(rf"https://{HOST}(?!:443$){_PORT}")
_ANY = re.compile(rf"[a-z][a-z0-9+.-]+://{HOST}{_PORT}")
_LOOPBACK = re.compile(rf"http://(?:localhost|127\.0\.0\.1)(?!:80$){_PORT}")

MAX_LENGTH = 300  # characters; a host name has at most 253

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
_ANY_PORT = r"(?::(?:[0-9]{1,5}|\*))?"
_LINK = re.compile(rf"(?:https?|wss?)://(?:\*|(?:\*\.)?{HOST}){_ANY_PORT}/?")
_ANY_HOST = re.compile(r"[a-z]+://\*(?::.+)?")
_NEVER_LED_TO = _OF_THE_PAGE | {f"{name}:" for name in (*_SCHEMES, "file", "javascript")}


class PolicyError(click.ClickException):
    """A value of the policy or of `app.config`, or a mark on a view, is unsafe or cannot work.

    `except PolicyError as error`: `error.message` (str) names the value; `flask` commands show it.
    """


def is_loopback(origin: str) -> bool:
    return _LOOPBACK.fullmatch(origin) is not None


def is_origin(origin: str) -> bool:
    return (_HTTPS.fullmatch(origin) is not None or is_loopback(origin)) and is_readable(origin)


def origin_for_log(sent: str | None) -> str | None:
    """The `Origin` to log: unchanged if a browser could have sent it, else "malformed"."""
    if sent in (None, "null") or (len(sent) < MAX_LENGTH and _ANY.fullmatch(sent)):
        return sent
    return "malformed"


def in_force(origins: Iterable[str], *, production: bool) -> list[str]:
    """The origins that apply in this environment: production drops loopback addresses."""
    return [origin for origin in origins if not (production and is_loopback(origin))]


def is_readable(origin: str) -> bool:
    """Whether a browser can read the address and the port; any port may be `*`."""
    try:
        return urlsplit(origin.removesuffix(":*")).port != 0
    except ValueError:  # a port above 65535, or an invalid address
        return False


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
