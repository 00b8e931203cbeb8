"""`/dev/mailbox`: shows the mails that development does not send. Production has no such page."""

from flask import Blueprint, Flask, render_template
from secure_flask import public, responds
from secure_flask.accounts import development_mails, text_of_mail

blueprint = Blueprint("mailbox", __name__)


@blueprint.get("/dev/mailbox")
@responds("text/html")
@public
def show() -> str:
    """Show the mails that were sent, in development."""
    mails = [(each, text_of_mail(each)) for each in development_mails()]
    return render_template("accounts/mailbox.html", mails=mails)


def init_app(app: Flask) -> None:
    if not app.config["PRODUCTION"] and not app.config["MAIL_URL"]:
        app.register_blueprint(blueprint)
