"""Makes links for mails from PUBLIC_URL, never from the Host header of a request.

Whoever asks for a mail to somebody else chooses that header, and the link would lead to a
host of theirs. Source: OWASP Forgot Password Cheat Sheet; OWASP ASVS 6.4.3.
"""

from flask import current_app, has_request_context, request

# Where `make run` serves, for the mails of commands in development.
DEVELOPMENT = "http://localhost:8000"


def origin() -> str:
    """The site's address: PUBLIC_URL, or in development without it the address of this request."""
    configured: str = current_app.config["PUBLIC_URL"]
    # hosts.py has checked the Host. Settings demand PUBLIC_URL in production.
    requested = f"{request.scheme}://{request.host}" if has_request_context() else DEVELOPMENT
    return configured or requested


def link(endpoint: str, **values: object) -> str:
    """The absolute address of a view, also outside of requests."""
    root = request.script_root if has_request_context() else current_app.config["APPLICATION_ROOT"]
    # Not url_for, which needs SERVER_NAME in commands.
    return origin() + current_app.url_map.bind("", script_name=root).build(endpoint, values)
