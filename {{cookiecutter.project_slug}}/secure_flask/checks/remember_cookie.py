"""Finds what the cookie of Flask-Login lacks that keeps a user logged in for a year.

Source: OWASP ASVS 3.3.1, 3.3.2, 3.3.4.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from flask import Flask
from secure_flask.checks.registry import Finding, register_check


class _Flag(NamedTuple):
    default: Any  # that of Flask-Login
    protects: tuple[Any, ...]
    otherwise: str


_FLAGS = {
    "SECURE": _Flag(False, (True,), "it is also sent without encryption"),
    "HTTPONLY": _Flag(True, (True,), "an injected script can read it"),
    "SAMESITE": _Flag(None, ("Lax", "Strict"), "requests that other sites begin carry it"),
}


@register_check("remember-cookie.unprotected", "warning")
def unprotected_cookie(app: Flask) -> Iterator[Finding]:
    # Flask-Login puts itself there.
    flags = _FLAGS if hasattr(app, "login_manager") else {}
    for flag, (default, protects, otherwise) in flags.items():
        name = f"REMEMBER_COOKIE_{flag}"
        is_needed = app.config["PRODUCTION"] or flag != "SECURE"  # Development has no https.
        if is_needed and app.config.get(name, default) not in protects:
            yield Finding(
                f"{name} is not {protects[0]!r}: the cookie keeps a login, and {otherwise}.",
                hint=f"Write {name}={protects[0]!r} into app.config.update.",
            )
