"""Responds 409 where another request changed or deleted a row at the same moment.

For example, a user deletes the account while another request of the same user is still
running. Nothing is stored, and the client may try again. Source: RFC 9110, section 15.5.10.
"""

from flask import Flask
from flask.typing import ResponseReturnValue
from sqlalchemy.orm.exc import ObjectDeletedError, StaleDataError

from app.db.database import db
from app.security.errors import error_response, response_for


def init_app(app: Flask) -> None:
    for error in (ObjectDeletedError, StaleDataError):
        app.register_error_handler(error, _respond_conflict)


def _respond_conflict(error: Exception) -> ResponseReturnValue:
    db.session.rollback()
    return response_for(error_response(409, "Changed by another request: try again"))
