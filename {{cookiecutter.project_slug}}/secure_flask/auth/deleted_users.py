"""Responds 401 where another request deletes the user while this one is running.

The rows that this request writes then refer to a user who does not exist, or were deleted with
the user. A login that is under way fails as with bad credentials. Nothing is stored.
"""

from typing import Any
from uuid import UUID

from flask import Flask, current_app, g, request
from flask.typing import ResponseReturnValue
from secure_flask.auth import access
from secure_flask.auth.users import UserMixin, user_class
from secure_flask.database import conflicts, db
from secure_flask.web.errors import response_for
from secure_flask.web.view_options import view_options
from sqlalchemy import inspect, select
from sqlalchemy.exc import IntegrityError
from werkzeug.exceptions import HTTPException


def init_app(app: Flask) -> None:
    for error in (IntegrityError, *conflicts.CONFLICTS):
        app.register_error_handler(error, _respond)


def _respond(error: Exception) -> ResponseReturnValue:
    violation = isinstance(error, IntegrityError)
    if violation and not conflicts.is_foreign_key(error):
        raise error
    gone = _deleted_users()
    if "grant" in g and g.user_id in gone:
        return response_for(access.unauthenticated())
    if gone and "grant" not in g and view_options().credentials:
        return _run_again()
    if violation and not gone:
        raise error
    return conflicts.respond(error)


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


def _run_again() -> ResponseReturnValue:
    """Run the view again, which now finds no such user: each route refuses in its own way."""
    view = current_app.view_functions[request.endpoint or ""]
    try:
        response: ResponseReturnValue = current_app.ensure_sync(view)(**(request.view_args or {}))
        return response
    except HTTPException as refused:
        return response_for(refused)
