"""The field for a new password: the hint states the rule, and an error does not repeat it.

Source: OWASP ASVS 6.2.1; WCAG 2.2, success criterion 3.3.2.
"""

from typing import Any

from wtforms import PasswordField
from wtforms.validators import Length

from app.auth.passwords import MAX_LENGTH, MIN_LENGTH
from app.security.forms import one_line

HINT = f"At least {MIN_LENGTH} characters. A few words that only you combine are good."


def new_password(label: str, required: Any) -> PasswordField:
    """A field for a new password; `required` is the validator of an empty one."""
    return PasswordField(
        label,
        [required, Length(max=MAX_LENGTH), one_line],
        description=HINT,
        render_kw={"autocomplete": "new-password"},
    )


def refuse(field: PasswordField, error: Any) -> None:
    """Show an error of `password_rules` beside the field; HINT already says how long to make it."""
    short = len(field.data or "") < MIN_LENGTH
    reason = "This password is too short" if short else error.message
    field.errors = [*field.errors, f"{reason}."]
