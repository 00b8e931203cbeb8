"""A field for a new password says the rule once, whatever was entered."""

import re

import pytest
from flask import Flask, get_template_attribute
from flask_wtf import FlaskForm
from wtforms.validators import Optional

from app.accounts.password_fields import new_password, refuse
from app.auth import password_rules
from app.auth.passwords import MAX_LENGTH, MIN_LENGTH
from app.security.errors import ErrorResponse
from tests.conftest import USERNAME
from tests.page_elements import Elements

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
        re.findall(rf'<p class="\w+" id="{each}">([^<]+)</p>', page)[0]
        for each in field["aria-describedby"].split()
    ]


@pytest.mark.parametrize("password", ["", "x", "x" * (MIN_LENGTH - 1), USERNAME + FILL])
def test_the_rule_is_said_once_and_read_with_the_field(app: Flask, password: str) -> None:
    with app.test_request_context():
        fresh = shown(PasswordForm())
    [hint] = described(fresh)
    assert f"{MIN_LENGTH} characters" in hint
    page = page_after(app, password)
    assert described(page)[0] == hint
    assert len(described(page)) == 2
    assert len(re.findall("characters", page)) == 1


def test_an_error_says_what_is_wrong(app: Flask) -> None:
    assert "too short" in described(page_after(app, "x" * (MIN_LENGTH - 1)))[1]
    assert "your name" in described(page_after(app, USERNAME + FILL))[1]
    assert "longer" in described(page_after(app, "x" * (MAX_LENGTH + 1)))[1]


def test_a_good_password_is_not_refused(app: Flask) -> None:
    assert 'aria-invalid="true"' not in page_after(app, f"owls{FILL}")
