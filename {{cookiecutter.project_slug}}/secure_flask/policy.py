"""The values of the policy that an app does not set: app/policy.py overrides each of them."""

from collections.abc import Mapping
from typing import Any

DAY = 24 * 60 * 60  # seconds

# What app/policy.py sets in each project; the check of misspelt names knows them by this list.
WITHOUT_DEFAULT = frozenset(
    {
        *("PROJECT_NAME", "SECURITY_CONTACT", "CSP", "CSP_SOURCES", "FRAME_ANCESTORS", "HEADERS"),
        *("PAGE_HEADERS", "OTHER_HEADERS", "STRICT_TRANSPORT_SECURITY"),
    }
)
DEFAULTS: Mapping[str, Any] = {
    "DESCRIPTION": "",
    # What a login by JSON gives: session, opaque, jwt or paseto.
    "TOKEN_TYPE": "session",
    # The begin of opaque tokens: choose your own, and register it with your secret scanner.
    "OPAQUE_TOKEN_PREFIX": "sft_",
    # In seconds; None for the value of the kind of login, in secure_flask/auth/grants.py.
    # LOGIN_IDLE = 0 lets no login end because it is idle.
    "LOGIN_LIFETIME": None,
    "LOGIN_IDLE": None,
    # For "Keep me logged in", which has no idle timeout.
    "KEPT_LIFETIME": 30 * DAY,
    "PASSWORD_MIN_LENGTH": 12,  # characters
    # The endpoints where a browser without a login, or without a recent one, is sent.
    "LOGIN_PAGE": "login.page",
    "REAUTHENTICATION_PAGE": "login.reauthentication_page",
    # Of request bodies, in bytes; a view may raise it for itself by max_size.
    "MAX_BODY": 64 * 1024,
    "PUBLIC_ENDPOINTS": {},
    "CORS_ORIGINS": [],
    "CORS_REQUEST_HEADERS": [],
    "CSP_CANDIDATE": None,
    "ACCEPTED_FINDINGS": {},
    # More lines of /.well-known/security.txt, such as "Policy" and "Preferred-Languages".
    "SECURITY_TXT": {},
    # Your words for a message, as in {"Not allowed": "Nicht erlaubt"}.
    "TEXTS": {},
}
