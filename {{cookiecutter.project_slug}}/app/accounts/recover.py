"""`/reset`: a user who forgot the password gets a link by mail to set a new one.

Source: OWASP Forgot Password Cheat Sheet; OWASP ASVS 6.4.3.
"""

from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from secure_flask import Body, limited, or_form, public, responds, validated
from secure_flask.accounts import find_password_reset, request_password_reset, reset_password
from wtforms.validators import DataRequired

from app.accounts.routes import (
    SENT,
    AddressForm,
    AddressOnly,
    Sent,
    Username,
    blueprint,
    by_address,
    by_form,
    done,
    or_expired,
    page,
)
from app.login import Password, password_field

again = {"self_service.forgot_page": "Ask for a new link"}
SENT_RESET = "If {} belongs to an account, we are sending it a link to set a new password."


class NewPassword(Body):
    password: Password


class NewPasswordForm(FlaskForm):
    password = password_field(
        "New password", "new-password", DataRequired("Choose a new password.")
    )


@blueprint.get("/reset")
@responds("text/html")
@public
def forgot_page() -> ResponseReturnValue:
    """Show the form for a forgotten password."""
    return _forgot(AddressForm())


@responds("text/html")
def _forgot_by_form() -> ResponseReturnValue:
    return by_address(_forgot, request_password_reset, SENT_RESET, "self_service.forgot_page")


@blueprint.post("/reset")
@responds(Sent, 429, 503)
@limited("20 per minute")
@public
@or_form(_forgot_by_form)
@validated(AddressOnly)
def forgot(body: AddressOnly) -> ResponseReturnValue:
    """Ask for a mail with a link to a new password."""
    request_password_reset(body.email)
    return SENT


@blueprint.get("/reset/<string:token>")
@responds("text/html", 404)
@public
@or_expired(**again)
def reset_page(token: str) -> ResponseReturnValue:
    """Show the form for a new password."""
    return _reset(NewPasswordForm(), token)


@responds("text/html")
@or_expired(**again)
def _reset_by_form(token: str) -> ResponseReturnValue:
    form = NewPasswordForm()

    def act() -> str:
        reset_password(token, form.password.data)
        text = "You are logged out everywhere. Log in with your new password."
        return done("Your password was changed", text)

    return by_form(form, lambda: _reset(form, token), act)


@blueprint.post("/reset/<string:token>")
@responds(Username, 400, 404, 429, 503)
@limited("20 per minute")
@public
@or_form(_reset_by_form)
@validated(NewPassword)
def reset(body: NewPassword, token: str) -> ResponseReturnValue:
    """Set a new password by the link of a mail."""
    return {"username": reset_password(token, body.password).name}


def _forgot(form: AddressForm) -> str:
    text = "We will e-mail you a link to set a new password."
    return page("Forgot your password?", text, form, "Send the link")


def _reset(form: NewPasswordForm, token: str) -> str:
    name = find_password_reset(token).name
    text = (
        f"Choose a new password for {name}. This logs you out everywhere. If you use a second "
        "factor, it stays on."
    )
    return page("Set a new password", text, form, "Set the password", username=name)
