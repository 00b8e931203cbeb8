"""A session: a random id in a cookie that no script can read. Pages log in by it.

The database decides whether a session is valid, so logout is immediate. Flask's signed
cookie would stay valid after logout.
Source: OWASP Session Management Cheat Sheet; OWASP ASVS 7.2.2 to 7.3.2.
"""

from typing import Any

import flask
from flask import Request, Response, after_this_request, request
from secure_flask.auth import logins
from secure_flask.auth.logins import Login, Voucher
from secure_flask.auth.user_sessions import keep_session_for
from secure_flask.auth.users import UserMixin
from secure_flask.web import cookies

KIND = "session"


def issue_token(
    user: UserMixin,
    *,
    keep: bool = False,
    second_factor: bool = False,
    replaces: Login | None = None,
    voucher: Voucher | None = None,
) -> dict[str, Any]:
    """Log the user in with a new session id; the session of this request's cookie ends."""
    session_id = logins.new_secret()
    login = logins.start_login(
        user,
        KIND,
        session_id,
        kept=keep,
        shown=_session_id(request),
        second_factor=second_factor,
        replaces=replaces,
        voucher=voucher,
    )
    keep_session_for(user)
    lifetime = login.expires - login.created
    after_this_request(lambda response: _set_cookie(response, session_id, lifetime))
    return {"token_type": KIND, "expires_in": lifetime}


def find_login(request: Request) -> Login | None:
    session_id = _session_id(request)
    return logins.find_login_by_secret(KIND, session_id) if session_id else None


def forget_session() -> None:
    """Let the browser delete the cookie and all data that it stored for this site."""
    if flask.session:
        flask.session.clear()
    after_this_request(_clear_browser)


def _session_id(request: Request) -> str:
    return request.cookies.get(cookies.cookie_name(KIND), "")


def _set_cookie(response: Response, session_id: str, lifetime: int) -> Response:
    response.set_cookie(
        cookies.cookie_name(KIND), session_id, max_age=lifetime, **cookies.cookie_flags()
    )
    return response


def _clear_browser(response: Response) -> Response:
    response.delete_cookie(cookies.cookie_name(KIND), **cookies.cookie_flags())
    # The value "cookies" is left out: it would delete the cookies of sibling sites too. WebKitGTK
    # ignores the header, so there the data that scripts stored stays.
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response
