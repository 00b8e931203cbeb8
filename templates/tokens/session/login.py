"""`/login`, `/logout`, `/reauthenticate`: pages with forms, and JSON for programs.

Both go through credentials.py, so they have the same checks, limits, audit log and timing.
Source: OWASP ASVS 7.4.1, 7.4.4, 7.5.1.
"""

from flask import Blueprint, Flask, Response, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from werkzeug.exceptions import Forbidden, Unauthorized
from werkzeug.wrappers import Response as BaseResponse
from wtforms import BooleanField, PasswordField, StringField
from wtforms.validators import DataRequired, Length

from app.accounts import account, after_login, credentials
from app.accounts.credentials import Credentials, Password
from app.auth import access, next_pages, tokens
from app.auth.access import login_required, public
from app.auth.passwords import MAX_LENGTH
from app.security import audit
from app.security.forms import one_line, or_form
from app.security.responses import consumes, responds
from app.security.validation import validated

blueprint = Blueprint("login", __name__)


def current_password(label: str) -> PasswordField:
    rules = [DataRequired("Enter your password."), Length(max=MAX_LENGTH), one_line]
    return PasswordField(label, rules, render_kw={"autocomplete": "current-password"})


class LoginForm(FlaskForm):
    username = StringField(
        credentials.USERNAME_LABEL,
        [DataRequired("Enter your username."), Length(max=credentials.MAX_USERNAME), one_line],
        render_kw={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"},
    )
    password = current_password("Password")
    keep = BooleanField(f"Keep me logged in for {tokens.KEPT_LIFETIME // (24 * 60 * 60)} days")


class PasswordForm(FlaskForm):
    password = current_password("Password")


@blueprint.get("/login")
@responds("text/html", 503)
@public
def page() -> ResponseReturnValue:
    return _page("login.html", LoginForm())


def _log_in_by_form() -> ResponseReturnValue:
    form = LoginForm()
    if not form.validate():
        return _page("login.html", form), 422
    try:
        credentials.log_in(form.username.data, form.password.data, keep=form.keep.data)
    except Unauthorized:
        form.form_errors.append("Wrong username or password.")
        return _page("login.html", form), 401
    return redirect(after_login.page(), 303)


@blueprint.post("/login")
@responds(tokens.Issued, 401, 429, 503)
@public
@access.credentials
@or_form(_log_in_by_form)
@validated(Credentials)
def login(body: Credentials) -> ResponseReturnValue:
    return credentials.log_in(body.username, body.password)


@blueprint.get("/reauthenticate")
@responds("text/html")
@login_required
def reauthentication_page() -> ResponseReturnValue:
    return _page("reauthenticate.html", PasswordForm())


def _reauthenticate_by_form() -> ResponseReturnValue:
    form = PasswordForm()
    if not form.validate():
        return _page("reauthenticate.html", form), 422
    try:
        credentials.reauthenticate(form.password.data, keep=g.grant.kept)
    except Forbidden:
        form.form_errors.append("Wrong password.")
        return _page("reauthenticate.html", form), 403
    return redirect(_next(url_for("account.show")), 303)


@blueprint.post("/reauthenticate")
@responds(tokens.Issued, 429, 503)
@login_required
@access.credentials
@or_form(_reauthenticate_by_form)
@validated(Password)
def reauthenticate(body: Password) -> ResponseReturnValue:
    """Enter the password again, for views that ask for a recent login."""
    return credentials.reauthenticate(body.password, keep=g.grant.kept)


def _log_out_by_form() -> ResponseReturnValue:
    return _end_login(redirect(_home(), 303))


@blueprint.post("/logout")
@responds(None)
@login_required
@or_form(_log_out_by_form)
@consumes("application/json")
def logout() -> ResponseReturnValue:
    return _end_login(Response(status=204))


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
    account.init_app(app)


def _end_login(response: BaseResponse) -> BaseResponse:
    tokens.revoke(g.grant)
    audit.record(audit.SESSION_EXPIRED, reason="logout")
    # Without "cookies", which would clear sibling sites' cookies; revoke() expires ours.
    # WebKitGTK ignores it: there, what scripts store stays.
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


def _page(template: str, form: FlaskForm) -> str:
    target = next_pages.checked(request.args.get("next"))
    return render_template(template, form=form, next=target, after_login=after_login.page())


def _next(default: str) -> str:
    return next_pages.checked(request.args.get("next")) or default


def _home() -> str:
    return f"{request.root_path}/"
