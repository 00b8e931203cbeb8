"""Responds 401 where another request deletes the user while this one is running.

The rows that this request writes then refer to a user who does not exist, or were deleted with
the user. Nothing is stored.
"""

from typing import Any
from uuid import UUID

from flask import Flask, g
from flask.typing import ResponseReturnValue
from secure_flask.auth import access
from secure_flask.auth.users import UserMixin, user_class
from secure_flask.database import database, db
from secure_flask.web.errors import response_for
from sqlalchemy import inspect, select
from sqlalchemy.exc import IntegrityError


def init_app(app: Flask) -> None:
    for error in (IntegrityError, *database.CONFLICTS):
        app.register_error_handler(error, _respond)


def _respond(error: Exception) -> ResponseReturnValue:
    violation = isinstance(error, IntegrityError)
    if violation and not database.is_foreign_key(error):
        raise error
    gone = _deleted_users()
    if g.get("user_id") in gone:
        return response_for(access.unauthenticated())
    if violation and not gone:
        raise error
    return database.respond_conflict(error)


def _deleted_users() -> set[UUID]:
    """The ids of the users that this request has read and that are gone by now."""
    # The session refers to objects weakly, and the traceback of the error keeps them.
    users = [each for each in db.session.identity_map.values() if isinstance(each, UserMixin)]
    db.session.rollback()
    # A user that this request added has no identity after the rollback.
    identities: list[Any] = [inspect(each).identity for each in users]
    read: set[UUID] = {identity[0] for identity in identities if identity}
    user = user_class()
    return read - set(db.session.scalars(select(user.id).where(user.id.in_(read))))
