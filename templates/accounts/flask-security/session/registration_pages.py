"""`/register` and `/confirm`: people sign up by a form; registration.py says how it is safe.

Source: OWASP ASVS 6.2.1, 6.2.7, 6.3.8.
"""

from flask import Blueprint, Flask, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from werkzeug.exceptions import BadRequest
from wtforms import StringField
from wtforms.validators import DataRequired, Length

from app.accounts import password_fields
from app.accounts.links import registration, usernames
from app.accounts.links.account_forms import add_forms, address_field, mail_sent, passes, stripped
from app.accounts.links.lifetimes import in_words
from app.auth import users
from app.auth.access import public
from app.security.forms import one_line
from app.security.responses import responds

blueprint = Blueprint("registration_pages", __name__)


class RegistrationForm(FlaskForm):
    username = StringField(
        "Username",
        [
            DataRequired("Choose a username."),
            Length(max=users.MAX_NAME),
            one_line,
            passes(usernames.new),
        ],
        filters=[stripped],
        render_kw={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"},
    )
    email = address_field("E-mail address")
    password = password_fields.new_password("Password", DataRequired("Choose a password."))


class AddressForm(FlaskForm):
    email = address_field("E-mail address")


@blueprint.get("/register")
@responds("text/html")
@public
def register() -> ResponseReturnValue:
    return render_template("register.html", form=RegistrationForm())


@responds("text/html")
def _register_by_form() -> ResponseReturnValue:
    form = RegistrationForm()
    if not form.validate():
        return render_template("register.html", form=form), 422
    try:
        registration.begin(form.username.data, form.email.data, form.password.data)
    except BadRequest as error:
        password_fields.refuse(form.password, error)
        return render_template("register.html", form=form), 422
    return mail_sent(again=url_for("registration_pages.send_again"))


@blueprint.get("/confirm")
@responds("text/html")
@public
def send_again() -> ResponseReturnValue:
    return _again_page(AddressForm())


@responds("text/html")
def _send_again_by_form() -> ResponseReturnValue:
    form = AddressForm()
    if not form.validate():
        return _again_page(form), 422
    registration.send_link_again(form.email.data)
    return mail_sent(again=url_for("registration_pages.send_again"))


def init_app(app: Flask) -> None:
    add_forms(
        app,
        {
            "registration.register": _register_by_form,
            "registration.send_again": _send_again_by_form,
        },
    )
    app.register_blueprint(blueprint)


def _again_page(form: AddressForm) -> str:
    lifetime = in_words(registration.LIFETIME)
    return render_template("send_link_again.html", form=form, lifetime=lifetime)
