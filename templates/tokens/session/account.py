"""`/account`: users see and end their own logins, and change their password, by forms.

Source: OWASP ASVS 6.2.2, 6.2.3, 7.4.3, 7.5.2; W3C, "A Well-Known URL for Changing Passwords".
"""

from datetime import UTC, datetime

from flask import Blueprint, Flask, flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from werkzeug.exceptions import BadRequest, Forbidden
from wtforms import PasswordField
from wtforms.validators import DataRequired, Length

from app.accounts import password_fields
from app.accounts.password_change import WRONG, change_password
from app.auth import access, sessions
from app.auth.access import login_required, public, recent_login
from app.auth.passwords import MAX_LENGTH
from app.security.forms import consumes_form, one_line
from app.security.responses import responds

blueprint = Blueprint("account", __name__)


class PasswordChangeForm(FlaskForm):
    current_password = PasswordField(
        "Current password",
        [DataRequired("Enter your current password."), Length(max=MAX_LENGTH), one_line],
        render_kw={"autocomplete": "current-password"},
    )
    new_password = password_fields.new_password(
        "New password", DataRequired("Choose a new password.")
    )


@blueprint.get("/account")
@responds("text/html")
@login_required
def show() -> ResponseReturnValue:
    return _page(PasswordChangeForm())


@blueprint.get("/account/password")
@responds("text/html", status=303)
@login_required
def change_page() -> ResponseReturnValue:
    """The address after a refused change, which a browser may load again."""
    return redirect(url_for("account.show"), 303)


@blueprint.post("/account/password")
@responds("text/html", 403, 429, 503)
@recent_login
@access.credentials
@consumes_form
def change() -> ResponseReturnValue:
    form = PasswordChangeForm()
    if not form.validate():
        return _page(form), 422
    passwords = (form.current_password.data, form.new_password.data)
    try:
        change_password(*passwords, keep=g.grant.kept)
    except Forbidden:
        form.current_password.errors = [f"{WRONG}."]
        return _page(form), 403
    except BadRequest as error:
        password_fields.refuse(form.new_password, error)
        return _page(form), 422
    flash("Your password is changed, and all your other logins have ended.")
    return redirect(url_for("account.show"), 303)


@blueprint.post("/account/logins/<string:session_id>/end")
@responds("text/html")
@recent_login
@consumes_form
def end_login(session_id: str) -> ResponseReturnValue:
    sessions.end_own(session_id)
    flash("The login has ended.")
    return redirect(url_for("account.show"), 303)


@blueprint.post("/account/logins/end")
@responds("text/html")
@recent_login
@consumes_form
def end_other_logins() -> ResponseReturnValue:
    sessions.end_all_others()
    flash("All other logins have ended.")
    return redirect(url_for("account.show"), 303)


@blueprint.get("/.well-known/change-password")
@responds("text/html", status=303)
@public
def change_password_url() -> ResponseReturnValue:
    """Where password managers send people whose password was breached."""
    return redirect(url_for("account.show"), 303)


def init_app(app: Flask) -> None:
    app.add_template_filter(_as_time, "as_time")
    app.register_blueprint(blueprint)


def _as_time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _page(form: PasswordChangeForm) -> str:
    recent = access.is_recent(g.grant)
    return render_template("account.html", form=form, logins=sessions.list_own(), recent=recent)
