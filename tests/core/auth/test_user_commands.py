"""`flask user …`: users, passwords, roles and logins, as an operator and the users see them."""

from io import StringIO
from types import SimpleNamespace

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient
from secure_flask.auth import logins, operator_passwords, passwords, roles, user_commands, users
from secure_flask.auth.access import roles_required
from secure_flask.auth.login_table import Login
from secure_flask.auth.passwords import MAX_LENGTH
from secure_flask.auth.roles import user_roles
from secure_flask.auth.users import UserMixin
from secure_flask.database import Model, db
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from core import routes
from core.conftest import (
    OWN_PAGE,
    PASSWORD,
    PRODUCTION,
    USERNAME,
    Lines,
    MakeApp,
    Wait,
    give_roles,
    is_logged_in,
    log_in,
    stored_user,
)
from core.site import User

NEW, OTHER = "grace", "bob"
GOOD_PASSWORD = "seven owls in a well of ink, and one that went for a walk before dawn"
EMAIL = "Grace.O'Hara+x@example.org"
PROJECT, MIN_LENGTH = "Garden Shed", 12
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
        users.create_user(OTHER, PASSWORD)
    return app


def run(app: Flask, *arguments: str, password: str | None = None) -> Result:
    """Run `flask user …`, with the password on standard input if there is one."""
    arguments = arguments if password is None else (*arguments, "--password-stdin")
    given = None if password is None else password + "\n"
    return app.test_cli_runner().invoke(args=["user", *arguments], input=given)


def logs_in(client: FlaskClient, username: str, password: str) -> bool:
    body = {"username": username, "password": password}
    return client.post(routes.LOGIN, json=body, headers=OWN_PAGE).status_code == 200


def exists(app: Flask, name: str) -> bool:
    with app.app_context():
        return User.find(name) is not None


def roles_of(app: Flask, name: str = USERNAME) -> list[str]:
    with stored_user(app, name) as user:
        return user.role_names


def rows(app: Flask) -> list[list[str]]:
    return [line.split("\t") for line in run(app, "list").output.splitlines()]


def assert_refused(result: Result) -> None:
    """One sentence, and the exit code of a failure."""
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert result.output.count("\n") == 1


