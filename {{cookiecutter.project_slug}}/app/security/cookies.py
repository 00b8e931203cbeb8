"""Cookie flags: bound to this host, sent only over https, not readable by scripts.

The `__Host-` prefix makes a browser refuse the cookie when a sibling domain or plain
http tries to set it. In development over plain http, the prefix and Secure are omitted,
since Safari would drop the cookie. Source: RFC 6265bis; OWASP ASVS 3.3.1.
"""

from typing import TypedDict

from flask import Flask, Request, current_app, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface


class CookieFlags(TypedDict):
    secure: bool
    httponly: bool
    samesite: str
    path: str


class OpenedByCookie(SecureCookieSessionInterface):
    """Opens Flask's session empty where its cookie did not come, which costs no signature."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if app.config["SESSION_COOKIE_NAME"] in request.environ.get("HTTP_COOKIE", ""):
            return super().open_session(app, request)
        return self.session_class()


def name_of(purpose: str) -> str:
    return f"__Host-{purpose}" if _secure() else f"dev-{purpose}"


def flags() -> CookieFlags:
    return {"secure": _secure(), "httponly": True, "samesite": "Lax", "path": "/"}


def init_app(app: Flask) -> None:
    """Protect Flask's own session, which extensions may use; the login has a separate cookie."""
    production = app.config["PRODUCTION"]
    app.config["SESSION_COOKIE_NAME"] = "__Host-flask" if production else "dev-flask"
    app.config["SESSION_COOKIE_SECURE"] = production
    app.config["SESSION_COOKIE_HTTPONLY"] = True
    app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
    app.config["SESSION_COOKIE_PATH"] = "/"
    app.session_interface = OpenedByCookie()


def _secure() -> bool:
    return bool(current_app.config["PRODUCTION"]) or request.is_secure
