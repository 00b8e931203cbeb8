"""`flask user …`: users, passwords, roles and logins, as an operator and the users see them."""

import re
from io import StringIO
from types import SimpleNamespace
from uuid import uuid4

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient
from secure_flask.auth import logins, user_changes, user_commands, users
from secure_flask.auth.access import roles_required
from secure_flask.auth.logins import Login
from secure_flask.auth.users import Role, UserMixin
from secure_flask.database import Model, database, db
from sqlalchemy import Column, ForeignKey, Table, Uuid, insert, select, text, update

from core import routes
from core.conftest import (
    OWN_PAGE,
    PASSWORD,
    PRODUCTION,
    USERNAME,
    Configure,
    MakeApp,
    Wait,
    add_user,
    give_roles,
    is_logged_in,
    log_in,
    stored_user,
)
from core.keys.made_keys import is_open, new_key, number_of_keys
from core.standing_clock import clock
from core.statements import SIZES, statements_of
from core.users import User

NEW, OTHER = "grace", "bob"
GOOD_PASSWORD = "seven owls in a well of ink, and one that went for a walk before dawn"
EMAIL = "Grace.O'Hara+x@example.org"
PROJECT, MIN_LENGTH = "Garden Shed", 15
NO_ADDRESSES = ["", "grace", "@b.c", "grace@", "a b@example.org", "a@b\n", f"{'a' * 65}@b.c"]


@pytest.fixture
def app(app: Flask, configure: Configure) -> Flask:
    """An app with two users, whose name no good password here contains."""
    configure(app, PROJECT_NAME=PROJECT)
    configure(app, LOGIN_RATE_LIMIT="1000 per minute")
    add_user(app, OTHER)
    return app


def run(app: Flask, *arguments: str, password: str | None = None) -> Result:
    """Run `flask user …`, with the password on standard input if there is one."""
    given = None if password is None else password + "\n"
    return app.test_cli_runner().invoke(args=["user", *arguments], input=given)


def set_by_statement(app: Flask, **values: object) -> None:
    """Change the rows of all users as SQL does it, which the core does not see."""
    with app.app_context():
        db.session.connection().execute(update(User).values(values))
        db.session.commit()


def logs_in(client: FlaskClient, username: str, password: str) -> bool:
    body = {"username": username, "password": password}
    return client.post(routes.LOGIN, json=body, headers=OWN_PAGE).status_code == 200


def exists(app: Flask, name: str) -> bool:
    with app.app_context():
        return User.find(name) is not None


def roles_of(app: Flask, name: str = USERNAME) -> list[str]:
    with stored_user(app, name) as user:
        return list(user.role_names)


def rows(app: Flask) -> list[list[str]]:
    return [line.split("\t") for line in run(app, "list").output.splitlines()]


def assert_refused(result: Result) -> None:
    """One sentence, and the exit code of a failure."""
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert result.output.count("\n") == 1


def fill_users(app: Flask, number: int) -> None:
    """Add so many users at once, each with a role and a login."""
    ids = [uuid4() for _ in range(number)]
    now = int(clock.now())
    same = {"kind": "session", "created": now, "last_used": now, "expires": now + 60, "kept": False}
    with app.app_context():
        db.session.add(Role(id=7, name="reader"))
        db.session.flush()
        people = [
            {"id": user_id, "name": f"user{each:05}", "password_hash": "", "disabled": False}
            for each, user_id in enumerate(ids)
        ]
        db.session.execute(insert(User), people)
        has_role = [{"user_id": user_id, "role_id": 7} for user_id in ids]
        db.session.execute(insert(users.user_roles), has_role)
        db.session.execute(
            insert(Login), [{**same, "user_id": each, "secret_hash": each.bytes} for each in ids]
        )
        db.session.commit()


COMMANDS = ("password", f"email {EMAIL}", "disable", "enable", "logout", "delete", "roles admin")


def test_an_unknown_user_is_named(app: Flask, subtests: pytest.Subtests) -> None:
    for command in COMMANDS:
        with subtests.test(command=command):
            name, *more = command.split()
            result = run(app, name, "nobody", *more)
            assert_refused(result)
            assert "'nobody'" in result.output


@pytest.mark.parametrize("command", ["create eve", "list", f"roles {USERNAME}"])
def test_without_tables_it_says_how_to_make_them(app: Flask, command: str) -> None:
    with app.app_context():
        Model.metadata.drop_all(db.engine)
    result = run(app, *command.split())
    assert_refused(result)
    assert "flask db upgrade" in result.output


