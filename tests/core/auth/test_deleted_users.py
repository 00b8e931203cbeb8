"""A request whose user is deleted while it runs gets what a stranger gets, and no 500."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask, g
from flask.testing import FlaskClient
from secure_flask.auth import users
from secure_flask.auth.access import public
from secure_flask.auth.login_table import Login
from secure_flask.database import db
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from werkzeug.test import TestResponse

from core import routes
from core.conftest import LOGIN, PASSWORD, is_logged_in, user_deleted_before
from core.site import User

OTHER = "bob"
INSERT = "INSERT INTO logins"

Headers = dict[str, str]


def add_row(user_id: UUID) -> None:
    """Add a row that refers to a user, as other tables do."""
    db.session.add(Login(**row_of(user_id)))
    db.session.commit()


def row_of(user_id: UUID) -> dict[str, Any]:
    zeros = dict.fromkeys(("started", "last_used", "expires"), 0)
    return {"secret_hash": bytes(32), "kind": "", "user_id": user_id, **zeros}


def write_own() -> str:
    add_row(g.user.id)
    return "written"


def change_own() -> str:
    g.user.disabled = True
    db.session.commit()
    return "changed"


def write_of_other() -> str:
    user = User.find(OTHER)
    assert user is not None
    add_row(user.id)
    return "written"


def write_of_nobody() -> str:
    add_row(uuid4())
    return "written"


def write_of_nobody_beside_a_new_user() -> str:
    user = User(name="eve", password_hash="")
    db.session.add(user)
    db.session.flush()
    # A statement of Core does not end the transaction, so the new user is still in the session.
    db.session.execute(insert(Login).values(row_of(uuid4())))
    return f"written beside {user.name}"


BUGS = (write_of_nobody, write_of_nobody_beside_a_new_user)


@pytest.fixture
def app(file_app: Flask) -> Flask:
    """An app with two users and views that write rows."""
    with file_app.app_context():
        users.create_user(OTHER, PASSWORD)
    for view in (write_own, change_own, write_of_other, *BUGS):
        file_app.add_url_rule(f"/deleted/{view.__name__}", view_func=view)
    file_app.config["LOGIN_PAGE"] = "site.page"
    file_app.add_url_rule("/deleted/public", "public", public(lambda: write_of_other()))
    return file_app


def call(client: FlaskClient, view: Callable[[], str], headers: Headers) -> TestResponse:
    return client.get(f"/deleted/{view.__name__}", headers=headers)


def count_rows(app: Flask) -> int:
    with app.app_context():
        return len(db.session.scalars(select(Login).where(Login.kind == "")).all())


@pytest.mark.parametrize(("view", "statement"), [(write_own, INSERT), (change_own, "UPDATE users")])
def test_a_login_whose_user_is_deleted_in_the_middle_has_ended(
    app: Flask, client: FlaskClient, credentials: Headers, view: Callable[[], str], statement: str
) -> None:
    with user_deleted_before(app, statement):
        answer = call(client, view, credentials)
    gone = call(client, view, credentials)
    assert answer.status_code == 401
    assert answer.get_json() == gone.get_json()
    assert answer.headers["WWW-Authenticate"] == gone.headers["WWW-Authenticate"]


def test_a_browser_goes_where_it_goes_without_a_login(
    app: Flask, client: FlaskClient, credentials: Headers
) -> None:
    with user_deleted_before(app, INSERT):
        answer = call(client, write_own, {**credentials, "Accept": "text/html"})
    gone = call(client, write_own, {**credentials, "Accept": "text/html"})
    assert answer.status_code == gone.status_code == (303)
    assert answer.location == gone.location


def test_a_login_that_is_under_way_fails_as_with_bad_credentials(app: Flask) -> None:
    with user_deleted_before(app, "UPDATE users"):
        answer = app.test_client().post(routes.LOGIN, json=LOGIN)
    assert (answer.status_code, answer.get_json()) == (401, {"error": "Invalid credentials"})


def test_a_stranger_who_writes_about_a_deleted_user_gets_409(app: Flask) -> None:
    with user_deleted_before(app, INSERT, OTHER):
        assert app.test_client().get("/deleted/public").status_code == 409


def test_who_writes_about_a_deleted_user_stays_logged_in(
    app: Flask, client: FlaskClient, credentials: Headers
) -> None:
    with user_deleted_before(app, INSERT, OTHER):
        assert call(client, write_of_other, credentials).status_code == 409
    assert is_logged_in(client, credentials)


@pytest.mark.parametrize("view", BUGS)
def test_a_row_that_refers_to_nobody_is_a_bug_and_no_end_of_the_login(
    app: Flask, client: FlaskClient, credentials: Headers, view: Callable[[], str]
) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    assert call(client, view, credentials).status_code == 500
    assert count_rows(app) == 0
    assert is_logged_in(client, credentials)


def test_two_equal_rows_are_a_bug_whoever_is_deleted(
    app: Flask, client: FlaskClient, credentials: Headers
) -> None:
    assert call(client, write_own, credentials).status_code == 200
    with (
        user_deleted_before(app, INSERT, OTHER),
        pytest.raises(IntegrityError, match=r"(?i)unique"),
    ):
        call(client, write_of_other, credentials)
