"""`/admin`, `/admin/users`: the users as administrators see them, an example of a role.

Only users with the role `admin` may open them, by `flask user roles NAME admin`. A password
alone is enough for them until SECOND_FACTOR_ROLES in policy.py names the role.
Source: OWASP ASVS 8.2.1, 8.4.2.
"""

from typing import Any

from flask import Blueprint, Flask, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from app.auth.access import roles_required
from app.auth.users import User
from app.db import db
from app.security.responses import ResponseBody, responds

blueprint = Blueprint("admin", __name__, url_prefix="/admin")


class UserShown(ResponseBody):
    username: str
    disabled: bool
    second_factor: bool
    roles: list[str]


class UserList(ResponseBody):
    users: list[UserShown]


@blueprint.get("")
@responds("text/html")
@roles_required("admin")
def page() -> ResponseReturnValue:
    return render_template("admin_users.html", users=list_users())


@blueprint.get("/users")
@responds(UserList)
@roles_required("admin")
def show_users() -> ResponseReturnValue:
    return {"users": list_users()}


def list_users() -> list[dict[str, Any]]:
    """All users by name, each as a `UserShown`."""
    # One query for the roles of all users, and one for their passkeys.
    users = select(User).options(selectinload(User.roles), selectinload(User.webauthn))
    return [
        {
            "username": user.name,
            "disabled": user.disabled,
            "second_factor": user.has_second_factor(),
            "roles": user.role_names,
        }
        for user in db.session.scalars(users.order_by(User.name))
    ]


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
