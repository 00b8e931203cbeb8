"""Confirmation: the link that registration.py mails makes the account.

It asks for the password of the registration, or for a new one, so a stranger's password never
opens the account. To open the link changes nothing. Source: OWASP ASVS 6.2.1, 6.4.1;
"Pre-hijacked accounts" (Sudhodanan and Paverd, 2022).
"""

from typing import Any

from flask import Blueprint, Flask, current_app
from flask.typing import ResponseReturnValue
from flask_security.signals import user_confirmed
from flask_wtf import FlaskForm
from sqlalchemy.exc import IntegrityError
from werkzeug.exceptions import BadRequest, Conflict, Forbidden
from wtforms import StringField, ValidationError
from wtforms.validators import Length, Optional

from app.accounts import password_fields, pending
from app.accounts.links import addresses, link_pages, usernames
from app.accounts.links.new_passwords import Password, Repeatable
from app.accounts.links.registration import PURPOSE, Username
from app.accounts.pending import PendingStep
from app.auth import access, password_rules, throttle, users
from app.auth.access import public
from app.auth.passwords import verify_password
from app.auth.users import User
from app.db import db
from app.security import audit
from app.security.errors import error_response
from app.security.forms import one_line, or_form
from app.security.responses import ResponseBody, responds
from app.security.validation import Reason, validated

blueprint = Blueprint("confirmation", __name__)


class Confirmation(Repeatable):
    """The password of the registration, or a new one; a name only where the first is taken."""

    password: Password | None = None
    new_password: Password | None = None
    username: Username | None = None


class Confirmed(ResponseBody):
    username: str


def _usable(form: FlaskForm, field: StringField) -> None:
    try:
        field.data = usernames.new(field.data)
    except Reason as reason:
        raise ValidationError(f"{reason}.") from None


class ConfirmationForm(FlaskForm):
    password = link_pages.password("Your password")
    new_password = password_fields.new_password("New password", Optional())
    username = StringField(
        "Another username",
        [Optional(), Length(max=users.MAX_NAME), one_line, _usable],
        render_kw={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"},
    )


@responds("text/html")
def _confirm_by_form(token: str) -> ResponseReturnValue:
    form, step = ConfirmationForm(), find(token)
    if not form.validate():
        return _page(form, step), 422
    try:
        finish(token, form.password.data, form.new_password.data, form.username.data)
    except (BadRequest, Conflict, Forbidden) as error:
        _show_refusal(form, error)
        return _page(form, step), 422
    return link_pages.done("Your account is ready", "You can log in now.")


@blueprint.get("/confirm/<string:token>")
@responds("text/html")
@public
def confirm_page(token: str) -> ResponseReturnValue:
    return _page(ConfirmationForm(), find(token))


@blueprint.post("/confirm/<string:token>")
@responds(Confirmed, 400, 404, 409, 429, 503)
@public
@access.credentials
@or_form(_confirm_by_form)
@validated(Confirmation)
def confirm(body: Confirmation, token: str) -> ResponseReturnValue:
    body.require_equal(body.password or body.new_password)
    return finish(token, body.password, body.new_password, body.username)


def find(token: str) -> PendingStep:
    """The registration of a mailed link.

    :raises ErrorResponse: 404, the link has expired or was used, or the address has an account.
    """
    step = pending.find(PURPOSE, token)
    if step is None or not step.email or addresses.find(step.email):
        raise error_response(404, link_pages.INVALID)
    return step


def finish(
    token: str, password: str | None, new_password: str | None, username: str | None = None
) -> dict[str, Any]:
    """Create the user of a registration.

    :raises ErrorResponse: 400, no password or a bad new one; 403, not the password of the
        registration; 404, no valid link; 409, the name is taken.
    """
    step = find(token)
    name = username or step.data["username"]
    if password:
        password_hash = _verified(step, password)
    elif new_password:
        password_hash = password_rules.hash_new(new_password, name, step.email or "")
    else:
        raise error_response(400, "Missing required fields")
    return {"username": _create(step, name, password_hash).name}


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)


def _show_refusal(form: ConfirmationForm, error: Any) -> None:
    if isinstance(error, BadRequest) and form.new_password.data:
        password_fields.refuse(form.new_password, error)
    elif isinstance(error, Conflict):
        form.username.errors = [link_pages.sentence(error)]
    else:
        form.form_errors.append(link_pages.sentence(error))


def _page(form: ConfirmationForm, step: PendingStep) -> str:
    text = (
        "Enter the password that you chose. If you did not register, or forgot the password, "
        "set a new one instead."
    )
    username = step.data["username"]
    if form.username.data or form.username.errors:
        # Password managers take the name of the field.
        username = ""
    else:
        # Only the response to a taken name shows the field, since that try counts as a failure.
        # Opening the link does not, so it must not show whether the name is taken.
        del form.username
    return link_pages.page("Confirm your address", text, form, "Confirm", username)


def _verified(step: PendingStep, password: str) -> str:
    stored: str = step.data["password_hash"]
    with throttle.attempt("confirmation") as attempt:
        attempt.succeeded = verify_password(stored, password)
    if not attempt.succeeded:
        pending.count_failure(step)
        raise error_response(403, "Wrong password")
    return stored


def _create(step: PendingStep, name: str, password_hash: str) -> User:
    user = User(name=name, password_hash=password_hash, email=step.email)
    if not pending.use(step):
        raise error_response(404, link_pages.INVALID)
    # Those of strangers too, which would make another account once this one is deleted.
    pending.end_without_user(step.email or "")
    db.session.add(user)
    try:
        db.session.commit()
    except IntegrityError:
        db.session.rollback()
        # Otherwise one link would tell of any number of names whether they are taken.
        pending.count_failure(step)
        raise error_response(409, "This username is taken: choose another") from None
    audit.record(audit.USER_CREATED, account=name, user_id=user.id)
    user_confirmed.send(current_app._get_current_object(), user=user)  # type: ignore[attr-defined]
    return user
