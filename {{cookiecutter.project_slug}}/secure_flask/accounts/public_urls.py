"""Makes links for mails from PUBLIC_URL, never from the Host header of a request.

An attacker who asks for a mail to somebody else chooses that header, and the link would lead to
the attacker's host. Source: OWASP Forgot Password Cheat Sheet; OWASP ASVS 6.4.3.
"""

import os
from urllib.parse import urlsplit

from flask import current_app


def public_origin() -> str:
    """PUBLIC_URL, which production demands, or else the address of `make run`."""
    served = f"http://localhost:{os.environ.get('FLASK_RUN_PORT', 8000)}"
    return current_app.config["PUBLIC_URL"] or served


def public_host() -> str:
    """The host of the site, to which passkeys belong."""
    return urlsplit(public_origin()).hostname or ""


def public_link(endpoint: str, **values: object) -> str:
    """The absolute address of a view, also outside of requests, for mails.

    `public_link("pages.index")`; `values` are the parameters of its address.

    :raises werkzeug.routing.BuildError: there is no such view, or a parameter is missing.
    """
    root = current_app.config["APPLICATION_ROOT"].rstrip("/")
    # Outside of requests, url_for needs SERVER_NAME.
    return public_origin() + current_app.url_map.bind("", script_name=root).build(endpoint, values)
