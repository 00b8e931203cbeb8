"""The values of the policy that an app does not set: app/policy.py overrides each of them."""

from collections.abc import Mapping
from typing import Any

from secure_flask import csp_levels

DAY = 24 * 60 * 60  # seconds

# PROJECT_NAME and SECURITY_CONTACT have no default: app/policy.py must set them.
DEFAULTS: Mapping[str, Any] = {
    "DESCRIPTION": "",
    # What a login by JSON gives: opaque, session or jwt.
    "TOKEN_TYPE": "opaque",
    # The prefix of opaque tokens: choose your own, and register it with your secret scanner.
    "OPAQUE_TOKEN_PREFIX": "sft_",
    # In seconds; None for the value of the kind of login, in secure_flask/auth/login_table.py.
    # LOGIN_IDLE = 0 lets no login end because it is idle.
    "LOGIN_LIFETIME": None,
    "LOGIN_IDLE": None,
    # For "Keep me logged in", which has no idle timeout.
    "KEPT_LIFETIME": 30 * DAY,
    # How long a refresh token that was just used gives the same answer again; 0 for never.
    "REFRESH_GRACE": 30,  # seconds
    # Paths of scripts that may be installed as service workers; see csrf.py.
    "SERVICE_WORKERS": [],
    "PASSWORD_MIN_LENGTH": 12,  # characters
    # The endpoints where a browser without a login, or without a recent one, is sent.
    "LOGIN_PAGE": "login.page",
    "REAUTHENTICATION_PAGE": "login.reauthentication_page",
    # Of request bodies, in bytes; a view may raise it for itself by max_size.
    "MAX_BODY": 64 * 1024,
    "PUBLIC_ENDPOINTS": {},
    # Whether /openapi.json, which lists all routes, needs no login.
    "PUBLIC_OPENAPI": True,
    "CORS_ORIGINS": [],
    "CORS_REQUEST_HEADERS": [],
    # The level of pages, other origins that they load from, and your changes by directive: the
    # sources are added to those of the level, and "'none'" alone allows nothing.
    "CSP": csp_levels.STRICT,
    "CSP_SOURCES": [],
    "CSP_CHANGES": {},
    # A stricter level that is tried beside the enforced one: browsers report and block nothing.
    "CSP_CANDIDATE": None,
    # Who may show the pages in a frame: "'none'", "'self'" or origins.
    "FRAME_ANCESTORS": [csp_levels.NONE],
    # Headers that replace those of web/headers.py, or are added; None removes one.
    "HEADER_CHANGES": {},
    "ACCEPTED_FINDINGS": {},
    # More lines of /.well-known/security.txt, such as "Policy" and "Preferred-Languages".
    "SECURITY_TXT": {},
    # Your words for a message, as in {"Not allowed": "Nicht erlaubt"}.
    "TEXTS": {},
}
