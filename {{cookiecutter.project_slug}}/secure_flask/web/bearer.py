"""Reads a token from `Authorization: Bearer`, and from nowhere else.

A token in a URL would end up in logs and in the browser history. A malformed token is
refused before any other code parses it. A header with another scheme is ignored, such as Basic of
a proxy. Source: RFC 6750, section 2.1; OWASP ASVS 14.2.1.
"""

import re

from flask import Request

MAX_LENGTH = 4096  # characters
# "=" is not allowed: with optional padding one token would have several encodings.
_TOKEN = re.compile(r"[A-Za-z0-9._~-]+")


def has_bearer(request: Request) -> bool:
    """Whether the request brings a bearer token, valid or not."""
    return _authorization_parts(request)[0] == "bearer"


def bearer_token(request: Request) -> str | None:
    """The token; None if it is absent or malformed."""
    scheme, token = _authorization_parts(request)
    if scheme != "bearer" or len(token) > MAX_LENGTH or not _TOKEN.fullmatch(token):
        return None
    return token


def _authorization_parts(request: Request) -> tuple[str, str]:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower(), token
