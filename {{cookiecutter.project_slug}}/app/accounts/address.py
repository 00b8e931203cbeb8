"""`/change-email`, `/change-username`: changes of e-mail address and username.

Only a link that is mailed to the new address changes the address. Source: OWASP ASVS 6.3.7, 7.5.1.
"""

from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from secure_flask import (
    Body,
    limited,
    or_form,
    public,
    recent_login,
    responds,
    takes_credentials,
    validated,
)
from secure_flask.accounts import (
    change_name,
    confirm_email_change,
    find_email_change,
    request_email_change,
)
from wtforms.validators import Optional

from app.accounts.routes import (
    RECENT,
    SENT,
    AddressForm,
    AddressOnly,
    Name,
    Sent,
    Username,
    blueprint,
    by_address,
    by_form,
    done,
    new_name,
    or_expired,
    page,
)
from app.current_user import current_user
from app.login import Password, password_field

again = {"self_service.new_address_page": "Ask for a new link"}
SENT_CHANGE = "We are sending a link to {}. Open it within an hour to change your address."


class ChangeConfirmation(Body):
    """The password of the account. A request with a recent login to it needs none."""

    password: Password | None = None


class NewName(Body):
    username: Name


class ChangeForm(FlaskForm):
    password = password_field(
        "Password of this account",
        "current-password",
        Optional(),
        description="Leave it empty if you logged in to it in the last five minutes.",
    )


class NameForm(FlaskForm):
    username = new_name()


@blueprint.get("/change-email")
@responds("text/html")
@recent_login(minutes=RECENT)
def new_address_page() -> ResponseReturnValue:
    """Show the form for another e-mail address."""
    return _new(AddressForm())


@responds("text/html")
def _request_by_form() -> ResponseReturnValue:
    return by_address(_new, request_email_change, SENT_CHANGE, "self_service.new_address_page")


@blueprint.post("/change-email")
@responds(Sent, 429)
@limited("20 per minute")
@recent_login(minutes=RECENT)
@or_form(_request_by_form)
@validated(AddressOnly)
def new_address(body: AddressOnly) -> ResponseReturnValue:
    """Ask for a mail with a link to a new e-mail address."""
    request_email_change(body.email)
    return SENT


@blueprint.get("/change-email/<string:token>")
@responds("text/html", 404)
@public
@or_expired(**again)
def change_email_page(token: str) -> ResponseReturnValue:
    """Show the form that confirms a new e-mail address."""
    return _change(ChangeForm(), token)


@responds("text/html")
@or_expired(**again)
def _change_by_form(token: str) -> ResponseReturnValue:
    form = ChangeForm()

    def act() -> str:
        email = confirm_email_change(token, form.password.data).readable_email
        return done("Your address was changed", f"From now on we write to {email}.")

    return by_form(form, lambda: _change(form, token), act)


@blueprint.post("/change-email/<string:token>")
@responds(Username, 401, 403, 404, 429, 503)
@limited("20 per minute")
@public
@takes_credentials
@or_form(_change_by_form)
@validated(ChangeConfirmation)
def change_email(body: ChangeConfirmation, token: str) -> ResponseReturnValue:
    """Change your e-mail address by the link of a mail."""
    return {"username": confirm_email_change(token, body.password).name}


@blueprint.get("/change-username")
@responds("text/html")
@recent_login(minutes=RECENT)
def new_name_page() -> ResponseReturnValue:
    """Show the form for another username."""
    return _name(NameForm())


@responds("text/html")
def _rename_by_form() -> ResponseReturnValue:
    form = NameForm()

    def act() -> str:
        name = change_name(form.username.data).name
        return done("Your username was changed", f"Log in as {name} from now on.")

    return by_form(form, lambda: _name(form), act)


@blueprint.post("/change-username")
@responds(Username, 409, 429)
@limited("20 per minute")
@recent_login(minutes=RECENT)
@or_form(_rename_by_form)
@validated(NewName)
def change_username(body: NewName) -> ResponseReturnValue:
    """Change your username."""
    return {"username": change_name(body.username).name}


def _new(form: AddressForm) -> str:
    present = current_user.readable_email
    text = "We will e-mail you a link. Open it within an hour to confirm the address."
    if present:
        text += f" We will also tell your present address, {present}."
    title = "New e-mail address" if present else "Add an address"
    return page(title, text, form, "Send the link")


def _change(form: ChangeForm, token: str) -> str:
    user, email = find_email_change(token)
    text = (
        f"This gives the account {user.name} the address {email}. Not your account? Close this "
        "page: someone else asked for this."
    )
    return page("Confirm the new address", text, form, "Confirm the address", username=user.name)


def _name(form: NameForm) -> str:
    text = f"Your username is {current_user.name}. Others can then take your old name."
    return page("Change your username", text, form, "Change the username")
