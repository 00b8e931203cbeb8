"""Notices to users: who gets one, how many become one, and that none shows a secret."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import db
from secure_flask.accounts import notices
from secure_flask.accounts.outbox import HOUR

from core import routes
from views.accounts.people import ADDRESS, STRONG, Headers, delivered, give_address, send
from views.conftest import PASSWORD, USERNAME, MakeApp, Wait, add_user, stored_user

CHANGE = {"current_password": PASSWORD, "new_password": STRONG}
OLD = "old@example.org"


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    app = make_app()
    give_address(app)
    return app


def tell(app: Flask, *, times: int = 1) -> None:
    with stored_user(app) as user:
        for _ in range(times):
            notices.code_failed(user)


def texts(app: Flask) -> list[str]:
    return [mail.get_content() for mail in delivered(app)]


@pytest.mark.asvs("6.3.5", "6.3.7")
def test_a_changed_password_is_told_to_the_address_without_a_secret_or_a_link(
    app: Flask, client: FlaskClient, credentials: Headers
) -> None:
    assert send(client, routes.PASSWORD, {**CHANGE}, credentials).status_code == 200
    [notice] = delivered(app)
    assert (notice["To"], "new password" in notice.get_content()) == (ADDRESS, True)
    # A copy of a link would lead people elsewhere.
    assert not any(secret in notice.get_content() for secret in (PASSWORD, STRONG, "localhost/"))


def test_a_user_without_an_address_changes_the_password_all_the_same(
    app: Flask, client: FlaskClient, credentials: Headers
) -> None:
    give_address(app, None)
    assert send(client, routes.PASSWORD, {**CHANGE}, credentials).status_code == 200
    assert delivered(app) == []


def test_a_change_that_fails_is_told_to_nobody(
    app: Flask, client: FlaskClient, credentials: Headers
) -> None:
    wrong = {**CHANGE, "current_password": "wrong"}
    assert send(client, routes.PASSWORD, {**wrong}, credentials).status_code == 403
    assert delivered(app) == []


def test_the_first_is_sent_at_once_and_all_others_of_the_hour_as_one(
    app: Flask, wait: Wait
) -> None:
    tell(app, times=7)
    [first] = texts(app)
    assert "times" not in first
    wait(HOUR)
    [_, others] = texts(app)
    assert "6 times" in others
    tell(app)
    assert len(texts(app)) == 3


def test_notices_are_joined_by_kind_recipient_and_hour(app: Flask, wait: Wait) -> None:
    """Two users who had one address one after the other are one recipient."""
    add_user(app, "grace")
    for name in (USERNAME, "grace"):
        with stored_user(app, name) as user:
            notices.email_changed(user, OLD.upper() if name == "grace" else OLD)
    assert [mail["To"] for mail in delivered(app)] == [OLD]
    wait(HOUR)
    assert len(delivered(app)) == 2


def test_a_notice_to_a_former_address_survives_the_deletion_of_the_account(app: Flask) -> None:
    with stored_user(app) as user:
        notices.email_changed(user, OLD)
        notices.code_failed(user)
        db.session.flush()
        db.session.delete(user)
    [mail] = delivered(app)
    assert (mail["To"], USERNAME in mail.get_content()) == (OLD, True)


def test_notices_of_other_kinds_and_users_are_told_apart(app: Flask) -> None:
    tell(app)
    with stored_user(app) as user:
        notices.password_changed(user)
        notices.email_changed(user, OLD)
    assert sorted(mail["To"] for mail in delivered(app)) == sorted([ADDRESS, ADDRESS, OLD])
