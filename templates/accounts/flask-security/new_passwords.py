"""A new password in JSON: once, or twice as clients of Flask-Security send it.

A password that is typed twice and differs is refused, so that no slip locks its user out.
"""

from typing import Annotated

from pydantic import Field

from app.auth.passwords import MAX_LENGTH
from app.security.bodies import INVALID
from app.security.errors import error_response
from app.security.validation import Body, PlainText

Password = Annotated[PlainText, Field(max_length=MAX_LENGTH)]


class Repeatable(Body):
    """The base class of bodies with a new password."""

    password_confirm: Password | None = None

    def require_equal(self, password: str | None) -> None:
        """Refuse a second password that differs from the first.

        :raises ErrorResponse: 400, it differs.
        """
        if self.password_confirm not in (None, password):
            error = error_response(400, INVALID)
            error.fields = {"password_confirm": "Must equal the password"}
            raise error
