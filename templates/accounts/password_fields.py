"""The field of a form for a new password: its hint says the rule, which an error does not repeat.

Source: OWASP ASVS 6.2.1; WCAG 2.2, success criterion 3.3.2.
"""

from typing import Any

from wtforms import PasswordField
from wtforms.validators import Length

from app.auth.passwords import MAX_LENGTH, MIN_LENGTH
from app.security.forms import one_line


def new_password(label: str, required: Any) -> PasswordField:
    """A field for a new password; `required` is the validator of an empty one."""
    return PasswordField(
        label,
        [required, Length(max=MAX_LENGTH), one_line],
        description=f"At least {MIN_LENGTH} characters. A few words that only you combine are good.",
        render_kw={"autocomplete": "new-password"},
    )


def refuse(field: PasswordField, error: Any) -> None:
    """Show beside the field why `password_rules` refused its password by an `ErrorResponse`."""
    short = len(field.data or "") < MIN_LENGTH
    reason = "This password is too short" if short else error.message
    field.errors = [*field.errors, f"{reason}."]
