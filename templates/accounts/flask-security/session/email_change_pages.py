"""`/change-email`: users name a new address by a form; email_change.py says how it is safe.

Source: OWASP ASVS 6.3.7, 7.5.1.
"""

from flask import Blueprint, Flask, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm

from app.accounts.links import email_change
from app.accounts.links.account_forms import add_forms, address_field, mail_sent
from app.auth.access import recent_login
from app.security.responses import responds

blueprint = Blueprint("email_change_pages", __name__)


class NewAddressForm(FlaskForm):
    email = address_field("New e-mail address")


@blueprint.get("/change-email")
@responds("text/html")
@recent_login(minutes=email_change.RECENT)
def change() -> ResponseReturnValue:
    return render_template("change_email.html", form=NewAddressForm())


@responds("text/html")
def _change_by_form() -> ResponseReturnValue:
    form = NewAddressForm()
    if not form.validate():
        return render_template("change_email.html", form=form), 422
    email_change.send_link(form.email.data)
    return mail_sent(again=url_for("email_change_pages.change"))


def init_app(app: Flask) -> None:
    add_forms(app, {"email_change.change": _change_by_form})
    app.register_blueprint(blueprint)
