"""The CSRF token of a login by cookie, which a page of another site can neither read nor send.

Each page gets the token under a new random mask. An unmasked token could be recovered from
the sizes of compressed responses (BREACH).
Source: OWASP CSRF Prevention Cheat Sheet, "Signed Double-Submit Cookie"; BREACH, section 3.4;
OWASP ASVS 3.5.1.
"""

import hmac
import os
import re

from flask import current_app, request
from secure_flask.web import audit
from secure_flask.web.errors import error_response

SIZE = 32  # bytes
_PLAIN_OR_MASKED = re.compile(r"[0-9a-f]{64}(?:[0-9a-f]{64})?")


def token_for(session_id: str) -> str:
    """The CSRF token of a login: 64 hexadecimal digits, useless without the session cookie."""
    return _digest(session_id).hex()


def masked_token_for(session_id: str) -> str:
    """The same token masked, in 128 digits: a random mask, then the token XOR the mask."""
    mask = os.urandom(SIZE)
    return (mask + _xor(mask, _digest(session_id))).hex()


def require_token(session_id: str) -> None:
    """Respond 403 to a write without the token of this login: a header, or a field of a form."""
    sent = request.headers.get("X-CSRF-Token") or request.form.get("csrf_token", "")
    if not hmac.compare_digest(_unmasked(sent), _digest(session_id)):
        audit.record(audit.AUTHZ_FAIL, reason="CSRF token")
        raise error_response(403, "CSRF token missing or wrong")


def _digest(session_id: str) -> bytes:
    key = current_app.config["SECRET_KEY"].encode()
    return hmac.digest(key, b"csrf-token:" + session_id.encode(), "sha256")


def _unmasked(sent: str) -> bytes:
    """The token from its plain or masked form; empty for any other text."""
    token = bytes.fromhex(sent) if _PLAIN_OR_MASKED.fullmatch(sent) else b""
    return _xor(token[:SIZE], token[SIZE:]) if len(token) > SIZE else token


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(left ^ right for left, right in zip(one, other, strict=True))
