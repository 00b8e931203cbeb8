"""`/account`, `/me`, `/sessions`, `/keys`, `/password`: what users see and change of their account.

Logins, keys for programs and the password, each as a page with forms and as JSON.
Source: OWASP ASVS 6.2.2, 6.2.3, 7.4.3, 7.5.2; W3C, "A Well-Known URL for Changing Passwords".
"""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from flask import Blueprint, Response, current_app, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from pydantic import BeforeValidator, Field
from secure_flask import (
    Body,
    LoginResponse,
    PlainText,
    ResponseBody,
    change_password,
    checked_new_password,
    consumes_form,
    create_api_key,
    end_api_key,
    end_login,
    end_other_logins,
    has_recent_login,
    keys_allowed,
    list_api_keys,
    list_logins,
    login_required,
    one_line,
    public,
    recent_login,
    responds,
    takes_credentials,
    validated,
)
from werkzeug.exceptions import BadRequest, Conflict, Forbidden
from wtforms import BooleanField, IntegerField, SelectMultipleField, StringField
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange
from wtforms.widgets import CheckboxInput, ListWidget

from app.current_user import current_user
from app.login import LENGTH_HINT, Password, password_field

blueprint = Blueprint("account", __name__)

DAY = 24 * 60 * 60  # seconds
MAX_KEY_NAME = 80  # characters
EVERYWHERE = "You are logged out everywhere else."


class Me(ResponseBody):
    id: UUID
    username: str
    email: str | None
    roles: list[str]


class Session(ResponseBody):
    id: str
    created: int  # times in seconds since 1970
    last_used: int
    expires: int
    current: bool
    client: str | None  # browser, system and shortened address, as the client claimed


class Sessions(ResponseBody):
    sessions: list[Session]


class Key(ResponseBody):
    id: str
    name: str
    created: int  # times in seconds since 1970
    last_used: int | None
    expires: int
    roles: list[str]


class Keys(ResponseBody):
    keys: list[Key]


