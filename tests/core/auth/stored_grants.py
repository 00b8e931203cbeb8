"""Grants in the table, and what of them lives."""

from flask import Flask
from secure_flask.auth import grants, logins
from secure_flask.database import db

from core.site import User

HOUR = 60 * 60  # seconds, of each grant
IDLE = 600  # seconds
KIND = "session"

SENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
FROM = {"REMOTE_ADDR": "203.0.113.7"}
CLIENT = "Firefox on Linux, 203.0.113.*"


def created(user: User, *, kind: str = KIND, kept: bool = False, shown: str = "") -> str:
    secret = grants.new_secret()
    logins.create(user, kind, secret, lifetime=HOUR, kept=kept, shown=shown)
    return secret


def created_by(app: Flask, user: User) -> str:
    """A grant that CLIENT asked for."""
    with app.test_request_context(headers={"User-Agent": SENT}, environ_base=FROM):
        return created(user)


def lives(*secrets: str, kind: str = KIND) -> bool | list[bool]:
    found = [grants.find(secret, kind) is not None for secret in secrets]
    return found if len(found) > 1 else found[0]


def spend(secret: str) -> None:
    grant = grants.find(secret, KIND)
    assert grant is not None
    grant.used = grant.issued
    db.session.commit()


def family_of(secret: str) -> str:
    grant = grants.find(secret, KIND)
    assert grant is not None
    return grant.family


def listed(user: User) -> list[str]:
    return [grant.family for grant in logins.all_of(user)]
