"""`POST /token/refresh`: refresh token rotation. Each refresh token can be used once.

A token that is used twice was copied, and the thief cannot be told from the owner. So the
whole login ends, its newest tokens included.
Source: RFC 9700, section 4.14.2; OWASP ASVS 10.4.5.
"""

import time
from collections.abc import Callable
from typing import Annotated, Any

from flask import Blueprint, Flask, current_app
from flask.typing import ResponseReturnValue
from pydantic import Field
from secure_flask.auth import grants, logins, throttle, users
from secure_flask.auth.access import credentials, public
from secure_flask.auth.grants import Grant
from secure_flask.auth.users import UserMixin
from secure_flask.database import db
from secure_flask.web import audit
from secure_flask.web.errors import error_response
from secure_flask.web.responses import responds
from secure_flask.web.validation import Body, PlainText, validated
from sqlalchemy import select, update

blueprint = Blueprint("refresh", __name__)

KIND = "refresh"  # of its rows

MakeBody = Callable[[Grant, str], dict[str, Any]]


class Issued(grants.Issued):
    refresh_token: str


class RefreshBody(Body):
    refresh_token: Annotated[PlainText, Field(max_length=128)]


@blueprint.post("/token/refresh")
@public
@credentials
@responds(Issued, 401, 429, 503)
@validated(RefreshBody)
def refresh(body: RefreshBody) -> ResponseReturnValue:
    with throttle.attempt("refresh") as attempt:
        rotated = _rotate(body.refresh_token)
        attempt.succeeded = rotated is not None
    if rotated is None:
        raise error_response(401, "Invalid refresh token")
    make_body: MakeBody = current_app.extensions["make_refresh_body"]
    return make_body(*rotated)


def start(user: UserMixin, replaces: str = "") -> tuple[Grant, str]:
    """Start a login: return its first grant and refresh token. The login `replaces` ends."""
    refresh_token = grants.new_secret()
    return logins.create(user, KIND, refresh_token, replaces=replaces), refresh_token


def find_login(family: str, user_id: str) -> Grant | None:
    """The live login that an access token belongs to."""
    grant = grants.live(Grant.family == family, Grant.kind == KIND)
    if grant and str(grant.user_id) == user_id:
        return grant
    # The token is genuine, but its login has ended.
    audit.record(audit.SESSION_USE_AFTER_EXPIRE, user_id=user_id)
    return None


def init_app(app: Flask, *, make_body: MakeBody) -> None:
    """`make_body` makes the body of a successful refresh from the grant and refresh token."""
    app.extensions["make_refresh_body"] = make_body
    app.register_blueprint(blueprint)


def _rotate(refresh_token: str) -> tuple[Grant, str] | None:
    now = int(time.time())
    found = (Grant.secret_hash == grants.hash_secret(refresh_token), Grant.kind == KIND)
    unused = (*found, *grants.alive())
    owner = db.session.scalar(select(Grant.user_id).where(*found))
    if owner:
        users.lock(owner)
    # One statement checks the token and marks it as used: only one of several
    # concurrent requests succeeds.
    marked = db.session.execute(update(Grant).where(*unused).values(used=now)).rowcount  # type: ignore[attr-defined]
    grant = db.session.scalar(select(Grant).where(*found))
    if grant and marked and not grant.user.disabled:
        return _successor(grant, now)
    reused = (grant.family, grant.user_id) if grant and not marked and grant.used else None
    db.session.rollback()
    if reused:
        family, user_id = reused
        logins.end(family)
        audit.record(audit.TOKEN_REUSE, user_id=user_id)
    return None


def _successor(used: Grant, now: int) -> tuple[Grant, str]:
    refresh_token = grants.new_secret()
    grant = Grant(
        secret_hash=grants.hash_secret(refresh_token),
        user_id=used.user_id,
        family=used.family,
        kind=used.kind,
        # Not now: a refresh proves no password, so it must not make a login recent.
        issued=used.issued,
        last_used=now,
        expires=used.expires,
        client=used.client,
    )
    db.session.add(grant)
    db.session.commit()
    return grant, refresh_token
