"""`/account/delete`: users delete their account by a form; deletion.py says what goes.

It asks for the username, so that no slip deletes an account.
Source: GDPR, article 17; OWASP ASVS 7.5.1.
"""

from flask import Blueprint, Flask, g, make_response, render_template
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import StringField, ValidationError
from wtforms.validators import DataRequired

from app.accounts.leaving import deletion
from app.auth.access import recent_login
from app.security.forms import consumes_form
from app.security.responses import responds

blueprint = Blueprint("deletion_pages", __name__)


class DeletionForm(FlaskForm):
    username = StringField(
        "Your username",
        [DataRequired("Enter your username.")],
        description="To confirm that you want to delete this account.",
        render_kw={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"},
    )

    def validate_username(self, field: StringField) -> None:
        if field.data != g.user.name:
            raise ValidationError("This is not your username.")


@blueprint.get("/account/delete")
@responds("text/html")
@recent_login(minutes=deletion.RECENT)
def page() -> ResponseReturnValue:
    return render_template("account_deletion.html", form=DeletionForm())


@blueprint.post("/account/delete")
@responds("text/html")
@recent_login(minutes=deletion.RECENT)
@consumes_form
def delete_by_form() -> ResponseReturnValue:
    form = DeletionForm()
    if not form.validate():
        return render_template("account_deletion.html", form=form), 422
    deletion.delete_account(g.user)
    response = deletion.forget_login(make_response())
    # Rendered after the login has ended, so that the page belongs to nobody.
    response.set_data(render_template("account_deleted.html"))
    return response


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
