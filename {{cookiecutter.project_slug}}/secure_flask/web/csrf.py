"""Cross-site request forgery: no other site may change data with a user's login.

Two independent checks cover every write: its origin, and a body type that no plain form can
send. A view that consumes forms requires proof that this site sent them. A login by cookie
adds a third check, a CSRF token bound to that login.
Source: OWASP CSRF Prevention Cheat Sheet; OWASP ASVS 3.5.1 to 3.5.3, 4.4.2.
"""

from typing import Any, NoReturn

from flask import Flask, Request, current_app, request
from markupsafe import Markup
from secure_flask.web import audit, bodies, origins, request_checks
from secure_flask.web.errors import error_response
from secure_flask.web.view_options import (
    FORM_TYPES,
    Decorated,
    ViewOptions,
    add_options,
    view_options,
)
from wtforms import Field
from wtforms.csrf.core import CSRF, CSRFTokenField
from wtforms.widgets import HiddenInput

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
# Any site can send these without a preflight.
# Source: Fetch Standard, "CORS-safelisted request-header".
SENT_BY_FORMS = {*FORM_TYPES, "text/plain", ""}
# A plain form cannot set a header.
PROOF_HEADERS = ("Authorization", "X-CSRF-Token")


def exempt(view: Decorated) -> Decorated:
    """Exempt a view from these checks. The view must not authenticate its caller."""
    return add_options(view, csrf_exempt=True)


def init_app(app: Flask) -> None:
    request_checks.register(app, _refuse_cross_site_requests)


class LoginCSRF(CSRF):
    """Puts the CSRF token of the login into a form. access.py checks it before the view runs."""

    def setup_form(self, form: Any) -> list[tuple[str, Any]]:
        field = CSRFTokenField("CSRF token", csrf_impl=self, widget=HiddenText())
        return [(form.meta.csrf_field_name, field)]

    def generate_csrf_token(self, csrf_token_field: Field) -> str:
        return current_app.extensions["csrf_token"](request) or ""

    def validate_csrf_token(self, form: Any, field: Field) -> None:
        """Nothing is left to check: without the token no view runs."""


class HiddenText(HiddenInput):
    """The hidden field of a FlaskForm for the CSRF token."""

    def __call__(self, field: Field, **kwargs: Any) -> Markup:
        # Not with the field's name, which begins with the prefix of its form.
        return hidden_field(field._value())


class TokenInTemplates(str):
    """`csrf_token` in templates: the token as text, which is empty for visitors."""

    def __call__(self) -> NoReturn:
        # As with Flask-WTF. Forms written for it put the token into an attribute, which injected
        # CSS can read.
        raise TypeError(
            "csrf_token is no function here. In place of the whole <input> call csrf_field(), or "
            "let show_form of _forms.html write the form: see docs/pages-and-forms.md."
        )


def hidden_field(token: str | None) -> Markup:
    """A hidden field with the token as text, since injected CSS can read attributes and no text."""
    element = Markup('<textarea hidden name="csrf_token" autocomplete="off">{}</textarea>')
    return element.format(token) if token else Markup()


def _refuse_cross_site_requests(request: Request) -> None:
    if request.method in SAFE_METHODS:
        # Browsers open a WebSocket of any site with the user's cookies, and without CORS.
        if "websocket" in request.environ.get("HTTP_UPGRADE", "").lower() and not _is_own_origin():
            raise _refused()
        return
    options = view_options(request)
    if options.max_size:
        bodies.allow(options.max_size)
    if options.csrf_exempt:
        return
    # No plain form can send JSON, nor a type that `@consumes` accepts.
    consumed = options.consumes or ["application/json"]
    form = _has_body() and request.mimetype in FORM_TYPES and request.mimetype in consumed
    if not (_is_from_own_form(options) if form else _is_from_a_trusted_page()):
        raise _refused()
    if _has_body() and request.mimetype not in consumed:
        _hint(request)
        raise error_response(415, f"Content-Type must be {' or '.join(consumed)}")


def _hint(request: Request) -> None:
    """In development, log how a view accepts forms: the response names only the types it has."""
    is_form = request.endpoint is not None and request.mimetype in FORM_TYPES
    if is_form and not current_app.config["PRODUCTION"]:
        current_app.logger.warning(
            "A form was sent to the view %s, which takes none. If it should, write @consumes_form "
            "above its function, as docs/pages-and-forms.md shows.",
            request.endpoint,
        )


def _refused() -> Exception:
    origin = origins.as_logged(request.headers.get("Origin"))
    audit.record(audit.AUTHZ_FAIL, reason="cross-site write", origin=origin)
    origins.hint(origin or "")
    return error_response(403, "Cross-site request refused")


def _is_from_a_trusted_page() -> bool:
    if "Origin" not in request.headers:
        return request.headers.get("Sec-Fetch-Site", "none") in ("same-origin", "none")
    return _is_own_origin() or _is_listed_origin()


def _is_from_own_form(options: ViewOptions) -> bool:
    """Whether a form comes from this site for certain, or with a header that no form can set."""
    if "Origin" in request.headers:
        proven = any(name in request.headers for name in PROOF_HEADERS)
        return _is_own_origin() or (_is_listed_origin() and proven and not options.credentials)
    site = request.headers.get("Sec-Fetch-Site")
    if site is None:
        # A program, such as curl: nothing but its own token logs it in.
        return request.headers.get("Authorization", "")[:7].lower() == "bearer "
    return site in ("same-origin", "none")


def _is_own_origin() -> bool:
    return request.headers.get("Origin") == f"{request.scheme}://{request.host}"


def _is_listed_origin() -> bool:
    return request.headers.get("Origin") in current_app.extensions["cors_origins"]


def _has_body() -> bool:
    return bool(request.content_length) or "Transfer-Encoding" in request.headers
