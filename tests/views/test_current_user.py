"""What editors and type checkers know of the owner's users."""

from typing import assert_type

from flask import Flask
from secure_flask import db
from sqlalchemy import select

from app.current_user import current_user
from app.models import User
from views.conftest import USERNAME


def test_current_user_has_the_columns_of_the_class_and_is_nobody_here(app: Flask) -> None:
    with app.test_request_context():
        assert_type(current_user, User)
        assert not current_user


def test_a_query_for_one_row_has_the_type_of_the_row(app: Flask) -> None:
    with app.test_request_context():
        user = db.first_or_404(select(User))
        assert_type(user, User)
        assert user.name == USERNAME
