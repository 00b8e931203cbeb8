"""`/account`, `/me`, `/sessions`, `/password`: users see and end their logins, change their password.

Each as a page with forms and as JSON. Source: OWASP ASVS 6.2.2, 6.2.3, 7.4.3, 7.5.2; W3C, "A
Well-Known URL for Changing Passwords".
"""

from datetime import UTC, datetime
from uuid import UUID

from flask import Blueprint, Response, current_app, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from secure_flask import (
    Body,
    LoginResponse,
    ResponseBody,
    change_password,
    consumes_form,
    credentials,
    end_login,
    end_other_logins,
    is_recent,
    list_logins,
    login_required,
    public,
    recent_login,
    responds,
    validated,
)
from werkzeug.exceptions import BadRequest, Forbidden
from wtforms.validators import DataRequired

from app.current_user import current_user
from app.login import LENGTH_HINT, Password, password_field

blueprint = Blueprint("account", __name__)


class Me(ResponseBody):
    id: UUID
    username: str
    email: str | None
    roles: list[str]


class Session(ResponseBody):
    id: str
    issued: int  # times in seconds since 1970
    last_used: int
    expires: int
    current: bool
    client: str | None  # browser, system and shortened address, as the client claimed


class Sessions(ResponseBody):
    sessions: list[Session]


class PasswordChange(Body):
    current_password: Password
    new_password: Password


class PasswordChangeForm(FlaskForm):
    current_password = password_field(
        "Current password", "current-password", DataRequired("Enter your current password.")
    )
    new_password = password_field(
        "New password", "new-password", DataRequired("Choose a new password.")
    )


@blueprint.get("/me")
@responds(Me)
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


@blueprint.post("/password")
@responds(LoginResponse, 429)
@recent_login
@credentials
@validated(PasswordChange)
def change(body: PasswordChange) -> ResponseReturnValue:
    """Change your password, which ends all your other logins."""
    return change_password(body.current_password, body.new_password)


@blueprint.get("/account")
@responds("text/html")
@login_required
def show() -> ResponseReturnValue:
    """Show the page of your account."""
    return _page(PasswordChangeForm())


@blueprint.post("/account/password")
@responds("text/html", 403, 429, 503)
@recent_login
@credentials
@consumes_form
def change_by_form() -> ResponseReturnValue:
    """Change your password by a form."""
    form = PasswordChangeForm()
    if not form.validate():
        return _page(form), 422
    try:
        change_password(form.current_password.data, form.new_password.data)
    except Forbidden:
        form.current_password.errors = ["Wrong current password."]
        return _page(form), 403
    except BadRequest as refused:
        form.new_password.errors = [f"{refused.description}."]
        return _page(form), 422
    return _done("Your password is changed, and all your other logins have ended.")


@blueprint.post("/account/logins/<string:login_id>/end")
@responds("text/html")
@recent_login
@consumes_form
def end_by_form(login_id: str) -> ResponseReturnValue:
    """End one of your logins by a form."""
    end_login(login_id)
    return _done("The login has ended.")


@blueprint.post("/account/logins/end")
@responds("text/html")
@recent_login
@consumes_form
def end_others_by_form() -> ResponseReturnValue:
    """End all your other logins by a form."""
    end_other_logins()
    return _done("All other logins have ended.")


@blueprint.get("/account/password")
@blueprint.get("/.well-known/change-password")
@responds("text/html", status=303)
@public
def lead_to_account() -> ResponseReturnValue:
    """After a refused change, a browser may load its address; password managers know the other."""
    return redirect(url_for("account.show"), 303)


@blueprint.app_template_filter("as_time")
def as_time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _page(form: PasswordChangeForm) -> str:
    form.new_password.description = LENGTH_HINT.format(current_app.config["PASSWORD_MIN_LENGTH"])
    logins = list_logins()
    recent = is_recent()
    return render_template("account.html", form=form, logins=logins, recent=recent)


def _done(message: str) -> ResponseReturnValue:
    flash(message, "success")
    return redirect(url_for("account.show"), 303)
