"""Cross-site request forgery: no other site may change data with a user's login.

Browsers say by themselves where a request comes from, in Origin and Sec-Fetch-Site, and no page
can forge either. So there is no token, and visitors need no cookie. A second check is independent:
a view takes only JSON, which no plain form can send, unless it is marked `@consumes_form`. A form is
a request that a page of any site can send without a preflight.
Record 13 in docs/decisions of the template has a table of all cases; row numbers refer to it.
Source: OWASP CSRF Prevention Cheat Sheet, "Fetch Metadata"; W3C Fetch Metadata; Go 1.25, net/http,
CrossOriginProtection; Fetch Standard, "CORS-safelisted request-header"; OWASP ASVS 3.5.1 to 3.5.3,
4.4.2.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import flask
from flask import Flask, Request, abort, current_app
from secure_flask.state import app_state
from secure_flask.web import audit, origins
from secure_flask.web.bearer import has_bearer
from secure_flask.web.cors import CORS_ORIGINS
from secure_flask.web.errors import add_hint, error_response
from secure_flask.web.flask_hooks import add_request_check, add_to_templates
from secure_flask.web.origins import PolicyError
from secure_flask.web.view_options import (
    Decorated,
    add_options,
    qualified_name,
    view_options,
)

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
# What a view marked `@consumes_form` takes.
FORM_TYPES = (URLENCODED, MULTIPART)
# A body without a type may be a form's too.
SENT_BY_FORMS = frozenset({*FORM_TYPES, "text/plain", ""})

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
REFUSED = "Cross-site request refused"
SITE = "Sec-Fetch-Site"
# Only these values of a header other than Origin are logged: another value may hold a secret.
_LOGGED = SENT_BY_FORMS | {"same-origin", "same-site", "cross-site", "none"}


class Refusal(NamedTuple):
    """Why a request is refused: a row of the table or a name, a header, and the expected value."""

    row: int | str
    header: str
    expected: str


def csrf_exempt(view: Decorated) -> Decorated:
    """Take writes of any site and any type in a view, such as a webhook: `@csrf_exempt`.

    Nobody is logged in there. The view finds the session of a user empty, and what it writes into
    that is not stored. It must check a signature of the sender, and log nobody in.
    """
    return add_options(view, csrf_exempt=True)


def init_app(app: Flask) -> None:
    """
    :raises PolicyError: the tokens of Flask-WTF are switched on.
    """
    # CSRFProtect of an extension sets this value itself, so it is no mistake of the app.
    if "csrf" not in app.extensions:
        refuse_tokens(app.config)
    # No FlaskForm has a token, in extensions too. Templates that print a token still work.
    app.config["WTF_CSRF_ENABLED"] = False
    add_to_templates(app, {"csrf_token": lambda: ""})
    add_request_check(app, _check_csrf)


def refuse_tokens(config: Mapping[str, Any]) -> None:
    """
    :raises PolicyError: the tokens of Flask-WTF are switched on.
    """
    if config.get("WTF_CSRF_ENABLED"):
        raise PolicyError(
            "WTF_CSRF_ENABLED: remove it from app.config. There are no tokens here: writes of "
            "other sites are recognised by Origin and Sec-Fetch-Site, in tests too."
        )


def reads_no_cookie(request: Request) -> bool:
    """Whether a request is answered as if it had no cookie of any name.

    A bearer token authenticates by itself. A page of CORS_ORIGINS may use this site's cookies only
    where programs log in by them.
    """
    by_cookie = current_app.config["TOKEN_TYPE"] == "session"  # noqa: S105 - a kind of token
    return has_bearer(request) or (_is_listed(request.headers.get("Origin")) and not by_cookie)


def is_form(request: Request) -> bool:
    """Whether a form of any site could have sent this; without fields it has a type and no body."""
    return request.mimetype in SENT_BY_FORMS and (bool(request.mimetype) or has_body(request))


def is_consumed_form(request: Request = flask.request) -> bool:
    """Whether this is a form, and its view consumes it."""
    return is_form(request) and request.mimetype in (view_options(request).consumes or {})


def has_body(request: Request) -> bool:
    return bool(request.content_length) or "Transfer-Encoding" in request.headers


def _check_csrf(request: Request) -> None:
    if request.method in SAFE_METHODS:
        _check_read(request)
        return
    options = view_options(request)
    # Row 0 is an exempt view, and row 1 a bearer token.
    if options.csrf_exempt:
        return
    if not has_bearer(request) and (refusal := _refusal_of_write(request)):
        raise _refused_request(request, refusal)
    if request.url_rule is None:
        # Flask redirects to the right address, or answers 404 or 405.
        return
    consumed = options.consumes or ["application/json"]
    if has_body(request) and request.mimetype not in consumed:
        raise _wrong_type(request, f"Content-Type must be {' or '.join(consumed)}")


def _wrong_type(request: Request, message: str) -> Exception:
    """The 415. In development, it and the log say what to write for such a body."""
    error = error_response(415, message)
    view = current_app.view_functions.get(request.endpoint or "")
    name = qualified_name(view, request.method)
    if request.mimetype in FORM_TYPES:
        add_hint(
            error,
            f"{name} takes no forms: write @consumes_form below the line of its route, above any "
            "decorator that lacks functools.wraps.",
        )
    # `@consumes` refuses what is left of the types that forms send.
    elif request.mimetype not in SENT_BY_FORMS:
        add_hint(
            error,
            f"{name} does not take bodies of this type: if it should, write the type into "
            '@consumes("…") below the line of its route.',
        )
    return error


def _check_read(request: Request) -> None:
    # A service worker of this site can forward the forms of other sites as if this site sent them.
    installs = "Service-Worker" in request.headers
    if installs and request.path not in set(current_app.config["SERVICE_WORKERS"]):
        abort(404)
    # Browsers let any site open a WebSocket here with the user's cookies, and without CORS.
    is_websocket = "websocket" in request.headers.get("Upgrade", "").lower()
    if is_websocket and (refusal := _refusal_of_websocket(request)):
        raise _refused_request(request, refusal)


def _refusal_of_write(request: Request) -> Refusal | None:
    """Why a write is refused; None if this site, a page of CORS_ORIGINS or a program sent it.

    Values are compared whole, so a header that was sent twice matches nothing.
    """
    if is_form(request) and request.headers.get("Sec-Fetch-Mode") == "same-origin":
        # A form does not send this mode; a service worker that passes a form on does.
        return Refusal("service worker", "Sec-Fetch-Mode", "navigate")
    origin = request.headers.get("Origin")
    site = request.headers.get(SITE)
    if origin is None:
        return _refusal_without_origin(request, site)
    if origin == _origin_of_request(request):
        # Another value shows that a proxy has replaced the Origin of another site.
        return None if site in ("same-origin", None) else Refusal(3, SITE, "same-origin")
    if origin == "null":
        # Row 4 is the site's own page under `Referrer-Policy: no-referrer`.
        return None if site == "same-origin" else Refusal(5, SITE, "same-origin")
    if _is_listed(origin):
        return _refusal_of_listed_origin(request, site)
    # A proxy that drops the port from Host causes this too, so both origins are logged.
    return Refusal(8, "Origin", _origin_of_request(request))


def _refusal_of_listed_origin(request: Request, site: str | None) -> Refusal | None:
    if site not in ("same-site", "cross-site", None):
        return Refusal(7, SITE, "same-site or cross-site")
    preflighted = request.method != "POST" or request.mimetype == "application/json"
    return None if preflighted else Refusal(6, "Content-Type", "application/json")


def _refusal_without_origin(request: Request, site: str | None) -> Refusal | None:
    if site == "same-origin":
        return None  # row 9
    if site not in ("none", None):
        return Refusal(11, SITE, "same-origin")
    # A browser, even an old one, cannot send this with a user's login. A program such as curl can.
    is_program = not (_has_cookie(request) or is_form(request))
    return None if is_program else Refusal(10, "Origin", _origin_of_request(request))


def _refusal_of_websocket(request: Request) -> Refusal | None:
    origin = request.headers.get("Origin")
    if origin == _origin_of_request(request):
        return _refusal_of_write(request)
    is_program = origin is None and not _has_cookie(request)
    return None if is_program else Refusal("WebSocket", "Origin", _origin_of_request(request))


def _has_cookie(request: Request) -> bool:
    return "HTTP_COOKIE" in request.environ


def _origin_of_request(request: Request) -> str:
    return f"{request.scheme}://{request.host}"


def _is_listed(origin: str | None) -> bool:
    return origin in app_state(current_app)[CORS_ORIGINS]


def _refused_request(request: Request, refusal: Refusal) -> Exception:
    value = _logged_value(request, refusal.header)
    # The expected origin may be malformed too, since a probe is answered for any Host.
    is_origin = refusal.header == "Origin"
    expected = origins.origin_for_log(refusal.expected.lower()) if is_origin else refusal.expected
    audit.record(
        audit.CSRF_REFUSED,
        row=refusal.row,
        header=refusal.header,
        value=value,
        expected=expected,
    )
    is_program = is_origin and value is None and SITE not in request.headers
    return error_response(403, f"{REFUSED}: send the header Origin" if is_program else REFUSED)


def _logged_value(request: Request, header: str) -> str | None:
    if header == "Origin":
        return origins.origin_for_log(request.headers.get(header))
    sent = request.mimetype if header == "Content-Type" else request.headers.get(header)
    return sent if sent is None or sent in _LOGGED else "other"
