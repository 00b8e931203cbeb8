"""Reads a token from `Authorization: Bearer`, and from no other place.

A token in a URL ends up in logs and histories, so none is looked for there. What no
issued token can look like is refused before anything else reads it.
Source: RFC 6750, section 2.1; OWASP ASVS 14.2.1.
"""

import re
from typing import Any

from flask import Request

MAX_LENGTH = 4096  # characters
# Without "=": padding would give one token several spellings.
_TOKEN = re.compile(r"[A-Za-z0-9._~-]+")


def bearer_token(request: Request) -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or len(token) > MAX_LENGTH or not _TOKEN.fullmatch(token):
        return None
    return token


def security_schemes(method: str) -> dict[str, Any]:
    """The OpenAPI security schemes of a request by this method: the same for all."""
    return {"bearer": {"type": "http", "scheme": "bearer"}}
