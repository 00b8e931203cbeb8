"""Responds 409 where another request changed or deleted a row at the same moment.

Nothing is stored, and the client may try again. Where it was the user who was deleted,
deleted_users.py responds. Source: RFC 9110, section 15.5.10.
"""

from flask import Flask
from flask.typing import ResponseReturnValue
from secure_flask.database.database import db
from secure_flask.web.errors import error_response, response_for
from sqlalchemy.orm.exc import ObjectDeletedError, StaleDataError

CONFLICTS = (ObjectDeletedError, StaleDataError)


def init_app(app: Flask) -> None:
    for error in CONFLICTS:
        app.register_error_handler(error, respond)


def respond(error: Exception) -> ResponseReturnValue:
    db.session.rollback()
    return response_for(error_response(409, "Changed by another request: try again"))


def is_foreign_key(error: Exception) -> bool:
    """Whether a row that is referred to does not exist, or a row that is deleted is needed."""
    reason = getattr(error, "orig", None)
    # psycopg has the SQLSTATE "foreign_key_violation", SQLite only a name.
    names = (getattr(reason, "sqlstate", None), getattr(reason, "sqlite_errorname", None))
    return "23503" in names or "SQLITE_CONSTRAINT_FOREIGNKEY" in names
