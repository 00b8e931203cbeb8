"""A login issues a session: a random id in a cookie that no script can read.

The database decides whether a session is valid, so logout is immediate. Flask's signed
cookie would stay valid after logout.
Source: OWASP Session Management Cheat Sheet; OWASP ASVS 7.2.2 to 7.3.2.
"""

from typing import Any

import flask
from flask import Flask, Request, Response, after_this_request, current_app, g, request
from secure_flask.auth import csrf_tokens, grants, logins
from secure_flask.auth.grants import Grant
from secure_flask.auth.users import UserMixin
from secure_flask.web import cookies, csrf

KIND = "session"  # of its rows
# The header that carries the CSRF token, which `token` of a login is here.
HEADER = "X-CSRF-Token"
# The model of the body that `issue` returns.
Issued = grants.Issued


def issue(user: UserMixin, *, replaces: str = "", keep: bool = False) -> dict[str, Any]:
    """Log the user in with a new session id; the session of this request's cookie ends.

    With `keep` the session lasts for KEPT_LIFETIME, without an idle timeout.
    """
    session_id = grants.new_secret()
    lifetime = current_app.config["KEPT_LIFETIME"] if keep else grants.lifetime_of(KIND)
    shown = _session_id(request)
    logins.create(
        user, KIND, session_id, lifetime=lifetime, kept=keep, shown=shown, replaces=replaces
    )
    g.pop("login", None)
    if "grant" not in g:
        _clear_flask_session()
    after_this_request(lambda response: _set_cookie(response, session_id, lifetime))
    return {
        "token": csrf_tokens.token_for(session_id),
        "token_type": "session",
        "expires_in": lifetime,
    }


def find_login(request: Request) -> Grant | None:
    if "login" not in g:
        # First None: an error page must not repeat a lookup that failed.
        g.login = None
        g.login = _find(_session_id(request))
    login: Grant | None = g.login
    return login


def authenticate(request: Request) -> Grant | None:
    """The live login of this request; a write without its CSRF token gets a 403."""
    grant = find_login(request)
    if grant and request.method not in csrf.SAFE_METHODS:
        csrf_tokens.require_token(_session_id(request))
    return grant


def csrf_token(request: Request, *, masked: bool = False) -> str | None:
    if find_login(request) is None:
        return None
    make = csrf_tokens.masked_token_for if masked else csrf_tokens.token_for
    return make(_session_id(request))


def revoke(grant: Grant) -> None:
    logins.end(grant.family)
    g.pop("login", None)
    _clear_flask_session()
    after_this_request(_expire_cookie)


def security_schemes(method: str) -> dict[str, Any]:
    """The OpenAPI security schemes of a request: a write needs the cookie and the CSRF token."""
    cookie = {"type": "apiKey", "in": "cookie", "name": cookies.name_of("session")}
    token = {"type": "apiKey", "in": "header", "name": HEADER}
    return {"cookie": cookie} | ({} if method in csrf.SAFE_METHODS else {"csrf": token})


def init_app(app: Flask) -> None:
    """Nothing to set up."""


def _clear_flask_session() -> None:
    """Drop what Flask's own session holds: the next user of this browser must not see it."""
    if flask.session:
        flask.session.clear()


def _session_id(request: Request) -> str:
    return request.cookies.get(cookies.name_of("session"), "")


def _find(session_id: str) -> Grant | None:
    return grants.find(session_id, KIND) if session_id else None


def _set_cookie(response: Response, session_id: str, lifetime: int) -> Response:
    name = cookies.name_of("session")
    response.set_cookie(name, session_id, max_age=lifetime, **cookies.flags())
    return response


def _expire_cookie(response: Response) -> Response:
    response.delete_cookie(cookies.name_of("session"), **cookies.flags())
    return response
