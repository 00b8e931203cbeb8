"""A field for a new password says the rule once, whatever was entered."""

import re
from html import unescape

import pytest
from flask import Flask, get_template_attribute
from flask_wtf import FlaskForm
from wtforms.validators import Optional

from app.accounts.password_fields import HINT, new_password, refuse
from secure_flask.auth import password_rules
from secure_flask.auth.passwords import MAX_LENGTH, MIN_LENGTH
from secure_flask.web.errors import ErrorResponse
from core.conftest import USERNAME
from core.page_elements import Elements

FILL = " and " + "x" * MIN_LENGTH


class PasswordForm(FlaskForm):
    password = new_password("Password", Optional())


def shown(form: FlaskForm) -> str:
    return str(get_template_attribute("_forms.html", "show_fields")(form))


def page_after(app: Flask, password: str) -> str:
    """The form after somebody entered a password."""
    with app.test_request_context(method="POST", data={"password": password}):
        form = PasswordForm()
        if form.validate():
            try:
                password_rules.hash_new(password, USERNAME)
            except ErrorResponse as error:
                refuse(form.password, error)
        return shown(form)


def described(page: str) -> list[str]:
    """The texts that a screen reader reads with the field, in their order."""
    [field] = [each for each in Elements(page).of("input") if each["name"] == "password"]
    return [
        unescape(re.findall(rf'<p class="\w+" id="{each}">([^<]+)</p>', page)[0])
        for each in field["aria-describedby"].split()
    ]


@pytest.mark.parametrize("password", ["", "x", "x" * (MIN_LENGTH - 1), USERNAME + FILL])
def test_the_rule_is_said_once_and_read_with_the_field(app: Flask, password: str) -> None:
    with app.test_request_context():
        fresh = shown(PasswordForm())
    assert re.search(rf"\b{MIN_LENGTH}\b", HINT)
    assert described(fresh) == [HINT]
    hint, error = described(page_after(app, password))
    assert hint == HINT
    assert not re.search(rf"\b{MIN_LENGTH}\b", error)


def test_an_error_says_what_is_wrong(app: Flask) -> None:
    passwords = ["x" * (MIN_LENGTH - 1), "x" * (MAX_LENGTH + 1), USERNAME + FILL]
    errors = [described(page_after(app, password))[1] for password in passwords]
    assert len({*errors}) == 3
    with app.app_context():
        assert errors[2] == f"{password_rules.why_refused(passwords[2], USERNAME)}."


def test_a_good_password_is_not_refused(app: Flask) -> None:
    assert 'aria-invalid="true"' not in page_after(app, f"owls{FILL}")
