"""`GET /me`: who is logged in."""

from uuid import UUID

from flask import Blueprint, Flask, g, request
from flask.typing import ResponseReturnValue

from app.auth import tokens
from app.auth.access import login_required
from app.security.responses import ResponseBody, responds

blueprint = Blueprint("me", __name__)


class Me(ResponseBody):
    id: UUID
    username: str
    email: str | None
    roles: list[str]
    csrf_token: str | None = None  # only for a login by cookie


@blueprint.get("/me")
@responds(Me)
@login_required
def show() -> ResponseReturnValue:
    csrf_token = tokens.csrf_token(request)
    user = g.user
    shown = {"id": user.id, "username": user.name, "email": user.email, "roles": user.role_names}
    return {**shown, "csrf_token": csrf_token} if csrf_token else shown


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