def test_the_log_says_what_an_operator_did_to_whom(make_app: MakeApp) -> None:
    app = make_app(**PRODUCTION)
    give_roles(app, "admin", "editor")
    commands = (f"create {NEW}", f"disable {NEW}", f"delete {NEW}", f"roles {USERNAME} editor")
    said = {command: run(app, *command.split()).stderr for command in commands}
    assert [each for each in said if '"by": "command line"' not in said[each]] == []
    assert [each for each in said if NEW in said[each]] == []
    assert '"roles": "editor"' in said[commands[-1]]


# Passwords.


@pytest.mark.asvs("6.4.1")
def test_a_made_password_is_printed_works_and_is_never_the_same(
    app: Flask, client: FlaskClient
) -> None:
    made = [run(app, "create", name).stdout.split()[-1] for name in (NEW, "eve")]
    assert made[0] != made[1]
    assert len(made[0]) >= 20
    assert logs_in(client, NEW, made[0])


@pytest.mark.parametrize("command", [("create", NEW), ("password", USERNAME)])
def test_no_password_is_made_where_one_is_given_or_expected(
    app: Flask, command: tuple[str, str], subtests: pytest.Subtests
) -> None:
    assert "of standard input\n" in run(app, *command, password=GOOD_PASSWORD).output
    # `echo "$PASSWORD" |` without that variable, and `cat missing-file |`.
    for arguments, given in (command, "\n"), ((*command, "--password-stdin"), ""):
        with subtests.test(arguments=arguments, given=given):
            result = app.test_cli_runner().invoke(args=["user", *arguments], input=given)
            assert_refused(result)
            assert f"Use at least {MIN_LENGTH} characters" in result.output


UNUSABLE = ["", f"{NEW.upper()} {GOOD_PASSWORD}", f"{GOOD_PASSWORD}\udcff"]


