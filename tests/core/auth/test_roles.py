"""Roles: what they may be called, and that only requests that ask for them pay for them."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask.auth import roles, users
from secure_flask.auth.roles import MAX_NAME, Role, user_roles
from secure_flask.database import db
from sqlalchemy import delete, event, select
from sqlalchemy.exc import IntegrityError

from core import routes
from core.conftest import USERNAME, give_roles, stored_user

NAMES = ["a", "admin", "order-desk", "level_2", "x" * MAX_NAME]
NO_NAMES = ["", "Admin", "2nd", "-a", "_a", "a b", "a,b", "a\n", "é", "x" * (MAX_NAME + 1), None, 1]


@contextmanager
def statements(app: Flask) -> Iterator[list[str]]:
    """What the database is asked in this block."""
    asked: list[str] = []

    def note(connection: object, cursor: object, statement: str, *more: object) -> None:
        asked.append(statement)

    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", note)
        yield asked
        event.remove(db.engine, "before_cursor_execute", note)


def given(app: Flask) -> int:
    """How many roles all users have."""
    with app.app_context():
        return len(db.session.execute(select(user_roles)).all())


def test_a_role_has_one_plain_name(subtests: pytest.Subtests) -> None:
    for name in NAMES:
        with subtests.test(name):
            assert roles.is_name(name)
    for other in NO_NAMES:
        with subtests.test(str(other)):
            assert not roles.is_name(other)


def test_a_name_is_one_role(app: Flask) -> None:
    with app.app_context():
        db.session.add_all([Role(name="admin"), Role(name="admin")])
        with pytest.raises(IntegrityError):
            db.session.commit()


def test_a_user_has_the_roles_that_were_given(app: Flask) -> None:
    give_roles(app, "editor", "admin")
    with stored_user(app) as user:
        assert user.role_names == ["admin", "editor"]
    with app.app_context():
        assert [role.name for role in roles.stored()] == ["admin", "editor"]
        assert users.create_user("bob", "another long password").role_names == []


def test_a_request_that_needs_no_role_asks_for_none(
    app: Flask, client: FlaskClient, credentials: dict[str, str]
) -> None:
    give_roles(app, "admin")
    with statements(app) as asked:
        assert client.get(routes.SESSIONS, headers=credentials).status_code == 200
    assert asked
    assert [statement for statement in asked if "roles" in statement] == []


def test_a_deleted_user_leaves_no_role_behind_and_the_role_stays(app: Flask) -> None:
    give_roles(app, "admin")
    with stored_user(app) as user:
        db.session.delete(user)
    assert given(app) == 0
    with app.app_context():
        assert [role.name for role in roles.stored()] == ["admin"]


def test_a_deleted_role_is_taken_from_all_users(app: Flask) -> None:
    give_roles(app, "admin", "editor")
    with app.app_context():
        db.session.execute(delete(Role).where(Role.name == "admin"))
        db.session.commit()
    with stored_user(app, USERNAME) as user:
        assert user.role_names == ["editor"]
