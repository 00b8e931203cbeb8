"""A login issues a session: a random id in a cookie that no script can read.

The database decides whether a session is valid, so logout is immediate. Flask's signed
cookie would stay valid after logout.
Source: OWASP Session Management Cheat Sheet; OWASP ASVS 7.2.2 to 7.3.2.
"""

from typing import Any

from flask import Flask, Request, Response, after_this_request, g, request

from app.auth import csrf_tokens, grants
from app.auth.grants import Grant
from app.auth.users import User
from app.security import cookies, csrf
from app.setting_types import Environment

NAME = "session"
# Browsers attach cookies by themselves, so writes need a CSRF token and CORS needs credentials.
COOKIE = True
# The header that carries the `token` of a login; page.js reads both.
HEADER, PREFIX = "X-CSRF-Token", ""
# The model of the body that `issue` returns.
Issued = grants.Issued

LIFETIME = 12 * 60 * 60  # 12 hours, even for an active session
IDLE = 60 * 60  # 1 hour without a request


class TokenSettings(Environment):
    """Sessions need no settings of their own."""

    @staticmethod
    def fresh_secrets() -> dict[str, str]:
        return {}


def issue(user: User) -> dict[str, Any]:
    """Log the user in with a new session id; the session of this request's cookie ends."""
    session_id = grants.new_secret()
    grants.create(user, "session", session_id, LIFETIME, replaces=_session_id(request))
    after_this_request(lambda response: _set_cookie(response, session_id))
    return {
        "token": csrf_tokens.token_for(session_id),
        "token_type": "session",
        "expires_in": LIFETIME,
    }


def authenticate(request: Request) -> Grant | None:
    """The live login of this request; a write without its CSRF token gets a 403."""
    grant = _find(request)
    if grant and request.method not in csrf.SAFE_METHODS:
        csrf_tokens.require_token(_session_id(request))
    return grant


def csrf_token(request: Request) -> str | None:
    """The CSRF token of this request's login, for `GET /me`."""
    return csrf_tokens.token_for(_session_id(request)) if _is_logged_in() else None


def revoke(grant: Grant) -> None:
    grants.end(grant.family)
    after_this_request(_expire_cookie)


def security_schemes(method: str) -> dict[str, Any]:
    """The OpenAPI security schemes of a request: a write needs the cookie and the CSRF token."""
    cookie = {"type": "apiKey", "in": "cookie", "name": cookies.name_of("session")}
    token = {"type": "apiKey", "in": "header", "name": HEADER}
    return {"cookie": cookie} | ({} if method in csrf.SAFE_METHODS else {"csrf": token})


def init_app(app: Flask) -> None:
    app.context_processor(_csrf_token_of_page)


def _csrf_token_of_page() -> dict[str, str]:
    """`csrf_token` for templates, masked; absent for anonymous visitors.

    Write it as text, never into an attribute: injected CSS can read attributes.
    """
    session_id = _session_id(request)
    return {"csrf_token": csrf_tokens.masked_token_for(session_id)} if _is_logged_in() else {}


def _is_logged_in() -> bool:
    return "grant" in g or _find(request) is not None


def _session_id(request: Request) -> str:
    return request.cookies.get(cookies.name_of("session"), "")


def _find(request: Request) -> Grant | None:
    session_id = _session_id(request)
    return grants.find(session_id, "session", idle=IDLE) if session_id else None


def _set_cookie(response: Response, session_id: str) -> Response:
    name = cookies.name_of("session")
    response.set_cookie(name, session_id, max_age=LIFETIME, **cookies.flags())
    return response


def _expire_cookie(response: Response) -> Response:
    response.delete_cookie(cookies.name_of("session"), **cookies.flags())
    return response
