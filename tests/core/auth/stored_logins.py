"""Logins in the table, and which of them live."""

from typing import Any

from flask import Flask
from secure_flask.auth import logins
from secure_flask.auth.login_table import Login
from secure_flask.database import db
from sqlalchemy import insert

from core.standing_clock import clock
from core.users import User

HOUR = 60 * 60  # seconds, of each login
IDLE = 600  # seconds
KIND = "session"

SENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
FROM = {"REMOTE_ADDR": "203.0.113.7"}
CLIENT = "Firefox on Linux, 203.0.113.*"


def created(user: User, kind: str = KIND, **options: Any) -> str:
    """The secret of a new login."""
    secret = logins.new_secret()
    logins.start_login(user, kind, secret, **options)
    return secret


def created_by(app: Flask, user: User) -> str:
    """A login of CLIENT."""
    with app.test_request_context(headers={"User-Agent": SENT}, environ_base=FROM):
        return created(user)


def lives(*secrets: str, kind: str = KIND) -> bool | list[bool]:
    """Whether each secret is that of a live login, which is used by this, as by a request."""
    found = [_use(logins.find_login_by_secret(kind, secret)) for secret in secrets]
    return found if len(found) > 1 else found[0]


def _use(login: Login | None) -> bool:
    if login and logins.is_last_used_outdated(login):
        db.session.rollback()
        logins.store_last_used(Login, login.id)
    return login is not None


def id_of(secret: str) -> str:
    login = logins.find_login_by_secret(KIND, secret)
    assert login is not None
    return login.id


def listed(user: User) -> list[str]:
    return [login.id for login in logins.logins_of(user)]


def fill(user: User, number: int, **columns: Any) -> None:
    """Give a user so many logins at once, each a second old, which live for an hour."""
    then = int(clock.now()) - 1
    same = {"user_id": user.id, "kind": KIND, "created": then, "last_used": then}
    same |= {"expires": then + HOUR, "kept": False, **columns}
    rows = [{**same, "secret_hash": secret.to_bytes(32)} for secret in range(number)]
    db.session.execute(insert(Login), rows)
    db.session.commit()
