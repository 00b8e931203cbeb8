"""The counts on which the tests of growth rely."""

import pytest
from flask import Flask
from secure_flask.auth.users import Role
from secure_flask.database import db
from sqlalchemy import delete, func, insert, select

from core.statements import counted_statements


@pytest.fixture(autouse=True)
def _roles(app: Flask) -> None:
    with app.app_context():
        db.session.execute(insert(Role), [{"name": f"role{number}"} for number in range(30)])
        db.session.commit()


def test_rows_count_as_they_are_read(app: Flask) -> None:
    with app.app_context(), counted_statements(db.engine) as counted:
        db.session.scalars(select(Role)).all()
        db.session.execute(select(Role.name).limit(7)).all()
        db.session.scalar(select(func.count()).select_from(Role))
    assert counted.rows_of == [30, 7, 1]
    assert counted.sizes == (3, 38)


def test_a_deleted_row_is_read_only_where_the_statement_returns_it(app: Flask) -> None:
    some = delete(Role).where(Role.name.like("role1%"))
    with app.app_context(), counted_statements(db.engine) as counted:
        db.session.execute(some, execution_options={"synchronize_session": False})
        # Python has no LIKE, so by itself the session asks which of its objects were deleted.
        db.session.execute(delete(Role).where(Role.name.like("role2%")))
        db.session.scalars(delete(Role).returning(Role.id)).all()
    assert counted.rows_of == [0, 11, 8]


def test_nothing_counts_outside_of_the_block(app: Flask) -> None:
    with app.app_context():
        with counted_statements(db.engine) as counted:
            pass
        db.session.scalars(select(Role)).all()
    assert counted.sizes == (0, 0)
