"""Checks `next`, the page to return to after a login, so that it leads to no other site.

Source: OWASP Unvalidated Redirects and Forwards Cheat Sheet; OWASP ASVS 3.7.2.
"""

import re
from urllib.parse import quote, unquote, urlsplit

from flask import current_app, request
from secure_flask.web.csrf import SAFE_METHODS
from werkzeug.exceptions import HTTPException

# Browsers read a backslash as a slash, and drop control characters: `/\t/` is `//`.
_PATH_AND_QUERY = re.compile(r"/(?![/\\])[!-\[\]-~]{0,2000}")


def current_page() -> str | None:
    """The address of this request, to return to it; None for a write, whose body is lost."""
    if request.method not in SAFE_METHODS:
        return None
    path = quote(request.root_path + request.path)
    query = request.query_string.decode("ascii", "replace")
    return checked_target(f"{path}?{query}" if query else path)


def checked_next() -> str | None:
    """`next` in the address of this request, if it is a page of this site; else None.

    It is a path with its query, for a redirect: `redirect(checked_next() or "/", 303)`.
    """
    return checked_target(request.args.get("next"))


def checked_target(target: str | None) -> str | None:
    """The target if it is a page of this site, else None: a path that a GET route serves.

    Login pages are not accepted, since they would lead back to themselves.
    """
    if not (target and _PATH_AND_QUERY.fullmatch(target)) or "#" in target:
        return None
    path = unquote(urlsplit(target).path)
    # Browsers resolve dot segments, so the target would be another page than the one checked.
    if {".", ".."} & set(path.split("/")):
        return None
    root = request.root_path
    served = path.startswith(f"{root}/") and _endpoint(path.removeprefix(root))
    login_pages = [current_app.config[name] for name in ("LOGIN_PAGE", "REAUTHENTICATION_PAGE")]
    return target if served and served not in login_pages else None


def _endpoint(path: str) -> str | None:
    adapter = current_app.create_url_adapter(request)
    try:
        endpoint, _ = adapter.match(path, method="GET") if adapter else (None, {})
    except HTTPException:  # no route, no GET, or a redirect
        return None
    return str(endpoint)
