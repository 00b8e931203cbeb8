"""Cross-site request forgery: no other site may change data with a user's login.

Two independent checks cover every write: its origin, and a body type that no plain form
can send. A login by cookie adds a third check, a CSRF token bound to that login.
Source: OWASP CSRF Prevention Cheat Sheet; OWASP ASVS 3.5.1 to 3.5.3.
"""

from flask import Flask, current_app, request

from app.security import audit, origins
from app.security.errors import error_response
from app.security.view_options import Decorated, add_options, view_options

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
# Any site can send these without a preflight.
# Source: Fetch Standard, "CORS-safelisted request-header".
SENT_BY_FORMS = {"application/x-www-form-urlencoded", "multipart/form-data", "text/plain", ""}


def exempt(view: Decorated) -> Decorated:
    """Exempt a view from these checks. The view must not authenticate its caller."""
    return add_options(view, csrf_exempt=True)


def init_app(app: Flask) -> None:
    app.before_request(_refuse_cross_site_writes)


def _refuse_cross_site_writes() -> None:
    if request.method in SAFE_METHODS or view_options().csrf_exempt:
        return
    if not _is_from_a_trusted_page():
        origin = origins.as_logged(request.headers.get("Origin"))
        audit.record(audit.AUTHZ_FAIL, reason="cross-site write", origin=origin)
        origins.hint(origin or "")
        raise error_response(403, "Cross-site request refused")
    # No plain form can send JSON, nor a type that `@consumes` accepts.
    consumed = view_options().consumes or ["application/json"]
    if _has_body() and request.mimetype not in consumed:
        raise error_response(415, f"Content-Type must be {' or '.join(consumed)}")


def _is_from_a_trusted_page() -> bool:
    origin = request.headers.get("Origin")
    if origin is None:
        return request.headers.get("Sec-Fetch-Site", "none") in ("same-origin", "none")
    own = f"{request.scheme}://{request.host}"
    return origin == own or origin in current_app.extensions["cors_origins"]


def _has_body() -> bool:
    return bool(request.content_length) or "Transfer-Encoding" in request.headers
