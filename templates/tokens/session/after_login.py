"""Where a login leads: to the page that was asked for, or otherwise to the start page.

Source: OWASP Unvalidated Redirects and Forwards Cheat Sheet; OWASP ASVS 3.7.2.
"""

from flask import request

from app.auth import next_pages


def page() -> str:
    return next_pages.checked(request.args.get("next")) or _default()


def _default() -> str:
    return f"{request.root_path}/"