@pytest.mark.parametrize("password", UNUSABLE, ids=["none", "their name", "no text"])
def test_an_unusable_name_or_password_makes_no_user(
    app: Flask, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    for name in ("", " ", "new\nline", "x" * (users.MAX_NAME + 1), USERNAME):
        assert_refused(run(app, "create", name))
    monkeypatch.setattr(user_commands, "sys", SimpleNamespace(stdin=StringIO(f"{password}\n")))
    assert_refused(run(app, "create", NEW))
    assert not exists(app, NEW)


def test_a_given_password_with_the_name_or_address_of_its_user_is_refused(app: Flask) -> None:
    poor = f"{GOOD_PASSWORD} {EMAIL.partition('@')[0]}"
    assert_refused(run(app, "create", NEW, "--email", EMAIL, password=poor))
    assert run(app, "create", NEW, "--email", EMAIL).exit_code == 0
    for password in (poor, f"{GOOD_PASSWORD} {NEW}"):
        assert_refused(run(app, "password", NEW, password=password))


@pytest.mark.asvs("6.4.3")
def test_a_made_or_given_password_takes_the_place_of_the_old_one(
    app: Flask, client: FlaskClient
) -> None:
    assert_refused(run(app, "password", USERNAME, password="x"))
    assert logs_in(client, USERNAME, PASSWORD)
    made = run(app, "password", USERNAME).stdout.split()[-1]
    assert not logs_in(client, USERNAME, PASSWORD)
    assert logs_in(client, USERNAME, made)
    given = run(app, "password", USERNAME, password=f" {GOOD_PASSWORD} ")
    assert GOOD_PASSWORD not in given.output
    tried = (made, GOOD_PASSWORD, f" {GOOD_PASSWORD} ")
    assert [logs_in(client, USERNAME, each) for each in tried] == [False, False, True]


def test_on_a_terminal_it_asks_until_it_can_be_used_without_showing(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = SimpleNamespace(isatty=lambda: True)
    monkeypatch.setattr(user_commands, "sys", SimpleNamespace(stdin=terminal))
    refused = ["x" * (MIN_LENGTH - 1), f"{NEW} {GOOD_PASSWORD}", "\t" * MIN_LENGTH]
    typed = [each for each in (*refused, GOOD_PASSWORD) for _ in range(2)]
    asked = app.test_cli_runner().invoke(
        args=["user", "create", NEW], input="".join(f"{each}\n" for each in typed)
    )
    assert asked.exit_code == 0
    assert asked.output.startswith(f"Password ({MIN_LENGTH} characters or more): ")
    assert asked.stderr.count("Error: ") == len(refused)
    assert f"Use at least {MIN_LENGTH} characters" in asked.stderr
    assert GOOD_PASSWORD not in asked.output
    assert logs_in(app.test_client(), NEW, GOOD_PASSWORD)


# Addresses.


@pytest.mark.asvs("14.2.4")
def test_an_address_is_stored_encrypted_and_shown_to_its_owner(
    app: Flask, client: FlaskClient
) -> None:
    assert run(app, "create", NEW, "--email", EMAIL, password=GOOD_PASSWORD).exit_code == 0
    changed = run(app, "email", USERNAME, EMAIL)
    assert changed.stdout == f"Changed the e-mail address of {USERNAME}\n"
    logins = {
        name: log_in(client, username=name, password=password)
        for name, password in {NEW: GOOD_PASSWORD, USERNAME: PASSWORD}.items()
    }
    shown = {name: client.get(routes.ME, headers=logins[name]).get_json() for name in logins}
    assert {name: user["email"] for name, user in shown.items()} == dict.fromkeys(logins, EMAIL)
    with app.app_context():
        stored = db.session.execute(text("SELECT email_encrypted FROM users")).scalars().all()
    assert len([value for value in stored if value]) == 2
    assert not any(b"example.org" in value for value in stored if value)


def test_what_is_no_address_is_refused(app: Flask) -> None:
    for email in NO_ADDRESSES:
        assert_refused(run(app, "create", NEW, "--email", email, password=GOOD_PASSWORD))
        assert_refused(run(app, "email", USERNAME, email))
    assert not exists(app, NEW)
    with stored_user(app) as user:
        assert user.email is None


def test_a_class_without_an_address_takes_none(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    without = SimpleNamespace(find=lambda name: UserMixin)
    monkeypatch.setattr(user_commands, "user_class", lambda: without)
    assert_refused(run(app, "create", NEW, "--email", "a@b.c", password=GOOD_PASSWORD))
    assert_refused(run(app, "email", USERNAME, "a@b.c"))


# Logins.


def test_files_that_cannot_be_deleted_keep_their_user(app: Flask) -> None:
    def fail(user: User) -> None:
        raise OSError("The files are locked.")

    with user_changes.user_deleted.connected_to(fail):
        assert isinstance(run(app, "delete", USERNAME).exception, OSError)
    assert exists(app, USERNAME)


@pytest.mark.asvs("7.4.2", "7.4.5")
@pytest.mark.parametrize("command", ["logout", "disable", "password", "delete"])
def test_all_logins_of_the_user_end_at_once_and_no_others(app: Flask, command: str) -> None:
    here, there, other = (app.test_client() for _ in range(3))
    held = [(here, log_in(here)), (there, log_in(there))]
    others = log_in(other, username=OTHER)
    mine, theirs = new_key(app), new_key(app, to=OTHER)
    assert [is_logged_in(*login) for login in held] == [True, True]
    done = run(app, command, USERNAME)
    assert (done.exit_code, USERNAME in done.stdout) == (0, True)
    assert [is_logged_in(*login) for login in held] == [False, False]
    assert is_logged_in(other, others)
    # So do the keys.
    assert [is_open(app.test_client(), key) for key in (mine, theirs)] == [False, True]
    assert [exists(app, name) for name in (USERNAME, OTHER)] == [command != "delete", True]
    with app.app_context():
        assert len(db.session.scalars(select(Login)).all()) == 1
    if command == "disable":
        assert not logs_in(other, USERNAME, PASSWORD)
        assert run(app, "enable", USERNAME).stdout == f"Enabled {USERNAME}\n"
        assert [is_logged_in(*login) for login in held] == [False, False]
        assert logs_in(other, USERNAME, PASSWORD)


def test_disable_also_ends_the_logins_of_a_user_whom_a_statement_has_disabled(
    app: Flask, client: FlaskClient, credentials: dict[str, str]
) -> None:
    set_by_statement(app, disabled=True)
    assert run(app, "disable", USERNAME).exit_code == 0
    set_by_statement(app, disabled=False)
    assert not is_logged_in(client, credentials)


def test_a_row_that_the_database_keeps_is_said_and_the_user_stays(app: Flask) -> None:
    bills = Table("probe_bills", Model.metadata, Column("user_id", Uuid, ForeignKey("users.id")))
    try:
        with stored_user(app) as user:
            bills.create(db.engine)
            db.session.execute(bills.insert().values(user_id=user.id))
        result = run(app, "delete", USERNAME)
        assert_refused(result)
        assert "ondelete" in result.output
        assert exists(app, USERNAME)
    finally:
        with app.app_context():
            bills.drop(db.engine)
        Model.metadata.remove(bills)


@pytest.mark.asvs("6.3.2")
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
    app: Flask, wait: Wait, configure: Configure
) -> None:
    configure(app, LOGIN_IDLE=600)
    give_roles(app, "admin", "editor")
    log_in(app.test_client())
    wait(600)
    log_in(app.test_client())
    run(app, "disable", OTHER)
    # A name from elsewhere draws nothing on the terminal.
    add_user(app, "\x1b[2Jeve\t1")
    assert sorted(rows(app)) == [
        ["?[2Jeve?1", "0", "-"],
        ["NAME", "LOGINS", "ROLES"],
        [USERNAME, "1", "admin, editor"],
        [OTHER, "disabled", "-"],
    ]


@pytest.mark.parametrize("number", SIZES)
def test_a_list_of_many_users_is_read_page_by_page(app: Flask, number: int) -> None:
    fill_users(app, number)
    with statements_of(app) as counted:
        listed = rows(app)
    assert len(listed) == number + 3
    assert ["user00000", "1", "reader"] in listed
    assert max(counted.rows_of) <= database.PAGE
    assert len(counted.statements) <= number // database.PAGE + 2


@pytest.mark.parametrize("number", SIZES)
def test_all_logins_and_keys_of_everybody_end_in_three_statements(app: Flask, number: int) -> None:
    fill_users(app, number)
    with statements_of(app) as counted:
        ended = app.test_cli_runner().invoke(args=["logins", "end", "--yes"])
    assert f"Ended {number} logins" in ended.output
    assert counted.sizes == (3, 0)


@pytest.mark.asvs("7.4.5")
def test_all_logins_of_everybody_end_when_it_is_confirmed(make_app: MakeApp) -> None:
    app = make_app(**PRODUCTION)
    client = app.test_client()
    credentials = log_in(client)
    with stored_user(app) as user:
        logins.start_login(user, "session", "another")
    new_key(app)
    asked = app.test_cli_runner().invoke(args=["logins", "end"])
    assert (asked.exit_code, is_logged_in(client, credentials)) == (1, True)
    done = app.test_cli_runner().invoke(args=["logins", "end", "--yes"])
    assert done.stdout == "Ended 2 logins and 1 keys\n"
    assert (is_logged_in(client, credentials), number_of_keys(app)) == (False, 0)
    events = re.findall(r'"event": "(\w+)"', done.stderr)
    assert events == ["session_expired", "authn_token_revoked"]


# Roles.


def test_a_user_gets_exactly_the_roles_that_are_given(app: Flask) -> None:
    give_roles(app, "admin", "editor")
    assert run(app, "roles", OTHER).stdout == f"{OTHER} has no role\n"
    given = run(app, "roles", OTHER, "editor", "admin", "editor")
    assert f"Changed the roles of {OTHER}\n" in given.stdout
    assert roles_of(app, OTHER) == ["admin", "editor"]
    assert run(app, "roles", OTHER, "editor").stdout.endswith(f"{OTHER} has editor\n")
    assert (roles_of(app, OTHER), roles_of(app)) == (["editor"], ["admin", "editor"])


def test_all_roles_are_taken_away_only_by_asking_for_it(app: Flask) -> None:
    give_roles(app, "admin", "editor")
    both = run(app, "roles", USERNAME, "admin", "--none")
    assert (both.exit_code, roles_of(app)) == (2, ["admin", "editor"])
    assert run(app, "roles", USERNAME, "--none").stdout.endswith(f"{USERNAME} has no role\n")
    assert roles_of(app) == []


def test_a_role_that_a_view_demands_needs_no_other_step_and_another_is_refused(
    make_app: MakeApp,
) -> None:
    app = make_app()
    app.add_url_rule("/_test/staff", "staff", roles_required("probe-boss")(lambda: ""))
    assert run(app, "roles", USERNAME, "probe-boss").exit_code == 0
    result = run(app, "roles", USERNAME, "probe-bos")
    assert_refused(result)
    assert "'probe-bos'. The known ones are probe-boss." in result.output
    assert roles_of(app) == ["probe-boss"]
