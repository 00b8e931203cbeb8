"""`POST /login`, `POST /logout`, `GET /me`.

A wrong username and a wrong password get the same response in the same time, so usernames
cannot be enumerated. Failures are limited by address and by account.
Source: OWASP ASVS 6.3.1, 6.3.8.
"""

from typing import Annotated
from uuid import UUID

from flask import Blueprint, Flask, Response, g, request
from flask.typing import ResponseReturnValue
from pydantic import Field

from app.auth import throttle, tokens, users
from app.auth.access import login_required
from app.auth.passwords import MAX_LENGTH, hash_password, needs_rehash, verify_password
from app.auth.users import User
from app.security import audit
from app.security.errors import error_response
from app.security.responses import ResponseBody, responds
from app.security.validation import Body, PlainText, validated

blueprint = Blueprint("login", __name__)


class Credentials(Body):
    username: Annotated[PlainText, Field(max_length=users.MAX_NAME)]
    password: Annotated[PlainText, Field(max_length=MAX_LENGTH)]


class Me(ResponseBody):
    id: UUID
    username: str
    email: str | None
    csrf_token: str | None = None  # only for a login by cookie


@blueprint.post("/login")
@responds(tokens.Issued, 401, 429, 503)
@validated(Credentials)
def login(credentials: Credentials) -> ResponseReturnValue:
    with throttle.attempt("login", credentials.username) as attempt:
        stored = users.password_hash_of(credentials.username)
        verified = verify_password(stored, credentials.password)
        user = _find_unchanged(credentials, stored) if stored and verified else None
        attempt.succeeded = user is not None
    if user is None:
        audit.record(audit.LOGIN_FAIL, account=credentials.username)
        raise error_response(401, "Invalid credentials")
    issued = tokens.issue(user)
    audit.record(audit.LOGIN_SUCCESS, account=credentials.username, user_id=user.id)
    return issued


@blueprint.post("/logout")
@responds(None)
@login_required
def logout() -> ResponseReturnValue:
    tokens.revoke(g.grant)
    audit.record(audit.SESSION_EXPIRED, reason="logout")
    # Without "cookies", which would clear sibling sites' cookies; revoke() expires ours.
    return Response(status=204, headers={"Clear-Site-Data": '"cache", "storage"'})


@blueprint.get("/me")
@responds(Me)
@login_required
def me() -> ResponseReturnValue:
    csrf_token = tokens.csrf_token(request)
    shown = {"id": g.user.id, "username": g.user.name, "email": g.user.email}
    return {**shown, "csrf_token": csrf_token} if csrf_token else shown


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)


def _find_unchanged(credentials: Credentials, verified: str) -> User | None:
    """The user, if the stored hash is still the verified one; an outdated hash is upgraded."""
    upgraded = hash_password(credentials.password) if needs_rehash(verified) else verified
    return users.replace_hash(credentials.username, verified, upgraded)
