"""`/account/passkeys`: users add and delete passkeys; passkeys.js runs the ceremonies.

Source: Web Authentication Level 3; W3C, "A Well-Known URL for Relying Party Passkey Endpoints".
"""

from flask import Blueprint, Flask, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app.accounts import public_urls
from app.accounts.factors import passkeys
from app.accounts.factors.passkeys import RECENT
from app.accounts.links.account_forms import add_forms
from app.auth.access import public, recent_login
from app.auth.factors import MAX_NAME
from app.security.responses import responds

blueprint = Blueprint("passkey_pages", __name__)


@blueprint.get("/account/passkeys")
@responds("text/html")
@recent_login(minutes=RECENT)
def show() -> ResponseReturnValue:
    return render_template("passkeys.html", passkeys=passkeys.list_own(), max_name=MAX_NAME)


def _delete_by_form() -> ResponseReturnValue:
    passkeys.delete()
    flash("The passkey is deleted. All your other logins have ended.")
    return redirect(url_for("passkey_pages.show"), 303)


@blueprint.get("/.well-known/passkey-endpoints")
@responds("application/json")
@public
def endpoints() -> ResponseReturnValue:
    """Where password managers let people add and manage passkeys."""
    page = public_urls.link("passkey_pages.show")
    return {"enroll": page, "manage": page}


def init_app(app: Flask) -> None:
    add_forms(app, {"passkeys.wan_delete": _delete_by_form})
    app.register_blueprint(blueprint)
