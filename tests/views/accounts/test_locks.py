"""Requests lock the mailbox, the user and the steps in one order, so none waits for another in a circle.

PostgreSQL ends a circle by an error, and one of the requests gets a 503.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import db
from secure_flask.accounts import steps
from secure_flask.accounts.outbox import HOUR
from sqlalchemy import event
from werkzeug.test import TestResponse

from core import routes
from views.accounts.people import RECOVERY, RECOVERY_CODES, STRONG, Headers, begin_login, send
from views.conftest import PASSWORD, stored_user

Request = Callable[[Flask, FlaskClient, Headers], TestResponse]

# The beginnings of the statements that lock, by what they lock.
LOCKS = {
    "SELECT pg_advisory_xact_lock": "mailbox",
    "DELETE FROM account_steps WHERE 0": "mailbox",
    "UPDATE users": "user",
    "DELETE FROM account_steps WHERE account_steps.id": "step",
    "DELETE FROM account_steps WHERE account_steps.user_id": "step",
}


@contextmanager
def locked(app: Flask) -> Iterator[list[list[str]]]:
    """What each transaction locks, in turn and once."""
    found: list[list[str]] = [[]]

    def note(connection: object, cursor: object, statement: str, *more: object) -> None:
        for begin, what in LOCKS.items():
            if statement.startswith(begin) and what not in found[-1]:
                found[-1].append(what)

    def end(connection: object) -> None:
        found.append([])

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    event.listen(engine, "commit", end)
    yield found
    event.remove(engine, "before_cursor_execute", note)
    event.remove(engine, "commit", end)


def secret_of(app: Flask, purpose: str, email: str | None = None) -> str:
    with stored_user(app) as user:
        step = steps.add_step(purpose, HOUR, user=user, email=email or user.email)
        return steps.give_step_secret(step)


def reset(app: Flask, client: FlaskClient, _: Headers) -> TestResponse:
    return send(client, f"/reset/{secret_of(app, 'reset')}", {"password": STRONG})


def change_by_login(app: Flask, client: FlaskClient, credentials: Headers) -> TestResponse:
    secret = secret_of(app, "change_email", "new@example.org")
    return send(client, f"/change-email/{secret}", {}, credentials)


def change_by_password(app: Flask, client: FlaskClient, _: Headers) -> TestResponse:
    secret = secret_of(app, "change_email", "new@example.org")
    return send(client, f"/change-email/{secret}", {"password": PASSWORD})


def change_password(app: Flask, client: FlaskClient, credentials: Headers) -> TestResponse:
    body = {"current_password": PASSWORD, "new_password": STRONG}
    return send(client, routes.PASSWORD, {**body}, credentials)


REQUESTS: dict[Request, list[str]] = {
    reset: ["user", "step"],
    change_by_login: ["mailbox", "user", "step"],
    change_by_password: ["mailbox", "user", "step"],
    change_password: ["user", "step"],
}


@pytest.mark.usefixtures("address")
@pytest.mark.parametrize("ask", REQUESTS, ids=lambda ask: ask.__name__)
def test_a_request_that_ends_steps_locks_the_user_first(
    app: Flask,
    client: FlaskClient,
    credentials: Headers,
    ask: Request,
) -> None:
    with locked(app) as found:
        assert ask(app, client, credentials).status_code == 200
    assert [each for each in found if "step" in each] == [REQUESTS[ask]]


@pytest.mark.usefixtures("secret")
def test_a_half_login_that_is_completed_locks_the_user_first(
    app: Flask, client: FlaskClient, credentials: Headers, stranger: FlaskClient
) -> None:
    codes = send(client, RECOVERY_CODES, {}, credentials).get_json()["recovery_codes"]
    half = begin_login(stranger)
    with locked(app) as found:
        assert send(stranger, RECOVERY, {"code": codes[0], **half}).status_code == 200
    assert [each for each in found if "step" in each] == [["user", "step"]]