COMMANDS = {
    "password": [],
    "email": [EMAIL],
    "disable": [],
    "enable": [],
    "logout": [],
    "delete": [],
    "roles": ["admin"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_user_is_named(app: Flask, command: str) -> None:
    result = run(app, command, "nobody", *COMMANDS[command])
    assert_refused(result)
    assert "'nobody'" in result.output


def test_bytes_that_are_no_text_name_nobody(app: Flask) -> None:
    assert_refused(run(app, "logout", "n\udcff"))


def test_without_tables_it_says_how_to_make_them(app: Flask, subtests: pytest.Subtests) -> None:
    with app.app_context():
        Model.metadata.drop_all(db.engine)
    for command in ("create eve", "list", f"roles {USERNAME}"):
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
    result = run(app, "logout", USERNAME)
    assert_refused(result)
    assert "flask db upgrade" not in result.output


def test_the_log_says_what_an_operator_did_to_whom(make_app: MakeApp, lines: Lines) -> None:
    app = make_app(**PRODUCTION)
    give_roles(app, "admin", "editor")
    for command in (f"create {NEW}", f"disable {NEW}", f"delete {NEW}", f"roles {USERNAME} editor"):
        said = run(app, *command.split()).stderr
        assert '"by": "command line"' in said
        assert NEW not in said
    assert '"change": "roles"' in said
    assert '"roles": "editor"' in said


# Passwords.


def test_a_made_password_is_printed_works_and_is_never_the_same(
    app: Flask, client: FlaskClient
) -> None:
    made = [run(app, "create", name).stdout.split()[-1] for name in (NEW, "eve")]
    assert made[0] != made[1]
    assert len(made[0]) >= 20
    assert logs_in(client, NEW, made[0])


def test_a_given_password_works_to_its_last_space_and_is_not_printed(
    app: Flask, client: FlaskClient
) -> None:
    result = run(app, "create", NEW, password=f" {GOOD_PASSWORD} ")
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
        words = {case: passwords.why_refused(each, NEW) for case, each in unusable.items()}
    unusable |= {"blank": " " * MIN_LENGTH, "a tab": f"{GOOD_PASSWORD}\t"}
    for case, password in unusable.items():
        with subtests.test(case):
            result = run(app, "create", NEW, password=password)
            assert_refused(result)
            assert (words.get(case) or "") in result.output
            assert not exists(app, NEW)


def test_bytes_that_are_no_text_make_no_password(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = StringIO(f"{GOOD_PASSWORD}\udcff\n")
    monkeypatch.setattr(operator_passwords, "sys", SimpleNamespace(stdin=given))
    assert_refused(run(app, "create", NEW, "--password-stdin"))


def test_an_unusable_name_makes_no_user(app: Flask, subtests: pytest.Subtests) -> None:
    for name in ("", " ", "new\nline", "x" * (users.MAX_NAME + 1), USERNAME):
        with subtests.test(name):
            assert_refused(run(app, "create", name))


def test_a_made_or_given_password_takes_the_place_of_the_old_one(
    app: Flask, client: FlaskClient
) -> None:
    unusable = f"{GOOD_PASSWORD} {USERNAME}"
    assert_refused(run(app, "password", USERNAME, password=unusable))
    assert logs_in(client, USERNAME, PASSWORD)
    made = run(app, "password", USERNAME).stdout.split()[-1]
    assert not logs_in(client, USERNAME, PASSWORD)
    assert logs_in(client, USERNAME, made)
    given = run(app, "password", USERNAME, password=GOOD_PASSWORD)
    assert GOOD_PASSWORD not in given.output
    assert not logs_in(client, USERNAME, made)
    assert logs_in(client, USERNAME, GOOD_PASSWORD)


def test_on_a_terminal_it_asks_until_it_can_be_used_without_showing(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = SimpleNamespace(isatty=lambda: True)
    monkeypatch.setattr(operator_passwords, "sys", SimpleNamespace(stdin=terminal))
    refused = ["x" * (MIN_LENGTH - 1), f"{NEW} {GOOD_PASSWORD}", "\t" * MIN_LENGTH]
    typed = [each for each in (*refused, GOOD_PASSWORD) for _ in range(2)]
    asked = app.test_cli_runner().invoke(
        args=["user", "create", NEW], input="".join(f"{each}\n" for each in typed)
    )
    assert asked.exit_code == 0
    assert asked.output.startswith(f"Password ({MIN_LENGTH} characters or more): ")
    assert asked.stderr.count("Error: ") == len(refused)
    with app.app_context():
        for password in refused[:2]:
            assert str(passwords.why_refused(password, NEW)) in asked.stderr
    assert GOOD_PASSWORD not in asked.output
    assert logs_in(app.test_client(), NEW, GOOD_PASSWORD)


# Addresses.


def test_an_address_is_stored_encrypted_and_shown_to_its_owner(
    app: Flask, client: FlaskClient, subtests: pytest.Subtests
) -> None:
    assert run(app, "create", NEW, "--email", EMAIL, password=GOOD_PASSWORD).exit_code == 0
    assert run(app, "email", USERNAME, EMAIL).exit_code == 0
    for name, password in {NEW: GOOD_PASSWORD, USERNAME: PASSWORD}.items():
        with subtests.test(name):
            credentials = log_in(client, username=name, password=password)
            assert client.get(routes.ME, headers=credentials).get_json()["email"] == EMAIL
    with app.app_context():
        stored = db.session.execute(text("SELECT email_encrypted FROM users")).scalars().all()
    assert len([value for value in stored if value]) == 2
    assert not any(b"example.org" in value for value in stored if value)


def test_what_is_no_address_is_refused(app: Flask, subtests: pytest.Subtests) -> None:
    for email in NO_ADDRESSES:
        with subtests.test(email):
            assert_refused(run(app, "create", NEW, "--email", email, password=GOOD_PASSWORD))
            assert not exists(app, NEW)
            assert_refused(run(app, "email", USERNAME, email))
    with stored_user(app) as user:
        assert user.email is None


def test_a_class_without_an_address_takes_none(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    without = SimpleNamespace(find=lambda name: UserMixin)
    monkeypatch.setattr(user_commands, "user_class", lambda: without)
    assert_refused(run(app, "create", NEW, "--email", "a@b.c", password=GOOD_PASSWORD))
    assert_refused(run(app, "email", USERNAME, "a@b.c"))


# Logins.


def test_all_logins_of_the_user_end_at_once_and_no_others(
    app: Flask, subtests: pytest.Subtests
) -> None:
    other = app.test_client()
    others = log_in(other, username=OTHER)
    for command in ("logout", "disable", "password", "delete"):
        with subtests.test(command):
            with stored_user(app) as user:
                user.disabled = False
                user.password_hash = passwords.hash_password(PASSWORD)
            clients = [app.test_client() for _ in range(2)]
            held = [(client, log_in(client)) for client in clients]
            assert [is_logged_in(*login) for login in held] == [True, True]
            assert run(app, command, USERNAME).exit_code == 0
            assert [is_logged_in(*login) for login in held] == [False, False]
            assert is_logged_in(other, others)


def test_a_deleted_user_leaves_nothing_behind(app: Flask, client: FlaskClient) -> None:
    give_roles(app, "admin")
    log_in(client)
    assert run(app, "delete", USERNAME).stdout == f"Deleted {USERNAME}\n"
    assert not logs_in(client, USERNAME, PASSWORD)
    with app.app_context():
        for table in (Login.__table__, user_roles):
            assert db.session.execute(select(table)).all() == []
        assert [role.name for role in roles.stored()] == ["admin"]
        assert User.find(OTHER) is not None


def test_a_disabled_user_cannot_log_in_until_enabled(
    app: Flask, client: FlaskClient, credentials: dict[str, str]
) -> None:
    run(app, "disable", USERNAME)
    assert not logs_in(app.test_client(), USERNAME, PASSWORD)
    assert logs_in(app.test_client(), OTHER, PASSWORD)
    run(app, "enable", USERNAME)
    assert not is_logged_in(client, credentials)
    assert logs_in(client, USERNAME, PASSWORD)


def test_a_new_database_has_no_user(make_app: MakeApp) -> None:
    app = make_app()
    with app.app_context():
        Model.metadata.drop_all(db.engine)
    upgraded = app.test_cli_runner().invoke(args=["db", "upgrade"])
    assert upgraded.exit_code == 0
    listed = run(app, "list")
    # Other tests make their tables without migrations.
    assert app.test_cli_runner().invoke(args=["db", "downgrade", "base"]).exit_code == 0
    assert (listed.exit_code, listed.output.count("\n")) == (0, 1), "A migration makes a user."


def test_the_list_shows_live_logins_who_is_disabled_and_roles(
    app: Flask, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "LOGIN_IDLE", 600)
    give_roles(app, "admin", "editor")
    log_in(app.test_client())
    wait(600)
    log_in(app.test_client())
    run(app, "create", NEW)
    run(app, "disable", OTHER)
    assert rows(app) == [
        ["NAME", "LOGINS", "ROLES"],
        [USERNAME, "1", "admin, editor"],
        [OTHER, "disabled", "-"],
        [NEW, "0", "-"],
    ]


def test_a_name_from_elsewhere_draws_nothing_on_the_terminal(app: Flask) -> None:
    with app.app_context():
        users.create_user("\x1b[2Jeve\t1", PASSWORD)
    assert rows(app)[1] == ["?[2Jeve?1", "0", "-"]


# Roles.


def test_without_roles_it_shows_them_and_changes_nothing(app: Flask) -> None:
    give_roles(app, "admin", "editor")
    assert run(app, "roles", USERNAME).stdout == f"{USERNAME} has admin, editor\n"
    assert run(app, "roles", OTHER).stdout == f"{OTHER} has no role\n"
    assert roles_of(app) == ["admin", "editor"]


def test_a_user_gets_exactly_the_roles_that_are_given(app: Flask) -> None:
    give_roles(app, "admin", "editor")
    assert run(app, "roles", OTHER, "editor", "admin", "editor").exit_code == 0
    assert roles_of(app, OTHER) == ["admin", "editor"]
    assert run(app, "roles", OTHER, "editor").stdout == f"{OTHER} has editor\n"
    assert roles_of(app, OTHER) == ["editor"]
    assert roles_of(app) == ["admin", "editor"]


def test_a_new_role_needs_a_new_login_and_one_less_does_not(
    app: Flask, client: FlaskClient
) -> None:
    """A login by password alone must not get what a second factor protects."""
    give_roles(app, "admin", "editor")
    credentials = log_in(client)
    run(app, "roles", USERNAME, "admin")
    assert is_logged_in(client, credentials)
    other = app.test_client()
    others = log_in(other, username=OTHER)
    assert "Ended all logins" in run(app, "roles", USERNAME, "admin", "editor").stdout
    assert not is_logged_in(client, credentials)
    assert is_logged_in(other, others)


def test_all_roles_are_taken_away_only_by_asking_for_it(app: Flask) -> None:
    give_roles(app, "admin", "editor")
    both = run(app, "roles", USERNAME, "admin", "--none")
    assert (both.exit_code, roles_of(app)) == (2, ["admin", "editor"])
    assert run(app, "roles", USERNAME, "--none").stdout == f"{USERNAME} has no role\n"
    assert roles_of(app) == []


def test_a_role_that_a_view_demands_needs_no_other_step(make_app: MakeApp) -> None:
    app = make_app()
    app.add_url_rule("/_test/staff", "staff", roles_required("probe-boss")(lambda: ""))
    assert run(app, "roles", USERNAME, "probe-boss").exit_code == 0
    assert roles_of(app) == ["probe-boss"]


def test_an_unknown_role_is_refused_with_the_known_ones(app: Flask) -> None:
    give_roles(app, "admin", "editor")
    result = run(app, "roles", USERNAME, "admin", "editr")
    assert_refused(result)
    assert "'editr'" in result.output
    assert "admin, editor" in result.output
    assert roles_of(app) == ["admin", "editor"]
    with app.app_context():
        assert [role.name for role in roles.stored()] == ["admin", "editor"]


def test_a_role_that_another_makes_meanwhile_is_no_crash(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_roles(app, "admin")
    monkeypatch.setattr(roles, "stored", lambda: [])
    monkeypatch.setattr("secure_flask.auth.route_table.demanded_roles", lambda app: {"admin"})
    assert_refused(run(app, "roles", OTHER, "admin"))
    assert roles_of(app, OTHER) == []
