"""`/reset`: who forgot the password asks for a link by a form; recovery.py says how it is safe.

Source: OWASP Forgot Password Cheat Sheet; OWASP ASVS 6.3.8, 6.4.3.
"""

from flask import Blueprint, Flask, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm

from app.accounts.links import recovery
from app.accounts.links.account_forms import add_forms, address_field, mail_sent
from app.auth.access import public
from app.security.responses import responds

blueprint = Blueprint("recovery_pages", __name__)


class ForgotForm(FlaskForm):
    email = address_field("E-mail address")


@blueprint.get("/reset")
@responds("text/html")
@public
def forgot() -> ResponseReturnValue:
    return render_template("forgot_password.html", form=ForgotForm())


@responds("text/html")
def _forgot_by_form() -> ResponseReturnValue:
    form = ForgotForm()
    if not form.validate():
        return render_template("forgot_password.html", form=form), 422
    recovery.send_link(form.email.data)
    return mail_sent(again=url_for("recovery_pages.forgot"))


def init_app(app: Flask) -> None:
    add_forms(app, {"recovery.forgot": _forgot_by_form})
    app.register_blueprint(blueprint)
