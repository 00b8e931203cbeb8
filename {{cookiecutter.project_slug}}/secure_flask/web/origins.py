"""Validates origins: an exact `scheme://host[:port]`, never a pattern.

Patterns and malformed origins (a path, a wildcard, upper case) make an allow-list match
the wrong site, so `policy.py` must not contain any. Source: RFC 6454.
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
