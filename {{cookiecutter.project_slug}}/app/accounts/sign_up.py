"""`/register`, `/confirm`: people register with an address, and a mailed link makes the account.

Where REGISTRATION is False, none of these routes exists. Source: OWASP ASVS 6.2.1, 6.3.8, 6.4.1.
"""

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from secure_flask import (
    Body,
    limited,
    log_in,
    or_form,
    public,
    responds,
    takes_credentials,
    validated,
)
from secure_flask.accounts import (
    confirm_registration,
    find_registration,
    request_registration,
    resend_registration,
)
from werkzeug.exceptions import ServiceUnavailable, TooManyRequests, Unauthorized
from wtforms.validators import DataRequired, Optional

from app.accounts.routes import (
    SENT,
    Address,
    AddressForm,
    AddressOnly,
    Name,
    Sent,
    Username,
    address_field,
    by_address,
    by_form,
    check_page,
    done,
    new_name,
    or_expired,
    page,
)
from app.login import Password, password_field

blueprint = Blueprint("sign_up", __name__)
# The links for people whose link is not valid.
links = {"sign_up.registration_page": "Register", "self_service.forgot_page": "Set a new password"}
SENT_LINK = "We are sending a link to {}. Open it to create your account."
SENT_AGAIN = "We are sending the link again to {}, if you registered with it in the last day."


class Registration(Body):
    username: Name
    email: Address
    password: Password


class Confirmation(Body):
    """The password of the registration or a new one, and a name in place of the registered one."""

    password: Password | None = None
    new_password: Password | None = None
    username: Name | None = None


class RegistrationForm(FlaskForm):
    username = new_name()
    email = address_field()
    password = password_field("Password", "new-password", DataRequired("Choose a password."))


class ConfirmationForm(FlaskForm):
    # The form asks for it only if somebody has taken the name of the registration meanwhile.
    username = new_name(Optional())
    password = password_field(
        "Your password", "current-password", DataRequired("Enter your password.")
    )


class ChoiceForm(FlaskForm):
    username = new_name()
    new_password = password_field(
        "New password", "new-password", DataRequired("Choose a password.")
    )


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
        request_registration(form.username.data, form.email.data, form.password.data)
        return check_page(SENT_LINK, form.email.data, "sign_up.send_again_page")

    return by_form(form, lambda: _registration(form), act)


@blueprint.post("/register")
@responds(Sent, 400, 429, 503)
@limited("20 per minute")
@public
@or_form(_register_by_form)
@validated(Registration)
def sign_up(body: Registration) -> ResponseReturnValue:
    """Sign up, and ask for a mail with a link that confirms the address."""
    request_registration(body.username, body.email, body.password)
    return SENT


@blueprint.get("/confirm")
@responds("text/html")
@public
def send_again_page() -> ResponseReturnValue:
    """Show the form to ask for the mail of a registration again."""
    return _again(AddressForm())


@responds("text/html")
def _send_again_by_form() -> ResponseReturnValue:
    return by_address(_again, resend_registration, SENT_AGAIN, "sign_up.send_again_page")


@blueprint.post("/confirm")
@responds(Sent, 429, 503)
@limited("20 per minute")
@public
@or_form(_send_again_by_form)
@validated(AddressOnly)
def mail_link_again(body: AddressOnly) -> ResponseReturnValue:
    """Ask for the mail of a registration again."""
    resend_registration(body.email)
    return SENT


@blueprint.get("/confirm/<string:token>")
@responds("text/html", 404)
@public
@or_expired(**links)
def confirmation_page(token: str) -> ResponseReturnValue:
    """Show the form that confirms an address."""
    return _confirmation(_confirmation_form(), token)


@responds("text/html")
@or_expired(**links)
def _confirm_by_form(token: str) -> ResponseReturnValue:
    form = _confirmation_form()

    def act() -> ResponseReturnValue:
        given = {name: form.data.get(name) for name in ("password", "new_password")}
        user = confirm_registration(token, name=form.username.data or None, **given)
        return _welcome(user.name, given["new_password"] or given["password"])

    return by_form(form, lambda: _confirmation(form, token), act)


def _welcome(name: str, password: str) -> ResponseReturnValue:
    try:
        log_in(name, password)
    except (Unauthorized, TooManyRequests, ServiceUnavailable):
        # The account exists even if its login is refused, as by an owner who approves accounts.
        return done("Your account is ready", "You can log in now.")
    flash(f"Welcome, {name}. Your account is ready.", "success")
    return redirect(f"{request.root_path}/", 303)


@blueprint.post("/confirm/<string:token>")
@responds(Username, 400, 403, 404, 409, 429, 503)
@limited("20 per minute")
@public
@takes_credentials
@or_form(_confirm_by_form)
@validated(Confirmation)
def confirm(body: Confirmation, token: str) -> ResponseReturnValue:
    """Confirm an address by the link of a mail."""
    given: dict[str, Any] = {"password": body.password, "new_password": body.new_password}
    return {"username": confirm_registration(token, name=body.username, **given).name}


def _registration(form: RegistrationForm) -> str:
    text = "We will e-mail you a link to create the account."
    return page("Register", text, form, "Register")


def _again(form: AddressForm) -> str:
    text = (
        "You can ask for the link again ten minutes after the last time, for a day after you "
        "registered. After that, register again."
    )
    return page("Registered, no mail?", text, form, "Send the link again")


def _confirmation_form() -> ConfirmationForm | ChoiceForm:
    return ChoiceForm() if "choose" in request.args else ConfirmationForm()


def _confirmation(form: ConfirmationForm | ChoiceForm, token: str) -> str:
    email, name = find_registration(token)
    if isinstance(form, ChoiceForm):
        if not form.is_submitted():
            form.username.data = name
        text = f"This creates an account for {email}. Not your address? Close this page."
        return page("Choose your password", text, form, "Create my account")
    if not (form.username.data or form.username.errors):
        del form.username
    text = (
        f"Enter the password that you chose when you registered with {email}. If you did not "
        "register, close this page."
    )
    choose = {
        "question": "Forgot it?",
        "href": url_for("sign_up.confirmation_page", token=token, choose="another"),
        "words": "Choose another password",
    }
    # Password managers read a hidden username, unless the form asks for a name.
    shown = {"username": None if "username" in form else name, "otherwise": choose}
    return page("Create your account", text, form, "Create my account", **shown)
