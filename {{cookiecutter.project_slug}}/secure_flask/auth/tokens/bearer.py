"""Reads a token from `Authorization: Bearer`, and from nowhere else.

A token in a URL would end up in logs and in the browser history. A malformed token is
refused before any other code parses it.
Source: RFC 6750, section 2.1; OWASP ASVS 14.2.1.
"""

import re
from typing import Any

from flask import Request

MAX_LENGTH = 4096  # characters
# Without "=": with optional padding one token would have several encodings.
_TOKEN = re.compile(r"[A-Za-z0-9._~-]+")


def has_bearer(request: Request) -> bool:
    """Whether the request brings a bearer token, valid or not. Another scheme counts as none."""
    return request.headers.get("Authorization", "").partition(" ")[0].lower() == "bearer"


def bearer_token(request: Request) -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or len(token) > MAX_LENGTH or not _TOKEN.fullmatch(token):
        return None
    return token


def security_schemes(method: str) -> dict[str, Any]:
    """The OpenAPI security schemes, the same for each method."""
    return {"bearer": {"type": "http", "scheme": "bearer"}}
