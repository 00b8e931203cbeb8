"""What the pages of accounts share: fields, and forms at the addresses of the JSON views.

A form posts to the address of a JSON view, so the same access checks and limits hold for both.
Source: OWASP ASVS 2.2.1, 6.2.7.
"""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask, current_app, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import EmailField, StringField, ValidationError
from wtforms.validators import DataRequired, Length

from app.accounts.links import addresses
from app.security.forms import one_line, or_form
from app.security.rate_limits import limited
from app.security.validation import Reason
from app.security.view_options import options_of

MAX_CODE = 40  # characters


def stripped(text: str | None) -> str | None:
    """Without spaces at the ends, which phones add when they complete a word."""
    return text.strip() if text else text


def passes(check: Callable[[str], str]) -> Callable[[FlaskForm, StringField], None]:
    """A WTForms validator that asks the check of a JSON member, and takes what that returns."""

    def validate(form: FlaskForm, field: StringField) -> None:
        try:
            field.data = check(field.data or "")
        except Reason as reason:
            raise ValidationError(f"{reason}.") from None

    return validate


def address_field(label: str) -> EmailField:
    rules = [
        DataRequired("Enter an e-mail address."),
        Length(max=addresses.MAX_LENGTH),
        one_line,
        passes(addresses.well_formed),
    ]
    return EmailField(label, rules, filters=[stripped], render_kw={"autocomplete": "email"})


def code_field(label: str, description: str, **attributes: str) -> StringField:
    rules = [DataRequired("Enter the code."), Length(max=MAX_CODE), one_line]
    shown = {"autocapitalize": "none", "spellcheck": "false", **attributes}
    return StringField(label, rules, filters=[stripped], description=description, render_kw=shown)


def app_code_field() -> StringField:
    """A field for a code that an authenticator app shows."""
    text = "The 6 digits that your authenticator app shows now."
    return code_field("Code", text, autocomplete="one-time-code", inputmode="numeric")


def mail_sent(again: str) -> str:
    """The page after a form that mails a link; `again` is the page to ask for another one."""
    mailbox = url_for("mailbox.show_all") if "mailbox" in current_app.extensions else None
    return render_template("mail_sent.html", again=again, mailbox=mailbox)


def add_forms(app: Flask, handlers: Mapping[str, Callable[..., ResponseReturnValue]]) -> None:
    """Let handlers answer where a form comes to a JSON view; both keep the view's options."""
    for endpoint, handler in handlers.items():
        view = app.view_functions[endpoint]
        app.view_functions[endpoint] = or_form(_limited_as(view, handler))(view)


def _limited_as(view: Any, handler: Any) -> Any:
    """The handler with the rate limit of the view, whose own check it does not pass."""
    limit = options_of(view, "POST").limited
    return limited(limit)(handler) if limit else handler
