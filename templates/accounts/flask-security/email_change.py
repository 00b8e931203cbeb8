"""Changes of the e-mail address: only a link that was mailed to the new address makes them.

A login of somebody else must not take the account over, so the change needs a recent login, and
the old address gets a notice of the request and of the change. The reader of the new address
must not connect it to the account of somebody else, so the link asks who uses it for the
account's password or login. Source: OWASP ASVS 6.3.7, 6.3.8, 7.5.1; "Pre-hijacked accounts"
(Sudhodanan and Paverd, 2022).
"""

from typing import Any

from flask import Blueprint, Flask, current_app, g
from flask.typing import ResponseReturnValue
from flask_security.signals import change_email_confirmed
from flask_wtf import FlaskForm
from sqlalchemy.exc import IntegrityError
from werkzeug.exceptions import Forbidden, Unauthorized

from app.accounts import notices, pending, public_urls
from app.accounts.links import addresses, link_owners, link_pages
from app.accounts.links.addresses import AddressOnly, Sent
from app.accounts.links.lifetimes import in_words
from app.accounts.links.new_passwords import Password
from app.accounts.mail import mail, mail_limits
from app.accounts.pending import PendingStep
from app.auth import access, logins, tokens, users
from app.auth.access import public, recent_login
from app.auth.users import User
from app.db import db
from app.security import audit
from app.security.errors import error_response
from app.security.forms import or_form
from app.security.rate_limits import limited
from app.security.responses import ResponseBody, responds
from app.security.validation import Body, validated

blueprint = Blueprint("email_change", __name__)

PURPOSE = "email"
LIFETIME = 60 * 60  # seconds, as long as mail_limits.py counts
RECENT = 5  # minutes
# Where pages have logins, those who forgot the password may log in by passkey instead.
_INSTEAD = "Or leave it empty, and log in to the account first." if tokens.LOGIN_PAGE else ""


class Confirmation(Body):
    """The password of the account, unless a recent login to it comes along."""

    password: Password | None = None


class EmailChanged(ResponseBody):
    username: str


class ConfirmForm(FlaskForm):
    password = link_pages.password("Password of this account", _INSTEAD)


@blueprint.post("/change-email")
@responds(Sent, 429)
@limited("20 per minute")
@recent_login(minutes=RECENT)
@access.credentials
@validated(AddressOnly)
def change(body: AddressOnly) -> ResponseReturnValue:
    return send_link(body.email)


@responds("text/html")
def _confirm_by_form(token: str) -> ResponseReturnValue:
    form, step = ConfirmForm(), link_pages.find(PURPOSE, token)
    if not form.validate():
        return _page(form, step), 422
    try:
        finish(token, form.password.data)
    except (Forbidden, Unauthorized) as error:
        form.password.errors = [*form.password.errors, link_pages.sentence(error)]
        return _page(form, step), 422
    return link_pages.done("Your address is changed", "Mails go to the new address from now on.")


@blueprint.get("/change-email/<string:token>")
@responds("text/html")
@public
def confirm_page(token: str) -> ResponseReturnValue:
    return _page(ConfirmForm(), link_pages.find(PURPOSE, token))


@blueprint.post("/change-email/<string:token>")
@responds(EmailChanged, 401, 403, 404, 429, 503)
@public
@access.credentials
@or_form(_confirm_by_form)
@validated(Confirmation)
def confirm(body: Confirmation, token: str) -> ResponseReturnValue:
    """Change the address: by the account's password, or by a recent login to it."""
    return finish(token, body.password)


def send_link(email: str) -> dict[str, Any]:
    """Mail a link to the new address, or tell its owner that somebody tried to use it.

    :raises ErrorResponse: 401, the login has ended in the meantime.
    """
    users.lock(g.user.id)
    logins.require(g.grant.family)
    known = addresses.find(email)
    template = "email_in_use" if known else "change_email"
    allowed = mail_limits.may_send(template, email)
    # Stored for a known address too, since users see what waits. Nobody gets that link.
    secret = pending.create(PURPOSE, LIFETIME, user=g.user, email=email)
    link = public_urls.link("email_change.confirm_page", token=secret)
    to = (known.email if known else email) if allowed else None
    mail.send(to, template, link=link, lifetime=in_words(LIFETIME))
    notices.send(g.user, "email_change_requested")
    return addresses.SENT


def finish(token: str, password: str | None) -> dict[str, Any]:
    """Change the address of the user who asked for it, and who shows it by password or login.

    :raises ErrorResponse: 401, neither a password nor a recent login; 403, those of somebody
        else; 404, no valid link, or another account has the address by now.
    """
    step = link_pages.find(PURPOSE, token)
    link_owners.require(step, password)
    user, old = step.owner, step.owner.email
    if not (users.lock(user.id) and pending.use(step)):
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


def _page(form: ConfirmForm, step: PendingStep) -> str:
    text = (
        f"The account {step.owner.name} will use the address {step.email}. If that is not your "
        "account, close this page: somebody else asked for this."
    )
    username = step.owner.name
    return link_pages.page("Change your address", text, form, "Change address", username)


def _commit(user: User) -> None:
    try:
        pending.end_all(user)
        db.session.commit()
    except IntegrityError:
        db.session.rollback()
        raise error_response(404, link_pages.INVALID) from None
