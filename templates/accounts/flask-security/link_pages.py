"""The pages behind mailed links: to open one changes nothing, its form does.

Mail scanners open each link in a mail. The pages need no login, so they work for each token
type. Source: OWASP ASVS 6.4.1, 14.2.1.
"""

from typing import Any

from flask import render_template, request, url_for
from flask_wtf import FlaskForm
from wtforms import PasswordField
from wtforms.validators import Length, Optional

from app.accounts import pending
from app.accounts.pending import PendingStep
from app.auth import tokens
from app.auth.passwords import MAX_LENGTH
from app.security.errors import error_response
from app.security.forms import one_line

INVALID = "This link has expired, or it was used already"


def find(purpose: str, token: str) -> PendingStep:
    """The step of a link that was mailed to a user.

    :raises ErrorResponse: 404, the link has expired or was used.
    """
    step = pending.find(purpose, token)
    if step is None or step.user is None:
        raise error_response(404, INVALID)
    return step


def password(label: str, description: str = "") -> PasswordField:
    """A field for the present password, which the form's view requires where it needs one."""
    return PasswordField(
        label,
        [Optional(), Length(max=MAX_LENGTH), one_line],
        description=description,
        render_kw={"autocomplete": "current-password"},
    )


def sentence(error: Any) -> str:
    """The words of an `ErrorResponse`, to show beside a field."""
    return f"{error.message}."


def page(title: str, text: str, form: FlaskForm, button: str, username: str = "") -> str:
    """The page with the form of a link, which posts to its own address.

    Password managers store what is entered under `username`, which the page does not show.
    """
    shown = {"title": title, "text": text, "button": button, "username": username}
    return render_template("mailed_link.html", form=form, **shown)


def done(title: str, text: str) -> str:
    """The page after the form, which leads to the login."""
    login = url_for(tokens.LOGIN_PAGE) if tokens.LOGIN_PAGE else f"{request.root_path}/"
    return render_template("mailed_link.html", title=title, text=text, login=login)
