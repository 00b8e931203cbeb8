"""Who deletes the account leaves nothing behind, and nobody else loses anything."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from werkzeug.test import TestResponse

from app.accounts import pending
from app.accounts.leaving import owned_rows
from app.accounts.leaving.deletion import delete_account, user_deleted
from app.accounts.links import registration
from app.accounts.mail import mailbox
from app.accounts.pending import PendingStep
from app.auth import users
from app.auth.grants import Grant
from app.auth.users import User
from app.db import Model, db
from tests import routes
from tests.accounts.leaving import full_account
from tests.accounts.people import ADDRESS
from tests.conftest import (
    PASSWORD,
    PRODUCTION,
    USERNAME,
    Lines,
    MakeApp,
    is_logged_in,
    log_in,
    stored_user,
)

PATH = routes.path_of("deletion.delete_own")
OTHER = "bob"


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """An app with two users, and no mail yet."""
    app = make_app()
    with app.app_context():
        users.create(OTHER, PASSWORD)
    return app


def leave(client: FlaskClient, credentials: dict[str, str]) -> TestResponse:
    return client.delete(PATH, headers=credentials)


def names(app: Flask) -> set[str]:
    with app.app_context():
        return set(db.session.scalars(select(User.name)))


def count_rows(app: Flask, user_id: Any) -> dict[str, int]:
    """How many rows of each table refer to a user."""
    columns = [
        column
        for table in Model.metadata.sorted_tables
        for column in table.columns
        if any(key.target_fullname == "users.id" for key in column.foreign_keys)
    ]
    with app.app_context():
        counted = {
            str(each): db.session.scalar(select(func.count()).where(each == user_id)) or 0
            for each in columns
        }
    return {name: count for name, count in counted.items() if count}


@pytest.mark.asvs("7.4.2")
def test_the_account_and_its_logins_are_gone_and_others_stay(app: Flask) -> None:
    clients = [app.test_client() for _ in range(2)]
    logins = [(client, log_in(client)) for client in clients]
    other = app.test_client()
    others = log_in(other, username=OTHER)
    assert leave(*logins[0]).status_code == 204
    assert [is_logged_in(*login) for login in logins] == [False, False]
    assert is_logged_in(other, others)
    assert names(app) == {OTHER}
    again = {"username": USERNAME, "password": PASSWORD}
    assert app.test_client().post(routes.LOGIN, json=again).status_code == 401


def test_no_row_of_the_account_is_left(app: Flask, client: FlaskClient) -> None:
    credentials = log_in(client)
    full_account.fill(app)
    with stored_user(app) as user:
        user_id = user.id
    assert len(count_rows(app, user_id)) >= 6
    leave(client, credentials)
    assert count_rows(app, user_id) == {}


def test_no_registration_of_the_address_makes_the_account_again(
    app: Flask, client: FlaskClient
) -> None:
    with stored_user(app) as user:
        user.email = ADDRESS.title()
    with app.app_context():
        pending.create(registration.PURPOSE, 3600, email=ADDRESS)
        pending.create("nobody", 3600, email=ADDRESS)
        pending.create(registration.PURPOSE, 3600, email="grace@example.org")
    leave(client, log_in(client))
    with app.app_context():
        left = [step.email for step in db.session.scalars(select(PendingStep))]
    assert left == ["grace@example.org"]


def test_rows_of_your_tables_go_with_their_owner_alone(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with full_account.own_tables(app, monkeypatch):
        full_account.add_note(app)
        full_account.add_note(app, OTHER, phone="555 0199")
        assert leave(client, log_in(client)).status_code == 204
        left = [note.phone for note in db.session.scalars(select(full_account.Note))]
        assert left == ["555 0199"]
        assert len(db.session.execute(select(full_account.stars)).all()) == 1


def test_a_row_that_the_database_keeps_undoes_everything(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = log_in(client)
    with full_account.own_tables(app, monkeypatch):
        full_account.add_note(app)
        monkeypatch.setattr(owned_rows, "named", lambda: [full_account.stars.c.user_id])
        with pytest.raises(IntegrityError):
            leave(client, credentials)
        db.session.rollback()
        assert len(db.session.execute(select(full_account.stars)).all()) == 1
    assert is_logged_in(client, credentials)


def test_the_address_gets_a_last_mail(app: Flask, client: FlaskClient) -> None:
    credentials = log_in(client)
    full_account.fill(app)
    leave(client, credentials)
    [mail] = mailbox.messages(app)
    assert mail["To"] == full_account.EMAIL


def test_an_account_that_is_deleted_twice_gets_one_mail(app: Flask) -> None:
    full_account.fill(app)
    with app.app_context():
        user = users.find(USERNAME)
        assert user is not None
        for _ in range(2):
            delete_account(user)
    assert len(mailbox.messages(app)) == 1
    assert names(app) == {OTHER}


@pytest.mark.asvs("7.5.1")
def test_strangers_and_old_logins_delete_nothing(app: Flask, client: FlaskClient) -> None:
    assert leave(client, {}).status_code == 401
    credentials = log_in(client)
    with app.app_context():
        db.session.execute(update(Grant).values(issued=Grant.issued - 301))
        db.session.commit()
    assert leave(client, credentials).status_code == 401
    assert names(app) == {USERNAME, OTHER}


@pytest.mark.asvs("14.3.1")
def test_the_browser_is_told_to_forget(app: Flask, client: FlaskClient) -> None:
    answer = leave(client, log_in(client))
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'


def test_your_receiver_hears_of_it_while_the_rows_are_there(
    app: Flask, client: FlaskClient
) -> None:
    heard: list[Any] = []

    def receive(user: User) -> None:
        heard.append((user.name, db.session.get(User, user.id) is user))

    with user_deleted.connected_to(receive):
        leave(client, log_in(client))
    assert heard == [(USERNAME, True)]


def test_a_receiver_that_fails_keeps_the_account(app: Flask, client: FlaskClient) -> None:
    def fail(user: User) -> None:
        raise RuntimeError("The files are locked.")

    credentials = log_in(client)
    full_account.fill(app)
    with user_deleted.connected_to(fail), pytest.raises(RuntimeError):
        leave(client, credentials)
    assert names(app) == {USERNAME, OTHER}
    assert is_logged_in(client, credentials)
    assert mailbox.messages(app) == []


def test_the_log_says_who_left(make_app: MakeApp, lines: Lines) -> None:
    client = make_app(**PRODUCTION).test_client()
    headers = {"Origin": "https://localhost", **log_in(client)}
    lines()
    leave(client, headers)
    [line] = [line for line in lines() if line["event"] == "user_deleted"]
    assert line["user_id"]
    assert USERNAME not in line.values()
