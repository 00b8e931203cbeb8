"""`POST /token/refresh`: a refresh token serves once and is replaced.

One that is spent twice was copied, and nobody can tell which client is the thief: the
whole login ends, the newest tokens included.
Source: RFC 9700, section 4.14.2; OWASP ASVS 10.4.5.
"""

import time
from collections.abc import Callable
from typing import Annotated, Any

from flask import Blueprint, Flask, current_app
from flask.typing import ResponseReturnValue
from pydantic import Field
from sqlalchemy import select, update

from app.auth import grants, throttle
from app.auth.grants import Grant
from app.auth.users import User
from app.db import db
from app.security import audit
from app.security.errors import error_response
from app.security.responses import responds
from app.security.validation import Body, PlainText, validated

blueprint = Blueprint("refresh", __name__)

LIFETIME = 14 * 24 * 60 * 60  # 14 days after the login, however often it is refreshed


Answer = Callable[[Grant, str], dict[str, Any]]


class Issued(grants.Issued):
    refresh_token: str


class RefreshBody(Body):
    refresh_token: Annotated[PlainText, Field(max_length=128)]


@blueprint.post("/token/refresh")
@responds(Issued, 401, 429, 503)
@validated(RefreshBody)
def refresh(body: RefreshBody) -> ResponseReturnValue:
    with throttle.attempt("refresh") as attempt:
        replaced = _replace(body.refresh_token)
        attempt.good = replaced is not None
    if replaced is None:
        raise error_response(401, "Invalid refresh token")
    make_answer: Answer = current_app.extensions["refresh_answer"]
    return make_answer(*replaced)


def start(user: User) -> tuple[Grant, str]:
    """Begin a login: its first grant, and the refresh token of that."""
    refresh_token = grants.new_secret()
    return grants.create(user, "refresh", refresh_token, LIFETIME), refresh_token


def find_login(family: str, user_id: str) -> Grant | None:
    """The live login that an access token belongs to."""
    grant = grants.live(Grant.family == family, Grant.kind == "refresh")
    if grant and str(grant.user_id) == user_id:
        return grant
    # The token is genuine and its login has ended.
    audit.record(audit.SESSION_USE_AFTER_EXPIRE, user_id=user_id)
    return None


def init_app(app: Flask, *, answer: Answer) -> None:
    """`answer` makes the body of a good refresh from the grant and its refresh token."""
    app.extensions["refresh_answer"] = answer
    app.register_blueprint(blueprint)


def _replace(refresh_token: str) -> tuple[Grant, str] | None:
    now = int(time.time())
    found = (Grant.secret_hash == grants.hash_secret(refresh_token), Grant.kind == "refresh")
    unspent = (*found, Grant.used.is_(None), Grant.expires > now)
    # Checking and spending are one statement: of clients at the same time one alone gets it.
    spent = db.session.execute(update(Grant).where(*unspent).values(used=now)).rowcount  # type: ignore[attr-defined]
    grant = db.session.scalar(select(Grant).where(*found))
    if grant and spent and not grant.user.disabled:
        return _successor(grant, now)
    reused = (grant.family, grant.user_id) if grant and not spent and grant.used else None
    db.session.rollback()
    if reused:
        family, user_id = reused
        grants.end(family)
        audit.record(audit.TOKEN_REUSE, user_id=user_id)
    return None


def _successor(spent: Grant, now: int) -> tuple[Grant, str]:
    refresh_token = grants.new_secret()
    grant = Grant(
        secret_hash=grants.hash_secret(refresh_token),
        user_id=spent.user_id,
        family=spent.family,
        kind=spent.kind,
        issued=spent.issued,
        last_used=now,
        expires=spent.expires,
    )
    db.session.add(grant)
    db.session.commit()
    return grant, refresh_token
