"""Changes of the e-mail address: only a link that was mailed to the new address makes them.

A login of somebody else must not take the account over, so the change needs a recent login,
and the old address gets a notice. Source: OWASP ASVS 6.3.7, 7.5.1.
"""

from typing import Any

from flask import Blueprint, Flask, current_app, g
from flask.typing import ResponseReturnValue
from flask_security.signals import change_email_confirmed
from flask_wtf import FlaskForm
from sqlalchemy.exc import IntegrityError

from app.accounts import pending, public_urls
from app.accounts.links import addresses, link_pages
from app.accounts.links.addresses import AddressOnly, Sent
from app.accounts.mail import mail, mail_limits
from app.auth import access
from app.auth.access import public, recent_login
from app.auth.users import User
from app.db import db
from app.security import audit
from app.security.errors import error_response
from app.security.forms import or_form
from app.security.responses import ResponseBody, responds
from app.security.validation import EmptyBody, validated

blueprint = Blueprint("email_change", __name__)

PURPOSE = "email"
LIFETIME = 60 * 60  # seconds, as long as mail_limits.py counts
RECENT = 5  # minutes


class EmailChanged(ResponseBody):
    username: str


class ConfirmForm(FlaskForm):
    """The button of the page."""


@blueprint.post("/change-email")
@responds(Sent)
@recent_login(minutes=RECENT)
@access.credentials
@validated(AddressOnly)
def change(body: AddressOnly) -> ResponseReturnValue:
    return send_link(body.email)


@responds("text/html")
def _confirm_by_form(token: str) -> ResponseReturnValue:
    finish(token)
    return link_pages.done("Your address is changed", "Mails go to the new address from now on.")


@blueprint.get("/change-email/<string:token>")
@responds("text/html")
@public
def confirm_page(token: str) -> ResponseReturnValue:
    link_pages.find(PURPOSE, token)
    text = "Your account will use the address to which the link was sent."
    return link_pages.page("Change your address", text, ConfirmForm(), "Change address")


@blueprint.post("/change-email/<string:token>")
@responds(EmailChanged, 404, 503)
@public
@access.credentials
@or_form(_confirm_by_form)
@validated(EmptyBody)
def confirm(body: EmptyBody, token: str) -> ResponseReturnValue:
    return finish(token)


def send_link(email: str) -> dict[str, Any]:
    """Mail a link to the new address, or tell its owner that somebody tried to use it."""
    known = addresses.find(email)
    allowed = mail_limits.may_send(email)
    purpose = PURPOSE if known is None else "nobody"
    secret = pending.create(purpose, LIFETIME, user=g.user, email=email)
    link = public_urls.link("email_change.confirm_page", token=secret)
    to = (known.email if known else email) if allowed else None
    mail.send(to, "email_in_use" if known else "change_email", link=link, lifetime="1 hour")
    return addresses.SENT


def finish(token: str) -> dict[str, Any]:
    """Change the address of the user who asked for it.

    :raises ErrorResponse: 404, no valid link, or another account has the address by now.
    """
    step = link_pages.find(PURPOSE, token)
    user, old = step.owner, step.owner.email
    if not pending.use(step):
        raise error_response(404, link_pages.INVALID)
    user.email = step.email
    _commit(user)
    audit.record(audit.USER_UPDATED, account=user.name, user_id=user.id, change="email")
    if old:
        mail.send(old, "email_changed", username=user.name)
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    change_email_confirmed.send(app, user=user, old_email=old)
    return {"username": user.name}


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)


def _commit(user: User) -> None:
    try:
        pending.end_all(user)
        db.session.commit()
    except IntegrityError:
        db.session.rollback()
        raise error_response(404, link_pages.INVALID) from None
