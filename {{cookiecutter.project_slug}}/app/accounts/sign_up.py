"""`/register`, `/confirm`: people register with an address, and a mailed link makes the account.

Where REGISTRATION is False, none of these routes exists. Source: OWASP ASVS 6.2.1, 6.3.8, 6.4.1.
"""

from typing import Any

from flask import Blueprint
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from secure_flask import Body, credentials, limited, or_form, public, responds, validated
from secure_flask.accounts import confirm_registration, find_registration, register, send_again
from wtforms.validators import DataRequired, Optional

from app.accounts.routes import (
    SENT,
    Address,
    AddressForm,
    AddressOnly,
    Name,
    Sent,
    Username,
    by_address,
    by_form,
    done,
    new_name,
    or_expired,
    page,
    sent_page,
)
from app.login import Password, password_field

blueprint = Blueprint("sign_up", __name__)
# What comes next for who has no valid link.
links = {"sign_up.registration_page": "Register", "accounts.forgot_page": "Set a new password"}


class Registration(Body):
    username: Name
    email: Address
    password: Password


class Confirmation(Body):
    """The password of the registration, or a new one; a name to replace the first."""

    password: Password | None = None
    new_password: Password | None = None
    username: Name | None = None


class RegistrationForm(AddressForm):
    username = new_name()
    password = password_field("Password", "new-password", DataRequired("Choose a password."))


class ConfirmationForm(FlaskForm):
    username = new_name()
    password = password_field("Your password", "current-password", Optional())
    new_password = password_field("Or a new password", "new-password", Optional())


@blueprint.get("/register")
@responds("text/html")
@public
def registration_page() -> ResponseReturnValue:
    """Show the form to sign up."""
    return _registration(RegistrationForm())


@responds("text/html")
def _register_by_form() -> ResponseReturnValue:
    form = RegistrationForm()

    def act() -> str:
        register(form.username.data, form.email.data, form.password.data)
        return sent_page("sign_up.send_again_page")

    return by_form(form, lambda: _registration(form), act)


@blueprint.post("/register")
@responds(Sent, 400, 429, 503)
@limited("20 per minute")
@public
@or_form(_register_by_form)
@validated(Registration)
def sign_up(body: Registration) -> ResponseReturnValue:
    """Sign up, and ask for a mail with a link that confirms the address."""
    register(body.username, body.email, body.password)
    return SENT


@blueprint.get("/confirm")
@responds("text/html")
@public
def send_again_page() -> ResponseReturnValue:
    """Show the form to ask for the mail of a registration again."""
    return _again(AddressForm())


@responds("text/html")
def _send_again_by_form() -> ResponseReturnValue:
    return by_address(_again, send_again, "sign_up.send_again_page")


@blueprint.post("/confirm")
@responds(Sent, 429, 503)
@limited("20 per minute")
@public
@or_form(_send_again_by_form)
@validated(AddressOnly)
def mail_link_again(body: AddressOnly) -> ResponseReturnValue:
    """Ask for the mail of a registration again."""
    send_again(body.email)
    return SENT


@blueprint.get("/confirm/<string:token>")
@responds("text/html", 404)
@public
@or_expired(**links)
def confirmation_page(token: str) -> ResponseReturnValue:
    """Show the form that confirms an address."""
    form = ConfirmationForm()
    form.username.data = find_registration(token).name
    return _confirmation(form, token)


@responds("text/html")
@or_expired(**links)
def _confirm_by_form(token: str) -> ResponseReturnValue:
    form = ConfirmationForm()

    def act() -> str:
        given = {each.name: each.data for each in (form.password, form.new_password)}
        confirm_registration(token, name=form.username.data, **given)
        return done("Your account is ready", "You can log in now.")

    return by_form(form, lambda: _confirmation(form, token), act)


@blueprint.post("/confirm/<string:token>")
@responds(Username, 400, 403, 404, 409, 429, 503)
@limited("20 per minute")
@public
@credentials
@or_form(_confirm_by_form)
@validated(Confirmation)
def confirm(body: Confirmation, token: str) -> ResponseReturnValue:
    """Confirm an address by the link of a mail."""
    given: dict[str, Any] = {"password": body.password, "new_password": body.new_password}
    return {"username": confirm_registration(token, name=body.username, **given).name}


def _registration(form: RegistrationForm) -> str:
    return page("Register", "You get a mail with a link that makes the account.", form, "Register")


def _again(form: AddressForm) -> str:
    text = "For a registration of the last day. An older one has ended: register again."
    return page("Get the mail again", text, form, "Send")


def _confirmation(form: ConfirmationForm, token: str) -> str:
    email = find_registration(token).email
    text = (
        f"The account will have the address {email}. Enter the password that you chose when you "
        "registered. If you did not register, or forgot it, choose a new one."
    )
    return page("Confirm your address", text, form, "Make the account")
