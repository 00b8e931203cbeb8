"""A small project on the core: a policy and plain views by the public names alone.

Its login is ten naive lines: what protects a login is the core's. The class of its users is in
users.py, or in accounts/site.py for the tests of accounts.
"""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from flask import Blueprint, Flask, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import Field
from secure_flask import (
    Body,
    LoginResponse,
    PlainText,
    ResponseBody,
    Settings,
    change_password,
    checked_next,
    consumes,
    create_api_key,
    current_user,
    end_api_key,
    end_login,
    end_other_logins,
    init_app,
    keys_allowed,
    list_api_keys,
    list_logins,
    log_in,
    log_out,
    login_required,
    or_form,
    override_policy,
    public,
    reauthenticate,
    recent_login,
    responds,
    takes_credentials,
    validated,
)

POLICY: dict[str, Any] = {
    # A test of the other types names them.
    "TOKEN_TYPE": "session",
    "PROJECT_NAME": "Bakery",
    "DESCRIPTION": "Bread for tests.",
    "SECURITY_CONTACT": "security@bakery.test",
}

blueprint = Blueprint("site", __name__)


class Password(Body):
    password: Annotated[PlainText, Field(max_length=1024)]


class Credentials(Password):
    username: Annotated[PlainText, Field(max_length=150)]
    keep: bool = False


class PasswordChange(Body):
    current_password: Annotated[PlainText, Field(max_length=1024)]
    new_password: Annotated[PlainText, Field(max_length=1024)]
    keep_keys: bool = False


class NewKey(Body):
    name: str
    expires_in: int | None = None
    roles: tuple[str, ...] = ()


class Me(ResponseBody):
    id: UUID
    username: str
    email: str | None
    roles: list[str]


def create_app(settings: Settings, **policy: object) -> Flask:
    app = Flask(__name__, static_folder=None, static_url_path="/static")
    app.config.update(POLICY)
    override_policy(app, policy)
    init_app(app, settings)
    app.register_blueprint(blueprint)
    return app


@blueprint.get("/")
@responds("text/html", 503)
@public
def index() -> str:
    return render_template("page.html", title="Bakery")


@blueprint.get("/login")
@responds("text/html", 503)
@public
def page() -> str:
    return render_template("login.html", next=checked_next())


def _log_in_by_form() -> ResponseReturnValue:
    log_in(request.form["username"], request.form["password"], keep="keep" in request.form)
    return redirect(checked_next() or url_for("site.index"), 303)


@blueprint.post("/login")
@responds(LoginResponse, 401, 429, 503)
@public
@takes_credentials
@or_form(_log_in_by_form)
@validated(Credentials)
def login(body: Credentials) -> ResponseReturnValue:
    return log_in(body.username, body.password, keep=body.keep)


@blueprint.get("/reauthenticate")
@responds("text/html")
@login_required
def reauthentication_page() -> str:
    return render_template("login.html", next=checked_next())


def _reauthenticate_by_form() -> ResponseReturnValue:
    reauthenticate(request.form["password"])
    return redirect(checked_next() or url_for("site.index"), 303)


@blueprint.post("/reauthenticate")
@responds(LoginResponse, 429, 503)
@login_required
@takes_credentials
@or_form(_reauthenticate_by_form)
@validated(Password)
def enter_password_again(body: Password) -> ResponseReturnValue:
    return reauthenticate(body.password)


def _log_out_by_form() -> ResponseReturnValue:
    log_out()
    return redirect(url_for("site.index"), 303)


@blueprint.post("/logout")
@responds(None)
@login_required
@or_form(_log_out_by_form)
@consumes("application/json")
def logout() -> ResponseReturnValue:
    log_out()
    return Response(status=204)


@blueprint.get("/me")
@responds(Me)
@keys_allowed(read_only=True)
@login_required
def me() -> ResponseReturnValue:
    user = current_user
    return {"id": user.id, "username": user.name, "email": user.email, "roles": user.role_names}


@blueprint.post("/password")
@responds(LoginResponse, 429)
@recent_login
@takes_credentials
@validated(PasswordChange)
def password(body: PasswordChange) -> ResponseReturnValue:
    return change_password(body.current_password, body.new_password, keep_keys=body.keep_keys)


@blueprint.get("/sessions")
@responds("application/json")
@login_required
def sessions() -> ResponseReturnValue:
    return {"sessions": list_logins()}


@blueprint.delete("/sessions/<string:login_id>")
@responds(None)
@recent_login
def end_session(login_id: str) -> ResponseReturnValue:
    end_login(login_id)
    return Response(status=204)


@blueprint.delete("/sessions")
@responds(None)
@recent_login
def end_other_sessions() -> ResponseReturnValue:
    end_other_logins()
    return Response(status=204)


@blueprint.get("/keys")
@responds("application/json")
@login_required
def keys() -> ResponseReturnValue:
    return {"keys": list_api_keys()}


@blueprint.post("/keys")
@responds("application/json", 409, status=201)
@recent_login
@validated(NewKey)
def new_key(body: NewKey) -> ResponseReturnValue:
    return create_api_key(body.name, expires_in=body.expires_in, roles=body.roles), 201


@blueprint.delete("/keys/<string:key_id>")
@responds(None)
@recent_login
def delete_key(key_id: str) -> ResponseReturnValue:
    end_api_key(key_id)
    return Response(status=204)
