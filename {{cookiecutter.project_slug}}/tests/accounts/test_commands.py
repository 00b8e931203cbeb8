"""`flask user …` and `flask tokens …`, as their caller sees them."""

from types import SimpleNamespace

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from app.accounts import commands
from app.auth import grants, tokens, users
from app.db import Model, db
from tests.conftest import PASSWORD, USERNAME, Wait, log_in

NEW, GOOD_PASSWORD = "grace", "seven owls in a well"
OTHER = "bob"

LENGTH = "Error: A password has 12 to 1024 characters.\n"
NAME = "Error: A password must not contain your name or the name of this service.\n"
PLAIN = "Error: Give a password that is not blank and has no control characters.\n"

UNUSABLE = {
    "short": ("short", LENGTH),
    "too long": ("x" * 1025, LENGTH),
    "their name": (f"{NEW.upper()} and seven owls", NAME),
    "project's name": ("in the garden shed", NAME),
    "blank": (" " * 12, PLAIN),
    "tab": ("tab\tin the password", PLAIN),
}


@pytest.fixture
def app(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """An app with two users, whose name no good password here contains."""
    monkeypatch.setitem(app.config, "PROJECT_NAME", "Garden Shed")
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
    answer = client.post("/login", json={"username": username, "password": password})
    return answer.status_code == 200


def is_alive(client: FlaskClient, credentials: dict[str, str]) -> bool:
    return client.get("/me", headers=credentials).status_code == 200


@pytest.mark.asvs("6.4.1")
def test_a_made_password_is_printed_and_works(app: Flask, client: FlaskClient) -> None:
    result = create(app, NEW)
    told, _, password = result.stdout.strip().partition(" with password ")
    assert told == f"Created user {NEW}"
    assert len(password) >= 20
    assert logs_in(client, NEW, password)


@pytest.mark.asvs("6.4.1")
def test_no_two_are_made_alike(app: Flask) -> None:
    assert create(app, "one").stdout.split()[-1] != create(app, "two").stdout.split()[-1]


def test_a_given_password_works_and_is_not_printed(app: Flask, client: FlaskClient) -> None:
    result = create(app, NEW, password=GOOD_PASSWORD)
    assert (result.exit_code, result.stdout) == (0, f"Created user {NEW}\n")
    assert logs_in(client, NEW, GOOD_PASSWORD)


def test_a_given_password_counts_to_its_last_space(app: Flask, client: FlaskClient) -> None:
    create(app, NEW, password=f" {GOOD_PASSWORD} ")
    assert not logs_in(client, NEW, GOOD_PASSWORD)
    assert logs_in(client, NEW, f" {GOOD_PASSWORD} ")


@pytest.mark.parametrize(("password", "words"), UNUSABLE.values(), ids=UNUSABLE)
def test_an_unusable_password_makes_no_user(
    app: Flask, client: FlaskClient, password: str, words: str
) -> None:
    result = create(app, NEW, password=password)
    assert (result.exit_code, result.output) == (1, words)
    assert not logs_in(client, NEW, password)


def test_no_password_at_all_makes_no_user(app: Flask) -> None:
    assert create(app, NEW, password="").exit_code == 1
    assert NEW not in run(app, "user", "list").output


def test_bytes_that_are_no_text_make_no_password(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "_ask_password", lambda from_stdin: "seven owls in a w\udcff")
    assert create(app, NEW).output == PLAIN


def test_bytes_that_are_no_text_name_nobody(app: Flask) -> None:
    result = run(app, "user", "logout", "n\udcff")
    assert (result.exit_code, result.output[:6]) == (1, "Error:")


@pytest.mark.parametrize("name", ["", " ", "new\nline", "x" * 151])
def test_an_unusable_name_is_told(app: Flask, name: str) -> None:
    result = create(app, name)
    assert (result.exit_code, result.output[:18]) == (1, "Error: Give a name")


def test_a_name_that_is_taken_is_told(app: Flask) -> None:
    result = create(app, USERNAME)
    assert result.exit_code == 1
    assert result.output == f"Error: There is a user '{USERNAME}' already.\n"


@pytest.mark.parametrize("command", ["password", "disable", "enable", "logout"])
def test_an_unknown_user_is_told(app: Flask, command: str) -> None:
    result = run(app, "user", command, "nobody")
    assert (result.exit_code, result.output) == (1, "Error: There is no user 'nobody'.\n")


def test_a_given_password_takes_the_place_of_the_old_one(app: Flask, client: FlaskClient) -> None:
    result = run(app, "user", "password", USERNAME, password=GOOD_PASSWORD)
    assert (result.exit_code, result.stdout) == (0, f"Changed the password of {USERNAME}\n")
    assert not logs_in(client, USERNAME, PASSWORD)
    assert logs_in(client, USERNAME, GOOD_PASSWORD)


@pytest.mark.asvs("6.4.3")
def test_a_made_password_takes_the_place_of_the_old_one(app: Flask, client: FlaskClient) -> None:
    result = run(app, "user", "password", USERNAME)
    told, _, password = result.stdout.strip().partition(" with password ")
    assert told == f"Changed the password of {USERNAME}"
    assert not logs_in(client, USERNAME, PASSWORD)
    assert logs_in(client, USERNAME, password)


def test_an_unusable_password_changes_nothing(
    app: Flask, client: FlaskClient, credentials: dict[str, str]
) -> None:
    result = run(app, "user", "password", USERNAME, password=f"for {USERNAME} alone")
    assert (result.exit_code, result.output) == (1, NAME)
    assert is_alive(client, credentials)
    assert logs_in(app.test_client(), USERNAME, PASSWORD)


@pytest.mark.asvs("7.4.2", "7.4.5")
@pytest.mark.parametrize("command", ["password", "disable", "logout"])
def test_all_logins_of_the_user_end_at_once_and_no_others(
    app: Flask, client: FlaskClient, credentials: dict[str, str], command: str
) -> None:
    second, other = app.test_client(), app.test_client()
    seconds, others = log_in(second), log_in(other, username=OTHER)
    assert run(app, "user", command, USERNAME).exit_code == 0
    assert not is_alive(client, credentials)
    assert not is_alive(second, seconds)
    assert is_alive(other, others)


def test_a_logged_out_user_can_log_in_again(app: Flask, client: FlaskClient) -> None:
    assert run(app, "user", "logout", USERNAME).stdout == f"Ended all logins of {USERNAME}\n"
    assert logs_in(client, USERNAME, PASSWORD)


def test_a_disabled_user_cannot_log_in_until_enabled(
    app: Flask, client: FlaskClient, credentials: dict[str, str]
) -> None:
    assert run(app, "user", "disable", USERNAME).stdout == f"Disabled {USERNAME}\n"
    assert not logs_in(app.test_client(), USERNAME, PASSWORD)
    assert logs_in(app.test_client(), OTHER, PASSWORD)
    assert run(app, "user", "enable", USERNAME).stdout == f"Enabled {USERNAME}\n"
    assert not is_alive(client, credentials)
    assert logs_in(client, USERNAME, PASSWORD)


@pytest.mark.parametrize("command", ["disable", "enable", "logout"])
def test_what_is_so_already_is_no_error(app: Flask, command: str) -> None:
    results = [run(app, "user", command, USERNAME) for _ in range(2)]
    assert [result.exit_code for result in results] == [0, 0]


def test_the_list_shows_logins_and_who_is_disabled(app: Flask) -> None:
    for _ in range(2):
        log_in(app.test_client())
    create(app, NEW)
    run(app, "user", "disable", OTHER)
    assert (
        run(app, "user", "list").output
        == f"{USERNAME}\t2 logins\n{OTHER}\tdisabled\n{NEW}\t0 logins\n"
    )


def test_the_list_leaves_out_logins_that_lay_idle(
    app: Flask, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "IDLE", 600)
    log_in(app.test_client())
    wait(600)
    assert f"{USERNAME}\t0 logins\n" in run(app, "user", "list").output


def test_a_purge_tells_how_many_it_deleted_and_keeps_the_rest(
    app: Flask, client: FlaskClient, credentials: dict[str, str], wait: Wait
) -> None:
    with app.app_context():
        user = users.find(USERNAME)
        assert user is not None
        for secret in ("one", "two"):
            grants.create(user, "test", secret, 1)
    wait(1)
    results = [run(app, "tokens", "purge") for _ in range(2)]
    assert [result.output for result in results] == ["Deleted 2 expired\n", "Deleted 0 expired\n"]
    assert is_alive(client, credentials)


@pytest.mark.parametrize(
    "command",
    ["user create eve", "user password eve", "user list", "user logout eve", "tokens purge"],
)
def test_without_tables_it_says_how_to_make_them(app: Flask, command: str) -> None:
    with app.app_context():
        Model.metadata.drop_all(db.engine)
    result = run(app, *command.split())
    words = "Error: The database has no tables, or old ones: run `flask db upgrade`.\n"
    assert (result.exit_code, result.output) == (1, words)


def test_a_database_that_is_locked_is_not_taken_for_an_empty_one(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(user: object, **options: object) -> None:
        raise OperationalError("DELETE", {}, Exception("database is locked"))

    monkeypatch.setattr(grants, "end_all", locked)
    result = run(app, "user", "logout", USERNAME)
    assert result.exit_code == 1
    assert "cannot be reached or is busy" in result.output


@pytest.mark.asvs("14.2.4")
def test_an_address_is_stored_encrypted_and_shown_to_its_owner(
    app: Flask, client: FlaskClient
) -> None:
    email = "Grace.O'Hara+x@example.org"
    assert create(app, NEW, "--email", email, password=GOOD_PASSWORD).exit_code == 0
    shown = client.get("/me", headers=log_in(client, username=NEW, password=GOOD_PASSWORD))
    assert shown.get_json()["email"] == email
    with app.app_context():
        stored = db.session.execute(text("SELECT email_encrypted FROM users")).scalars().all()
    assert not any(b"example.org" in value for value in stored if value)


@pytest.mark.parametrize(
    "email", ["", "grace", "@example.org", "grace@", "a b@example.org", "a@b\n", f"{'a' * 65}@b.c"]
)
def test_what_is_no_address_makes_no_user(app: Flask, email: str) -> None:
    result = create(app, NEW, "--email", email, password=GOOD_PASSWORD)
    assert result.output == "Error: Give an e-mail address like ada@example.org.\n"
    with app.app_context():
        assert users.find(NEW) is None


def test_on_a_terminal_it_asks_without_showing(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = SimpleNamespace(isatty=lambda: True)
    monkeypatch.setattr(commands, "sys", SimpleNamespace(stdin=terminal))
    asked = app.test_cli_runner().invoke(
        args=["user", "create", NEW], input=f"{GOOD_PASSWORD}\n" * 2
    )
    assert f"Created user {NEW}\n" in asked.output
    assert GOOD_PASSWORD not in asked.output
    assert logs_in(app.test_client(), NEW, GOOD_PASSWORD)
