"""A request whose user deletes the account meanwhile is answered, and leaves nothing behind.

The account is deleted before each statement of the request in turn. Where the request has begun to
write, SQLite lets nobody else write, as PostgreSQL lets the deletion wait.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import db
from secure_flask.accounts import outbox
from sqlalchemy import event, select

from app.models import User
from core import routes
from views.accounts.people import (
    ADDRESS,
    CHANGE_EMAIL,
    RECOVERY_CODES,
    RESET,
    STRONG,
    TF_SETUP,
    Headers,
    mailed_link,
)
from views.conftest import OWN_PAGE, PASSWORD, USERNAME, MakeApp, add_user, log_in, stored_user

Request = tuple[str, str, dict[str, str]]

# The one in a mail.
LINK = "/reset/TOKEN"
DELETION = "DELETE FROM users"
REQUESTS = [
    ("POST", RESET, {"email": ADDRESS}),
    ("POST", CHANGE_EMAIL, {"email": "new@example.org"}),
    ("POST", routes.PASSWORD, {"current_password": PASSWORD, "new_password": STRONG}),
    ("POST", LINK, {"password": STRONG}),
    ("POST", TF_SETUP, {"setup": "authenticator"}),
    ("POST", RECOVERY_CODES, {}),
    ("POST", "/wan-register", {}),
    ("GET", "/me/data", {}),
    ("DELETE", routes.ME, {}),
]


@pytest.fixture
def app(make_app: MakeApp, tmp_path: Path) -> Flask:
    app = make_app(database_url=f"sqlite:///{tmp_path}/app.db", PROPAGATE_EXCEPTIONS=False)
    with app.app_context():
        db.session.delete(db.session.scalars(select(User)).one())
        db.session.commit()
    return app


@contextmanager
def before_statement(app: Flask, number: int, sql: str) -> Iterator[list[int]]:
    """Run SQL on another connection before one statement; the list grows with each."""
    seen: list[int] = []
    with app.app_context():
        engine = db.engine

    def note(*arguments: object) -> None:
        seen.append(len(seen))
        if len(seen) == number:
            _run(str(engine.url.database), sql)

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def _run(path: str, sql: str) -> None:
    # Locked, if the request has begun to write.
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(path, timeout=0)) as other:
        other.execute("PRAGMA foreign_keys = ON")
        other.execute(sql)
        other.commit()


def prepared(app: Flask) -> tuple[FlaskClient, Headers]:
    """A client whose new user has a second factor since the login, and asked for a link."""
    add_user(app, USERNAME)
    client = app.test_client()
    headers = OWN_PAGE | log_in(client)
    with stored_user(app) as user:
        user.email, user.totp_secret = ADDRESS, "THESECRETOFANAPP"
        outbox.add_link("reset", ADDRESS)
    return client, headers


def answers(app: Flask, request: Request, sql: str) -> Iterator[int]:
    """The status of a request of a new user each time, with the SQL before each statement."""
    method, path, body = request
    number, seen = 0, [0]
    while number <= len(seen):
        number += 1
        client, headers = prepared(app)
        link = mailed_link(app) if path == LINK else path
        json = body if method == "POST" else None
        with before_statement(app, number, sql) as seen:
            answer = client.open(link, method=method, headers=headers, json=json)
        yield answer.status_code
        with app.app_context():
            for user in db.session.scalars(select(User)):
                db.session.delete(user)
            db.session.commit()


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request[1])
def test_no_request_fails_by_it(app: Flask, request_: Request) -> None:
    given = [*answers(app, request_, DELETION)]
    assert {*given} <= {200, 204, 401, 403, 404, 409}
    # The first statement looks up the login or the link.
    assert given[0] == {RESET: 200, LINK: 404}.get(request_[1], 401)


def test_a_login_that_ends_meanwhile_deletes_nothing(app: Flask) -> None:
    ended = [*answers(app, ("DELETE", routes.ME, {}), "DELETE FROM logins")]
    assert ended.count(401) >= 2
    assert {*ended} == {401, 204}
