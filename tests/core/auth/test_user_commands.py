"""`flask user …` and `flask tokens …`, as their caller sees them."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask.auth import logins, users
from secure_flask.database import Model, db
from sqlalchemy.exc import OperationalError

from core.auth.operators import assert_refused, logs_in, run
from core.conftest import PASSWORD, USERNAME, MakeApp, Wait, is_logged_in, log_in, stored_user

OTHER = "bob"


@pytest.fixture
def app(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """An app with two users."""
    monkeypatch.setitem(app.config, "LOGIN_RATE_LIMIT", "1000 per minute")
    with app.app_context():
        users.create_user(OTHER, PASSWORD)
    return app


def test_an_unknown_user_is_named(app: Flask, subtests: pytest.Subtests) -> None:
    for command in ("password", "disable", "enable", "logout"):
        with subtests.test(command):
            result = run(app, "user", command, "nobody")
            assert_refused(result)
            assert "'nobody'" in result.output


def test_bytes_that_are_no_text_name_nobody(app: Flask) -> None:
    assert_refused(run(app, "user", "logout", "n\udcff"))


def test_all_logins_of_the_user_end_at_once_and_no_others(
    app: Flask, subtests: pytest.Subtests
) -> None:
    other = app.test_client()
    others = log_in(other, username=OTHER)
    for command in ("logout", "disable", "password"):
        with subtests.test(command):
            with stored_user(app) as user:
                user.disabled = False
            clients = [app.test_client() for _ in range(2)]
            logins = [(client, log_in(client)) for client in clients]
            assert run(app, "user", command, USERNAME).exit_code == 0
            assert [is_logged_in(*login) for login in logins] == [False, False]
            assert is_logged_in(other, others)


def test_a_disabled_user_cannot_log_in_until_enabled(
    app: Flask, client: FlaskClient, credentials: dict[str, str]
) -> None:
    run(app, "user", "disable", USERNAME)
    assert not logs_in(app.test_client(), USERNAME, PASSWORD)
    assert logs_in(app.test_client(), OTHER, PASSWORD)
    run(app, "user", "enable", USERNAME)
    assert not is_logged_in(client, credentials)
    assert logs_in(client, USERNAME, PASSWORD)


def test_a_purge_says_how_many_it_deleted_and_keeps_the_rest(
    app: Flask, client: FlaskClient, credentials: dict[str, str], wait: Wait
) -> None:
    with stored_user(app) as user:
        for secret in ("one", "two"):
            logins.create(user, "session", secret, lifetime=1)
    wait(1)
    assert "2" in run(app, "tokens", "purge").output
    assert "0" in run(app, "tokens", "purge").output
    assert is_logged_in(client, credentials)


def test_a_new_database_has_no_user(make_app: MakeApp) -> None:
    app = make_app()
    with app.app_context():
        Model.metadata.drop_all(db.engine)
    assert run(app, "db", "upgrade").exit_code == 0
    listed = run(app, "user", "list")
    # Other tests make their tables without migrations.
    assert run(app, "db", "downgrade", "base").exit_code == 0
    assert (listed.exit_code, listed.output.count("\n")) == (0, 1), "A migration makes a user."


def test_without_tables_it_says_how_to_make_them(app: Flask, subtests: pytest.Subtests) -> None:
    with app.app_context():
        Model.metadata.drop_all(db.engine)
    for command in ("user create eve", "user list", "tokens purge"):
        with subtests.test(command):
            result = run(app, *command.split())
            assert_refused(result)
            assert "flask db upgrade" in result.output


def test_a_database_that_is_locked_is_not_taken_for_an_empty_one(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(user: object, **options: object) -> None:
        raise OperationalError("DELETE", {}, Exception("database is locked"))

    monkeypatch.setattr(logins, "end_all", locked)
    result = run(app, "user", "logout", USERNAME)
    assert_refused(result)
    assert "flask db upgrade" not in result.output
