"""Reads a token from `Authorization: Bearer`, and from nowhere else.

TOKEN_SCHEMES of the policy replaces `Bearer`. The check of cross-site writes trusts these schemes,
since no browser sends them by itself.
A token in a URL would end up in logs and in the browser history. A malformed token is
refused before any other code parses it. A header with another scheme is ignored, such as Basic of
a proxy. Source: RFC 6750, section 2.1; OWASP ASVS 14.2.1.
"""

import re

from flask import Request, current_app

MAX_LENGTH = 4096  # characters
# "=" is not allowed: with optional padding one token would have several encodings.
_TOKEN = re.compile(r"[A-Za-z0-9._~-]+")


def has_bearer(request: Request) -> bool:
    """Whether the request brings a bearer token, valid or not."""
    return _is_token_scheme(_authorization_parts(request)[0])


def bearer_token(request: Request) -> str | None:
    """The token; None if it is absent or malformed."""
    scheme, token = _authorization_parts(request)
    if not _is_token_scheme(scheme) or len(token) > MAX_LENGTH or not _TOKEN.fullmatch(token):
        return None
    return token


def token_schemes() -> list[str]:
    """The schemes that bring a token. A login names the first."""
    schemes: list[str] = current_app.config["TOKEN_SCHEMES"]
    return schemes


def challenge(parameters: str = "") -> str:
    """The value of WWW-Authenticate, with the same parameters for each scheme.

    Source: RFC 9110, section 11.6.1.
    """
    return ", ".join(f"{scheme} {parameters}".rstrip() for scheme in token_schemes())


def _is_token_scheme(scheme: str) -> bool:
    return any(scheme == each.lower() for each in token_schemes())


def _authorization_parts(request: Request) -> tuple[str, str]:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower(), token
