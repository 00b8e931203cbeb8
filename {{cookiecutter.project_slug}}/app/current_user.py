"""`current_user` with the type of `User`: editors and type checkers know its columns."""

from typing import cast

from secure_flask import current_user as user_of_request

from app.models import User

current_user = cast(User, user_of_request)
