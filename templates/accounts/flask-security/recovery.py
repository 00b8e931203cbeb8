"""Recovery: who forgot the password gets a link by mail to set a new one.

The link works once and for an hour. It changes nothing when a mail scanner opens it, it logs
nobody in, and it removes no second factor. No response tells whether an address is known.
Source: OWASP Forgot Password Cheat Sheet; OWASP ASVS 6.3.8, 6.4.1, 6.4.3, 7.4.3.
"""

from typing import Any

from flask import Blueprint, Flask, current_app
from flask.typing import ResponseReturnValue
from flask_security.signals import password_reset
from flask_wtf import FlaskForm
from werkzeug.exceptions import BadRequest
from wtforms.validators import DataRequired

from app.accounts import notices, password_fields, pending, public_urls
from app.accounts.links import addresses, link_pages
from app.accounts.links.addresses import AddressOnly, Sent
from app.accounts.links.lifetimes import in_words
from app.accounts.links.new_passwords import Password, Repeatable
from app.accounts.mail import mail, mail_limits
from app.accounts.pending import PendingStep
from app.auth import access, logins, password_rules, users
from app.auth.access import public
from app.auth.users import User
from app.db import db
from app.security import audit
from app.security.errors import error_response
from app.security.forms import or_form
from app.security.rate_limits import limited
from app.security.responses import ResponseBody, responds
from app.security.validation import validated

blueprint = Blueprint("recovery", __name__)

PURPOSE = "password"
LIFETIME = 60 * 60  # seconds, as long as mail_limits.py counts


class NewPassword(Repeatable):
    password: Password


class Reset(ResponseBody):
    username: str


class NewPasswordForm(FlaskForm):
    password = password_fields.new_password("New password", DataRequired("Choose a new password."))


@blueprint.post("/reset")
@responds(Sent, 429, 503)
@limited("20 per minute")
@public
@access.credentials
@validated(AddressOnly)
def forgot(body: AddressOnly) -> ResponseReturnValue:
    return send_link(body.email)


@responds("text/html")
def _set_by_form(token: str) -> ResponseReturnValue:
    form, step = NewPasswordForm(), link_pages.find(PURPOSE, token)
    if not form.validate():
        return _page(form, step), 422
    try:
        finish(token, form.password.data)
    except BadRequest as error:
        password_fields.refuse(form.password, error)
        return _page(form, step), 422
    return link_pages.done("Your password is set", "All logins have ended. You can log in now.")


@blueprint.get("/reset/<string:token>")
@responds("text/html")
@public
def set_page(token: str) -> ResponseReturnValue:
    return _page(NewPasswordForm(), link_pages.find(PURPOSE, token))


@blueprint.post("/reset/<string:token>")
@responds(Reset, 400, 404, 503)
@public
@access.credentials
@or_form(_set_by_form)
@validated(NewPassword)
def set_password(body: NewPassword, token: str) -> ResponseReturnValue:
    body.require_equal(body.password)
    return finish(token, body.password)


def send_link(email: str) -> dict[str, Any]:
    """Mail a link to the owner of an address; for an unknown address do the same work."""
    mail_link(addresses.find(email), "reset", asked=email)
    return addresses.SENT


def mail_link(user: User | None, template: str, *, asked: str) -> None:
    """Mail a link to set a password to a user, for whose address a request `asked`.

    Without a user who can log in it only takes the same time.
    """
    if user and user.disabled:
        user = None
    allowed = mail_limits.may_send(template if user else mail_limits.NOTHING, asked)
    email = user.email if user else None
    secret = pending.create(PURPOSE, LIFETIME, user=user, email=email or "nobody@localhost")
    link = public_urls.link("recovery.set_page", token=secret)
    username = user.name if user else "nobody"
    to, lifetime = email if allowed else None, in_words(LIFETIME)
    mail.send(to, template, username=username, link=link, lifetime=lifetime)


def finish(token: str, password: str) -> dict[str, Any]:
    """Set the password of the user to whom the link was mailed, and end all logins.

    :raises ErrorResponse: 400, a bad password; 404, no valid link; 503, too busy.
    """
    step = link_pages.find(PURPOSE, token)
    user = step.owner
    stored = user.password_hash
    password_hash = password_rules.hash_new(password, user.name, user.email or "")
    locked = users.lock(user.id) and pending.use(step)
    if not locked or not users.replace_hash(user.name, stored, password_hash):
        db.session.rollback()
        raise error_response(404, link_pages.INVALID)
    logins.end_all(user)
    audit.record(audit.PASSWORD_CHANGE, account=user.name, user_id=user.id, reason="recovery")
    notices.send(user, "password_changed")
    password_reset.send(current_app._get_current_object(), user=user)  # type: ignore[attr-defined]
    return {"username": user.name}


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)


def _page(form: NewPasswordForm, step: PendingStep) -> str:
    text = "All logins of your account will end."
    return link_pages.page("Set a new password", text, form, "Set password", step.owner.name)
