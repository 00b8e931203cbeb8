"""The blueprint of all routes of accounts, and what their forms and pages share."""

from collections.abc import Callable
from functools import wraps
from math import ceil
from typing import Annotated, Any

from flask import Blueprint, current_app, render_template
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from pydantic import AfterValidator, Field
from secure_flask import Body, PlainText, ResponseBody, one_line
from secure_flask.accounts import checked_address, checked_name, factors_of, passkey_signals
from werkzeug.exceptions import BadRequest, Conflict, Forbidden, NotFound, Unauthorized
from wtforms import EmailField, StringField, ValidationError
from wtforms import Field as FormField
from wtforms.validators import DataRequired, Length

from app.current_user import current_user
from app.login import LENGTH_HINT

blueprint = Blueprint("self_service", __name__)
blueprint.add_app_template_global(factors_of, "factors_of")
blueprint.add_app_template_global(passkey_signals, "passkey_signals")

RECENT = 5  # minutes since the password, for changes of the account
MAX_ADDRESS = 254  # characters
MAX_NAME = 150  # characters
UNITS = ((60 * 60, "hours"), (60, "minutes"))
# The words are the same whether or not the address is known.
SENT = {"message": "If that address can be used here, a mail with the next step is on its way"}
WAIT = "It usually arrives within a few minutes. Nothing there? Look in your spam folder."

Address = Annotated[PlainText, Field(max_length=MAX_ADDRESS), AfterValidator(checked_address)]
Name = Annotated[PlainText, Field(max_length=MAX_NAME), AfterValidator(checked_name)]


class AddressOnly(Body):
    email: Address


class Sent(ResponseBody):
    message: str


class Username(ResponseBody):
    username: str


def usable(check: Callable[[str], str]) -> Callable[[FlaskForm, FormField], None]:
    """Make a form validator from a check that returns the stored form of a text."""

    def validate(form: FlaskForm, field: FormField) -> None:
        try:
            field.data = check(field.data or "")
        except ValueError as problem:
            raise ValidationError(f"{problem}.") from None

    return validate


def address_field() -> EmailField:
    needed = DataRequired("Enter your e-mail address.")
    rules = [one_line, needed, Length(max=MAX_ADDRESS), usable(checked_address)]
    return EmailField("E-mail address", rules, render_kw={"autocomplete": "email"})


class AddressForm(FlaskForm):
    email = address_field()


def new_name(needed: Any = None) -> StringField:
    needed = needed or DataRequired("Choose a username.")
    rules = [one_line, needed, Length(max=MAX_NAME), usable(checked_name)]
    attributes = {"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
    return StringField("Username", rules, render_kw=attributes)


def by_form(
    form: FlaskForm, show: Callable[[], str], act: Callable[[], ResponseReturnValue]
) -> ResponseReturnValue:
    """Do what a form asks for, or show it again with what is wrong beside each field."""
    if form.validate():
        try:
            return act()
        except (BadRequest, Unauthorized, Forbidden, Conflict) as refused:
            fields = getattr(refused, "fields", None) or {}
            for name in fields:
                form[name].errors = [sentence(refused)]
            if not fields:
                form.form_errors.append(sentence(refused))
    return show(), 422


def by_address(
    show: Callable[[AddressForm], str], ask: Callable[[str], None], sent: str, again: str
) -> ResponseReturnValue:
    """Ask for a mail to an address; `sent` and `again` are those of `check_page`."""
    form = AddressForm()

    def act() -> str:
        ask(form.email.data)
        return check_page(sent, form.email.data, again)

    return by_form(form, lambda: show(form), act)


def page(title: str, text: str, form: FlaskForm, submit: str, **values: Any) -> str:
    """A page with one form. A field for a new password gets the hint about its length."""
    for field in form:
        if (field.render_kw or {}).get("autocomplete") == "new-password":
            field.description = LENGTH_HINT.format(current_app.config["PASSWORD_MIN_LENGTH"])
    given = {"title": title, "text": text, "form": form, "submit": submit, **values}
    return render_template("accounts/form.html", **given)


def done(title: str, text: str, links: dict[str, str] | None = None, hint: str = "") -> str:
    """A page that says what happened. `links` are endpoints with the words of each link."""
    given = {"title": title, "text": text, "links": links or home(), "hint": hint}
    return render_template("accounts/done.html", **given)


def home() -> dict[str, str]:
    return {"account.show": "Your account"} if current_user else {"login.page": "Log in"}


def check_page(sent: str, email: str, again: str) -> str:
    """The page after a form that asks for a mail, the same for known and unknown addresses.

    `sent` says what is on its way to "{}", the address that was typed. `again` is the endpoint of
    the form that asks for another mail.
    """
    links = {again: "No e-mail after ten minutes? Ask for another", **home()}
    if "mailbox.show" in current_app.view_functions:
        links["mailbox.show"] = "Open the development mailbox"
    return done("Check your e-mail", sent.format(email), links, WAIT)


def or_expired(**links: str) -> Callable[[Any], Any]:
    """Show a page with `links` if the link of this page has expired or was already used."""

    def decorate(view: Any) -> Any:
        @wraps(view)
        def wrapped(*args: Any, **kwargs: Any) -> ResponseReturnValue:
            try:
                return current_app.ensure_sync(view)(*args, **kwargs)  # type: ignore[no-any-return]
            except NotFound:
                # It was used, too much time passed, or too many wrong passwords were entered.
                text = "The link has expired or was already used."
                return done("This link no longer works", text, {**links, **home()}), 404

        return wrapped

    return decorate


def sentence(error: Any) -> str:
    """The words of an error, with the wait in minutes or, above an hour, in hours."""
    seconds = int(error.headers.get("Retry-After", 0))
    units = [f"{ceil(seconds / size)} {name}" for size, name in UNITS if seconds > size]
    wait = f" Try again in {units[0] if units else 'a minute'}." if seconds else ""
    return f"{error.description}.{wait}"
