"""Cross-site request forgery: no other site may change data with a user's login.

Browsers say by themselves where a request comes from, in Origin and Sec-Fetch-Site, and no page
can forge either. So there is no token, and visitors need no cookie. A second check is independent:
a view takes only JSON, which no plain form can send, unless it is marked `@consumes_form`.
docs/decisions of the template has the table of all cases.
Source: OWASP CSRF Prevention Cheat Sheet, "Fetch Metadata"; W3C Fetch Metadata; Go 1.25, net/http,
CrossOriginProtection; OWASP ASVS 3.5.1 to 3.5.3, 4.4.2.
"""

from flask import Flask, Request, abort, current_app
from secure_flask.web import audit, origins, request_checks
from secure_flask.web.bearer import has_bearer
from secure_flask.web.errors import error_response
from secure_flask.web.form_types import has_body, is_form
from secure_flask.web.view_options import Decorated, add_options, view_options

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
REFUSED = "Cross-site request refused"


def exempt(view: Decorated) -> Decorated:
    """Exempt a view from these checks. The view must not authenticate its caller."""
    return add_options(view, csrf_exempt=True)


def init_app(app: Flask) -> None:
    # No FlaskForm has a token, those of extensions included, and templates that print one stay.
    app.config["WTF_CSRF_ENABLED"] = False
    app.add_template_global(lambda: "", "csrf_token")
    request_checks.register(app, _check)


def reads_no_cookie(request: Request) -> bool:
    """Whether a request is answered as if it had no cookie of any name.

    A bearer token authenticates by itself. A page of CORS_ORIGINS may use this site's cookies only
    where programs log in by them.
    """
    by_cookie = current_app.config["TOKEN_TYPE"] == "session"  # noqa: S105 - a kind of token
    return has_bearer(request) or (_is_listed(request.headers.get("Origin")) and not by_cookie)


def _check(request: Request) -> None:
    if request.method in SAFE_METHODS:
        _check_read(request)
        return
    options = view_options(request)
    if options.csrf_exempt:
        return
    if not (has_bearer(request) or _is_from_here(request)):
        raise _refused(request)
    consumed = options.consumes or ["application/json"]
    if has_body(request) and request.mimetype not in consumed:
        raise error_response(415, f"Content-Type must be {' or '.join(consumed)}")


def _check_read(request: Request) -> None:
    # A service worker of this site turns the form posts of other sites into the site's own.
    installs = "Service-Worker" in request.headers
    if installs and request.path not in set(current_app.config["SERVICE_WORKERS"]):
        abort(404)
    # Browsers open a WebSocket of any site with the user's cookies, and without CORS.
    if "websocket" in request.headers.get("Upgrade", "").lower():
        without_login = "Origin" not in request.headers and not _has_cookie(request)
        if not (without_login or _is_own_page(request)):
            raise _refused(request)


def _is_from_here(request: Request) -> bool:
    """Whether a page of this site has sent this request, one of CORS_ORIGINS, or a program.

    Values are compared whole, so a header that was sent twice matches nothing.
    """
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    if is_form(request) and request.headers.get("Sec-Fetch-Mode") == "same-origin":
        return False  # no form sends this, only a service worker that passes one on
    if origin is None:
        return site == "same-origin" or (site in ("none", None) and _is_program(request))
    if origin == _own_origin(request):
        return _is_own_page(request)
    # The site's own page under `Referrer-Policy: no-referrer`.
    if origin == "null":
        return site == "same-origin"
    preflighted = request.method != "POST" or request.mimetype == "application/json"
    return _is_listed(origin) and site in ("same-site", "cross-site", None) and preflighted


def _is_program(request: Request) -> bool:
    """Whether no browser of any age could have sent this with a user's login, as curl does."""
    return not (_has_cookie(request) or is_form(request))


def _has_cookie(request: Request) -> bool:
    return "HTTP_COOKIE" in request.environ


def _is_own_page(request: Request) -> bool:
    # With another Sec-Fetch-Site, a proxy has replaced the Origin of another site.
    own = request.headers.get("Origin") == _own_origin(request)
    return own and request.headers.get("Sec-Fetch-Site") in ("same-origin", None)


def _own_origin(request: Request) -> str:
    return f"{request.scheme}://{request.host}"


def _is_listed(origin: str | None) -> bool:
    return origin in current_app.extensions["cors_origins"]


def _refused(request: Request) -> Exception:
    origin = origins.as_logged(request.headers.get("Origin"))
    # Both, since a proxy that drops the port from Host looks like another site. A probe is
    # answered for any Host.
    own = origins.as_logged(_own_origin(request).lower())
    audit.record(audit.AUTHZ_FAIL, reason="cross-site write", origin=origin, own_origin=own)
    is_program = origin is None and "Sec-Fetch-Site" not in request.headers
    return error_response(403, f"{REFUSED}: send the header Origin" if is_program else REFUSED)
