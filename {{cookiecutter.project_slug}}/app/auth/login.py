"""`POST /login`, `POST /logout`, `GET /me`.

A wrong name and a wrong password are told apart by neither words nor time, and
failures are limited by address and by account. Source: OWASP ASVS 6.3.1, 6.3.8.
"""

from hashlib import sha256
from typing import Annotated

from flask import Blueprint, Flask, Response, g, request
from flask.typing import ResponseReturnValue
from pydantic import Field

from app.auth import tokens, users
from app.auth.login_required import login_required
from app.auth.passwords import MAX_LENGTH, TooBusy, verify_password
from app.security import limits
from app.security.errors import refusal
from app.security.validation import Body, PlainText, validated

blueprint = Blueprint("login", __name__)


class Credentials(Body):
    username: Annotated[PlainText, Field(max_length=users.MAX_NAME)]
    password: Annotated[PlainText, Field(max_length=MAX_LENGTH)]


@blueprint.post("/login")
@validated(Credentials)
def login(credentials: Credentials) -> ResponseReturnValue:
    keys = _failure_keys(credentials.username)
    refused = limits.refuse_after_failures(keys)
    if refused:
        return refused
    user = users.find(credentials.username)
    known = user.password_hash if user and not user.disabled else None
    if not verify_password(known, credentials.password) or user is None:
        limits.count_failure(keys)
        return refusal(401, "Invalid credentials")
    return tokens.issue(user)


@blueprint.post("/logout")
@login_required
def logout() -> ResponseReturnValue:
    tokens.revoke(g.grant)
    # "cookies" would clear those of sibling sites too; ours is expired by itself.
    return Response(status=204, headers={"Clear-Site-Data": '"cache", "storage"'})


@blueprint.get("/me")
@login_required
def me() -> ResponseReturnValue:
    csrf_token = tokens.csrf_token(request)
    shown = {"id": g.user.id, "username": g.user.name}
    return {**shown, "csrf_token": csrf_token} if csrf_token else shown


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
    app.register_error_handler(TooBusy, _too_busy)


def _failure_keys(username: str) -> list[limits.Key]:
    address = limits.client_address()
    # Hashed, so that no name stands in Redis and none is longer than another.
    account = sha256(username.encode()).hexdigest()
    return [("login", address), ("login", address, account)]


def _too_busy(error: TooBusy) -> Response:
    return refusal(503, "Too many logins at once", Retry_After="2")
