"""Cross-site request forgery: no other site may write with a user's login.

Three independent checks: where the request comes from, a body type that no plain
form can send, and, for a write by cookie, a token bound to the login.
Source: OWASP CSRF Prevention Cheat Sheet; OWASP ASVS 3.5.1 to 3.5.3.
"""

import hmac
from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, Response, abort, current_app, request

from app.security import audit
from app.security.errors import refusal
from app.security.marks import view_has

View = TypeVar("View", bound=Callable[..., Any])

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


def exempt(view: View) -> View:
    """Mark a view that anybody may post to. It must authenticate nobody."""
    view.csrf_exempt = True  # type: ignore[attr-defined]
    return view


def token_for(session_id: str) -> str:
    """The CSRF token of a login: 64 hexadecimal digits, useless without its cookie."""
    key = current_app.config["SECRET_KEY"].encode()
    return hmac.digest(key, b"csrf-token:" + session_id.encode(), "sha256").hex()


def require_token(session_id: str) -> None:
    """Refuse a write whose `X-CSRF-Token` is not the one of this login, with 403."""
    sent = request.headers.get("X-CSRF-Token", "")
    if not hmac.compare_digest(sent.encode(), token_for(session_id).encode()):
        audit.record(audit.AUTHZ_FAIL, reason="CSRF token")
        abort(refusal(403, "Missing or wrong X-CSRF-Token"))


def init_app(app: Flask) -> None:
    app.before_request(_refuse_cross_site_writes)


def _refuse_cross_site_writes() -> Response | None:
    if request.method in SAFE_METHODS:
        return None
    if view_has("csrf_exempt"):
        return None
    if not _is_from_a_trusted_page():
        origin = request.headers.get("Origin")
        audit.record(audit.AUTHZ_FAIL, reason="cross-site write", origin=origin)
        return refusal(403, "Cross-site request refused")
    if _has_body() and request.mimetype != "application/json":
        return refusal(415, "Content-Type must be application/json")
    return None


def _is_from_a_trusted_page() -> bool:
    origin = request.headers.get("Origin")
    if origin is None:
        return request.headers.get("Sec-Fetch-Site", "none") in ("same-origin", "none")
    own = f"{request.scheme}://{request.host}"
    return origin == own or origin in current_app.extensions["cors_origins"]


def _has_body() -> bool:
    return bool(request.content_length) or "Transfer-Encoding" in request.headers
