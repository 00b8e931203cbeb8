"""`flask user …` and `flask tokens …`, as their caller sees them."""

from io import StringIO
from types import SimpleNamespace

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from app.accounts import commands
from app.auth import grants, password_rules, users
from app.auth.passwords import MAX_LENGTH, MIN_LENGTH
from app.db import Model, db
from tests import routes
from tests.conftest import PASSWORD, USERNAME, MakeApp, Wait, is_logged_in, log_in, stored_user

NEW, OTHER, PROJECT = "grace", "bob", "Garden Shed"
# Longer than any MIN_LENGTH that somebody would set.
GOOD_PASSWORD = "seven owls in a well of ink, and one that went for a walk before dawn"

NO_ADDRESSES = [
    "",
    "grace",
    "@example.org",
    "grace@",
    "a b@example.org",
    "a@b\n",
    f"{'a' * 65}@b.c",
]


@pytest.fixture
def app(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """An app with two users, whose name no good password here contains."""
    monkeypatch.setitem(app.config, "PROJECT_NAME", PROJECT)
    monkeypatch.setitem(app.config, "LOGIN_RATE_LIMIT", "1000 per minute")
    with app.app_context():
        users.create(OTHER, PASSWORD)
    return app


def run(app: Flask, *arguments: str, password: str | None = None) -> Result:
    """Run `flask …`, with the password on standard input if there is one."""
    arguments = arguments if password is None else (*arguments, "--password-stdin")
    given = None if password is None else password + "\n"
    return app.test_cli_runner().invoke(args=arguments, input=given)


def create(app: Flask, *arguments: str, password: str | None = None) -> Result:
    return run(app, "user", "create", *arguments, password=password)


def logs_in(client: FlaskClient, username: str, password: str) -> bool:
    answer = client.post(routes.LOGIN, json={"username": username, "password": password})
    return answer.status_code == 200


def assert_refused(result: Result) -> None:
    """One sentence, and the exit code of a failure."""
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert result.output.count("\n") == 1


@pytest.mark.asvs("6.4.1")
def test_a_made_password_is_printed_works_and_is_never_the_same(
    app: Flask, client: FlaskClient
) -> None:
    made = [create(app, name).stdout.split()[-1] for name in (NEW, "eve")]
    assert made[0] != made[1]
    assert len(made[0]) >= 20
    assert logs_in(client, NEW, made[0])


def test_a_given_password_works_to_its_last_space_and_is_not_printed(
    app: Flask, client: FlaskClient
) -> None:
    result = create(app, NEW, password=f" {GOOD_PASSWORD} ")
    assert result.exit_code == 0
    assert GOOD_PASSWORD not in result.output
    assert logs_in(client, NEW, f" {GOOD_PASSWORD} ")
    assert not logs_in(client, NEW, GOOD_PASSWORD)


def test_an_unusable_password_makes_no_user(app: Flask, subtests: pytest.Subtests) -> None:
    unusable = {
        "none": "",
        "short": "x" * (MIN_LENGTH - 1),
        "too long": "x" * (MAX_LENGTH + 1),
        "their name": f"{NEW.upper()} {GOOD_PASSWORD}",
        "the project's name": f"{PROJECT} {GOOD_PASSWORD}",
    }
    with app.app_context():
        words = {case: password_rules.why_refused(each, NEW) for case, each in unusable.items()}
    unusable |= {"blank": " " * MIN_LENGTH, "a tab": f"{GOOD_PASSWORD}\t"}
    for case, password in unusable.items():
        with subtests.test(case):
            result = create(app, NEW, password=password)
            assert_refused(result)
            assert (words.get(case) or "") in result.output
            with app.app_context():
                assert users.find(NEW) is None


def test_bytes_that_are_no_text_make_no_password_and_name_nobody(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = StringIO(f"{GOOD_PASSWORD}\udcff\n")
    monkeypatch.setattr(commands, "sys", SimpleNamespace(stdin=given))
    assert_refused(create(app, NEW, "--password-stdin"))
    assert_refused(run(app, "user", "logout", "n\udcff"))


def test_an_unusable_name_makes_no_user(app: Flask, subtests: pytest.Subtests) -> None:
    for name in ("", " ", "new\nline", "x" * (users.MAX_NAME + 1), USERNAME):
        with subtests.test(name):
            assert_refused(create(app, name))


def test_what_is_no_address_makes_no_user(app: Flask, subtests: pytest.Subtests) -> None:
    for email in NO_ADDRESSES:
        with subtests.test(email):
            assert_refused(create(app, NEW, "--email", email, password=GOOD_PASSWORD))
            with app.app_context():
                assert users.find(NEW) is None


def test_an_unknown_user_is_named(app: Flask, subtests: pytest.Subtests) -> None:
    for command in ("password", "disable", "enable", "logout"):
        with subtests.test(command):
            result = run(app, "user", command, "nobody")
            assert_refused(result)
            assert "'nobody'" in result.output


@pytest.mark.asvs("6.4.3")
def test_a_made_or_given_password_takes_the_place_of_the_old_one(
    app: Flask, client: FlaskClient
) -> None:
    unusable = f"{GOOD_PASSWORD} {USERNAME}"
    assert_refused(run(app, "user", "password", USERNAME, password=unusable))
    assert logs_in(client, USERNAME, PASSWORD)
    made = run(app, "user", "password", USERNAME).stdout.split()[-1]
    assert not logs_in(client, USERNAME, PASSWORD)
    assert logs_in(client, USERNAME, made)
    given = run(app, "user", "password", USERNAME, password=GOOD_PASSWORD)
    assert GOOD_PASSWORD not in given.output
    assert not logs_in(client, USERNAME, made)
    assert logs_in(client, USERNAME, GOOD_PASSWORD)


@pytest.mark.asvs("7.4.2", "7.4.5")
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
            grants.create(user, "test", secret, 1)
    wait(1)
    assert "2" in run(app, "tokens", "purge").output
    assert "0" in run(app, "tokens", "purge").output
    assert is_logged_in(client, credentials)


@pytest.mark.asvs("6.3.2")
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

    monkeypatch.setattr(grants, "end_all", locked)
    result = run(app, "user", "logout", USERNAME)
    assert_refused(result)
    assert "flask db upgrade" not in result.output


@pytest.mark.asvs("14.2.4")
def test_an_address_is_stored_encrypted_and_shown_to_its_owner(
    app: Flask, client: FlaskClient
) -> None:
    email = "Grace.O'Hara+x@example.org"
    assert create(app, NEW, "--email", email, password=GOOD_PASSWORD).exit_code == 0
    credentials = log_in(client, username=NEW, password=GOOD_PASSWORD)
    assert email in client.get(routes.ME, headers=credentials).text
    with app.app_context():
        stored = db.session.execute(text("SELECT email_encrypted FROM users")).scalars().all()
    assert any(stored)
    assert not any(b"example.org" in value for value in stored if value)


def test_on_a_terminal_it_asks_until_it_can_be_used_without_showing(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = SimpleNamespace(isatty=lambda: True)
    monkeypatch.setattr(commands, "sys", SimpleNamespace(stdin=terminal))
    refused = ["x" * (MIN_LENGTH - 1), f"{NEW} {GOOD_PASSWORD}", "\t" * MIN_LENGTH]
    typed = [each for each in (*refused, GOOD_PASSWORD) for _ in range(2)]
    asked = app.test_cli_runner().invoke(
        args=["user", "create", NEW], input="".join(f"{each}\n" for each in typed)
    )
    assert asked.exit_code == 0
    assert asked.output.startswith(f"Password ({MIN_LENGTH} characters or more): ")
    for words in (f"A password has {MIN_LENGTH} to", "must not contain your name", "not blank"):
        assert asked.stderr.count(words) == 1
    assert GOOD_PASSWORD not in asked.output
    assert logs_in(app.test_client(), NEW, GOOD_PASSWORD)
