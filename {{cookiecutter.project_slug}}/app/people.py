"""`/people`: admins find users, give roles, lock out and log out. Part of the example.

`.venv/bin/flask user roles NAME admin` makes the first admin. Nobody does any of this to their
own account here, and the only admin does not delete it, so an admin is always left.
"""

from typing import Annotated
from uuid import UUID

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from pydantic import Field
from secure_flask import (
    MultilineText,
    Query,
    Role,
    audit,
    consumes_form,
    db,
    end_other_logins,
    error_response,
    recent_login,
    responds,
    roles,
    roles_required,
    user_deleted,
    validated_query,
)
from sqlalchemy import func, select, update
from sqlalchemy.orm import selectinload
from werkzeug.datastructures import MultiDict
from wtforms import SelectMultipleField
from wtforms.widgets import CheckboxInput, ListWidget

from app.current_user import current_user
from app.models import User

blueprint = Blueprint("people", __name__, url_prefix="/people")

PER_PAGE = 50
MAX_SEARCH = 150  # characters
ADMIN = "admin"


class Search(Query, extra="ignore"):
    q: Annotated[MultilineText, Field(max_length=MAX_SEARCH)] = ""
    page: Annotated[int, Field(ge=1)] = 1


class RolesForm(FlaskForm):
    roles = SelectMultipleField(
        "What this person may use",
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )


@blueprint.get("")
@responds("text/html", 404)
@roles_required(ADMIN)
@validated_query(Search)
def list_people(*, query: Search) -> str:
    """Show the page of all people, or of those whose name contains `?q=`."""
    search = query.q.strip()
    # `autoescape` lets % and _ stand for themselves.
    found = (
        select(User)
        .options(selectinload(User.roles))
        .where(User.name.icontains(search, autoescape=True))
    )
    # The id makes the order complete, so that nobody is on two pages or on none.
    ordered = found.order_by(func.lower(User.name), User.id)
    people = db.paginate(ordered, page=query.page, per_page=PER_PAGE)
    return render_template("people.html", people=people, search=search)


@blueprint.get("/<uuid:user_id>")
@responds("text/html", 409)
@roles_required(ADMIN)
@recent_login
def show(user_id: UUID) -> str:
    """Show the page of a person."""
    return _page(_find(user_id))


@blueprint.post("/<uuid:user_id>/roles")
@responds("text/html", 409)
@roles_required(ADMIN)
@recent_login
@consumes_form
def change_roles(user_id: UUID) -> ResponseReturnValue:
    """Give a person exactly these roles."""
    person = _find_to_change(user_id)
    # Without a checked box the body is empty, which Flask-WTF would take for no form at all.
    form = _form_of(person, request.form)
    if not form.validate():
        return _page(person, form), 422
    said = f"Saved the roles of {person.name}."
    if roles.set_roles(person, form.roles.data):
        said += " A role is new, so this person is logged out and has it from the next login on."
    return _done(person, said)


@blueprint.post("/<uuid:user_id>/logout")
@responds("text/html", 409)
@roles_required(ADMIN)
@recent_login
@consumes_form
def log_out(user_id: UUID) -> ResponseReturnValue:
    """End all logins and keys of a person."""
    person = _find_to_change(user_id)
    end_other_logins(person)
    return _done(person, f"Logged out everywhere: {person.name}")


@blueprint.post("/<uuid:user_id>/disable")
@responds("text/html", 409)
@roles_required(ADMIN)
@recent_login
@consumes_form
def disable(user_id: UUID) -> ResponseReturnValue:
    """Lock a person out, which ends all logins and keys."""
    return _set_disabled(user_id, True, "Locked out")


@blueprint.post("/<uuid:user_id>/enable")
@responds("text/html", 409)
@roles_required(ADMIN)
@recent_login
@consumes_form
def enable(user_id: UUID) -> ResponseReturnValue:
    """Let a person in again, by a new login."""
    return _set_disabled(user_id, False, "Let in again")


def _set_disabled(user_id: UUID, disabled: bool, said: str) -> ResponseReturnValue:
    person = _find_to_change(user_id)
    person.disabled = disabled
    db.session.commit()
    change = "disabled" if disabled else "enabled"
    by = current_user.id
    audit.record(audit.USER_UPDATED, account=person.name, user_id=person.id, by=by, change=change)
    return _done(person, f"{said}: {person.name}")


def _find(user_id: UUID) -> User:
    if user_id == current_user.id:
        raise error_response(409, "You cannot do this to your own account here")
    person: User = db.get_or_404(User, user_id)
    return person


def _find_to_change(user_id: UUID) -> User:
    """The person, if the admin who asks is still one while no other admin changes anybody."""
    _lock_with_admins(user_id)
    admin = db.session.get(User, current_user.id, populate_existing=True)
    if admin is None or admin.disabled or ADMIN not in admin.role_names:
        abort(403)
    return _find(user_id)


@user_deleted.connect
def _keep_an_admin(user: User) -> None:
    """Refuse that the only admin deletes the own account. A command may."""
    if not request or ADMIN not in user.role_names:
        return
    _lock_with_admins(user.id)
    is_admin = User.roles.any(Role.name == ADMIN) & User.disabled.is_(False)
    if db.session.scalar(select(User.id).where(is_admin, User.id != user.id)) is None:
        raise error_response(409, "You are the only admin. Make somebody else an admin first")


def _lock_with_admins(user_id: UUID) -> None:
    # The deletion of an account locks this row first too. In another order, each of the two could
    # wait for the other.
    db.session.execute(select(User.id).where(User.id == user_id).with_for_update())
    # Two admins must not lock each other out at the same moment, so the second one waits for the
    # first. It is an update, since SQLite has no SELECT FOR UPDATE.
    db.session.execute(update(Role).where(Role.name == ADMIN).values(name=ADMIN))


def _form_of(person: User, sent: MultiDict[str, str] | None = None) -> RolesForm:
    form = RolesForm(sent, data={"roles": person.role_names})
    form.roles.choices = roles.known_roles()
    return form


def _page(person: User, form: RolesForm | None = None) -> str:
    return render_template("person.html", person=person, form=form or _form_of(person))


def _done(person: User, message: str) -> ResponseReturnValue:
    flash(message, "success")
    return redirect(url_for("people.show", user_id=person.id), 303)