def whole(number: object) -> object:
    """Convert 60.0 to 60, since JSON takes both for the same integer."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


Seconds = Annotated[int, Field(ge=1, le=365 * DAY), BeforeValidator(whole)]


class KeyBody(Body):
    name: Annotated[PlainText, Field(max_length=MAX_KEY_NAME)]
    expires_in: Seconds | None = None  # seconds; 90 days if None, or less without a password
    roles: list[str] = []


class NewKey(ResponseBody):
    id: str
    name: str
    key: str  # shown this once
    expires: int
    roles: list[str]


class PasswordChange(Body):
    current_password: Password
    new_password: Password
    keep_keys: bool = False


class PasswordChangeForm(FlaskForm):
    current_password = password_field(
        "Current password", "current-password", DataRequired("Enter your current password.")
    )
    new_password = password_field(
        "New password", "new-password", DataRequired("Choose a new password.")
    )
    # A page from before there was a key sends no box, so only a checked one keeps keys.
    keep_keys = BooleanField("Keep the keys for my programs (not recommended)")


class KeyForm(FlaskForm):
    name = StringField(
        "What is it for?",
        [one_line, DataRequired("Give the key a name."), Length(max=MAX_KEY_NAME)],
    )
    days = IntegerField(
        "Days until it expires", [InputRequired("Give a number of days."), NumberRange(1, 365)]
    )
    roles = SelectMultipleField(
        "Your roles that it may use",
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.roles.choices = current_user.role_names
        # A user without a password logs in by another site, and may have left there. The core lets
        # a key of this user last only as long as a login.
        if not current_user.has_password:
            del self.days


@blueprint.get("/me")
@responds(Me)
@keys_allowed
@login_required
def me() -> ResponseReturnValue:
    """Show who you are."""
    user = current_user
    return {"id": user.id, "username": user.name, "email": user.email, "roles": user.role_names}


@blueprint.get("/sessions")
@responds(Sessions)
@login_required
def list_sessions() -> ResponseReturnValue:
    """List your logins."""
    return {"sessions": list_logins()}


@blueprint.delete("/sessions/<string:login_id>")
@responds(None)
@recent_login
def end_session(login_id: str) -> ResponseReturnValue:
    """End one of your logins."""
    end_login(login_id)
    return Response(status=204)


@blueprint.delete("/sessions")
@responds(None)
@recent_login
def end_other_sessions() -> ResponseReturnValue:
    """End all your logins but this one."""
    end_other_logins()
    return Response(status=204)


@blueprint.get("/keys")
@responds(Keys)
@login_required
def show_keys() -> ResponseReturnValue:
    """List the keys of your programs, without the keys themselves."""
    return {"keys": list_api_keys()}


@blueprint.post("/keys")
@responds(NewKey, 409, status=201)
@recent_login
@validated(KeyBody)
def make_key(body: KeyBody) -> ResponseReturnValue:
    """Make a key for a program, which is shown this once."""
    return create_api_key(body.name, expires_in=body.expires_in, roles=body.roles), 201


@blueprint.delete("/keys/<string:key_id>")
@responds(None)
@recent_login
def delete_key(key_id: str) -> ResponseReturnValue:
    """End one of your keys."""
    end_api_key(key_id)
    return Response(status=204)


@blueprint.post("/password")
@responds(LoginResponse, 429)
@recent_login
@takes_credentials
@validated(PasswordChange)
def change(body: PasswordChange) -> ResponseReturnValue:
    """Change your password, which ends all your other logins."""
    return change_password(body.current_password, body.new_password, keep_keys=body.keep_keys)


@blueprint.get("/account")
@responds("text/html")
@login_required
def show() -> ResponseReturnValue:
    """Show the page of your account."""
    return _page()


@blueprint.post("/account/password")
@responds("text/html", 403, 429, 503)
@recent_login
@takes_credentials
@consumes_form
def change_by_form() -> ResponseReturnValue:
    """Change your password by a form."""
    form = PasswordChangeForm()
    if not form.validate():
        return _page(form), 422
    try:
        change_password(
            form.current_password.data, form.new_password.data, keep_keys=form.keep_keys.data
        )
    except Forbidden:
        form.current_password.errors = ["Wrong current password."]
        form.new_password.errors = _errors_of_new_password(form.new_password.data)
        return _page(form), 403
    except BadRequest as refused:
        form.new_password.errors = [f"{refused.description}."]
        return _page(form), 422
    return _done(f"Your password is changed. {EVERYWHERE}")


@blueprint.post("/account/logins/<string:login_id>/end")
@responds("text/html")
@recent_login
@consumes_form
def end_by_form(login_id: str) -> ResponseReturnValue:
    """End one of your logins by a form."""
    end_login(login_id)
    return _done("The device is logged out.")


@blueprint.post("/account/logins/end")
@responds("text/html")
@recent_login
@consumes_form
def end_others_by_form() -> ResponseReturnValue:
    """End all your other logins by a form."""
    end_other_logins()
    return _done(EVERYWHERE)


@blueprint.post("/account/keys")
@responds("text/html", 409)
@recent_login
@consumes_form
def make_key_by_form() -> ResponseReturnValue:
    """Make a key by a form, and show it."""
    form = KeyForm()
    if not form.validate():
        return _page(key_form=form), 422
    lifetime = form.days.data * DAY if form.days else None
    try:
        made = create_api_key(form.name.data, expires_in=lifetime, roles=form.roles.data)
    except Conflict as refused:
        form.name.errors = [f"{refused.description}."]
        return _page(key_form=form), 409
    return render_template("new_key.html", key=made)


@blueprint.post("/account/keys/<string:key_id>/end")
@responds("text/html")
@recent_login
@consumes_form
def end_key_by_form(key_id: str) -> ResponseReturnValue:
    """End one of your keys by a form."""
    end_api_key(key_id)
    return _done("The key is deleted.")


@blueprint.get("/account/password")
@blueprint.get("/.well-known/change-password")
@responds("text/html", status=303)
@public
def lead_to_account() -> ResponseReturnValue:
    """Redirect to your account. Password managers and reloads open these addresses."""
    return redirect(url_for("account.show"), 303)


@blueprint.app_template_filter("as_time")
def as_time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _page(form: PasswordChangeForm | None = None, key_form: KeyForm | None = None) -> str:
    # A form that was not sent must not take values of the one that was sent.
    form = form or PasswordChangeForm(formdata=None)
    key_form = key_form or KeyForm(formdata=None, days=90)
    form.new_password.description = LENGTH_HINT.format(current_app.config["PASSWORD_MIN_LENGTH"])
    keys = list_api_keys()
    if not keys:
        del form.keep_keys
    if not key_form.roles.choices:
        del key_form.roles
    return render_template(
        "account.html",
        form=form,
        key_form=key_form,
        keys=keys,
        logins=list_logins(),
        recent=has_recent_login(),
    )


def _errors_of_new_password(password: str) -> list[str]:
    """What the core would say next, so that a user reads both errors at once."""
    try:
        checked_new_password(password, current_user.name, current_user.email)
    except ValueError as refused:
        return [f"{refused}."]
    return []


def _done(message: str) -> ResponseReturnValue:
    flash(message, "success")
    return redirect(url_for("account.show"), 303)
