"""The CSRF token of a login by cookie: a page of another site cannot know it, nor send it.

Source: OWASP CSRF Prevention Cheat Sheet, "Signed Double-Submit Cookie"; OWASP ASVS 3.5.1.
"""

import hmac

from flask import abort, current_app, request

from app.security import audit
from app.security.errors import refusal


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
