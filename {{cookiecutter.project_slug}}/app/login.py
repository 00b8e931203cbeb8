"""`/login`, `/logout`, `/reauthenticate`: pages with forms, and JSON for programs.

Both call the same functions of secure_flask, which take the same time for every name, limit
failures, write the audit log and set the cookie or make the token.
"""

from typing import Annotated, Any

from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from pydantic import Field
from secure_flask import (
    Body,
    LoginResponse,
    PlainText,
    checked_next,
    consumes,
    current_user,
    log_in,
    log_out,
    login_required,
    one_line,
    or_form,
    public,
    reauthenticate,
    responds,
    takes_credentials,
    validated,
)
from werkzeug.exceptions import Forbidden, Unauthorized
from wtforms import BooleanField, PasswordField, StringField
from wtforms.validators import DataRequired, Length

blueprint = Blueprint("login", __name__)

# With self-service accounts, an e-mail address logs in too.
MAX_USERNAME = 254  # characters
MAX_PASSWORD = 1024  # characters
LENGTH_HINT = "At least {} characters, for example a sentence of a few words."

Password = Annotated[PlainText, Field(max_length=MAX_PASSWORD)]


class PasswordBody(Body):
    password: Password


class LoginBody(PasswordBody):
    username: Annotated[PlainText, Field(max_length=MAX_USERNAME)]
    keep: bool = False


def password_field(
    label: str, autocomplete: str, *rules: Any, description: str = ""
) -> PasswordField:
    given = [one_line, *rules, Length(max=MAX_PASSWORD)]
    attributes = {"autocomplete": autocomplete}
    return PasswordField(label, given, description=description, render_kw=attributes)


class PasswordForm(FlaskForm):
    password = password_field("Password", "current-password", DataRequired("Enter your password."))


class LoginForm(FlaskForm):
    username = StringField(
        "Username",
        [one_line, DataRequired("Enter your username."), Length(max=MAX_USERNAME)],
        render_kw={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"},
    )
    password = password_field("Password", "current-password", DataRequired("Enter your password."))
    keep = BooleanField("Keep me logged in")
    wrong = "Wrong username or password."

    def __init__(self) -> None:
        super().__init__()
        days = current_app.config["KEPT_LIFETIME"] // (24 * 60 * 60)
        self.keep.label.text = f"Keep me logged in for {days} days"
        if "self_service" in current_app.blueprints:
            self.username.label.text = "Username or e-mail address"
            self.wrong = "Wrong username, e-mail address or password."
            # Browsers offer passkeys in the field too.
            passkeys = {"autocomplete": "username webauthn"}
            self.username.render_kw = {**self.username.render_kw, **passkeys}


@blueprint.get("/login")
@responds("text/html", 503)
@public
def page() -> ResponseReturnValue:
    """Show the login page, or lead on who is logged in."""
    # It stays the form where the policy also sends an old login here, to enter the password again.
    if current_user and current_app.config["REAUTHENTICATION_PAGE"] != request.endpoint:
        return redirect(checked_next() or start_page(), 303)
    return _page("login.html", LoginForm())


def _log_in_by_form() -> ResponseReturnValue:
    form = LoginForm()
    if not form.validate():
        return _page("login.html", form), 422
    try:
        log_in(form.username.data, form.password.data, keep=form.keep.data)
    except Unauthorized:
        form.form_errors.append(form.wrong)
        return _page("login.html", form), 401
    return redirect(checked_next() or start_page(), 303)


@blueprint.post("/login")
@responds(LoginResponse, 401, 429, 503)
@public
@takes_credentials
@or_form(_log_in_by_form)
@validated(LoginBody)
def login(body: LoginBody) -> ResponseReturnValue:
    """Log in. With `keep`, the login lasts longer and has no idle limit."""
    return log_in(body.username, body.password, keep=body.keep)


@blueprint.get("/reauthenticate")
@responds("text/html")
@login_required
def reauthentication_page() -> ResponseReturnValue:
    """Show the page that asks for the password again."""
    return _page("reauthenticate.html", PasswordForm())


def _reauthenticate_by_form() -> ResponseReturnValue:
    form = PasswordForm()
    if not form.validate():
        return _page("reauthenticate.html", form), 422
    try:
        reauthenticate(form.password.data)
    except Forbidden:
        form.form_errors.append("Wrong password.")
        return _page("reauthenticate.html", form), 403
    return redirect(checked_next() or url_for("account.show"), 303)


@blueprint.post("/reauthenticate")
@responds(LoginResponse, 429, 503)
@login_required
@takes_credentials
@or_form(_reauthenticate_by_form)
@validated(PasswordBody)
def enter_password_again(body: PasswordBody) -> ResponseReturnValue:
    """Enter the password again, for views that ask for a recent login."""
    return reauthenticate(body.password)


def _log_out_by_form() -> ResponseReturnValue:
    log_out()
    return redirect(start_page(), 303)


@blueprint.post("/logout")
@responds(None)
@login_required
@or_form(_log_out_by_form)
@consumes("application/json")
def logout() -> ResponseReturnValue:
    """End your login."""
    log_out()
    return Response(status=204)


def _page(template: str, form: FlaskForm) -> str:
    return render_template(template, form=form, next=checked_next())


def start_page() -> str:
    """The path after a logout, and after a login without `next`."""
    return f"{request.root_path}/"
