"""`flask key …`: an operator makes, lists and ends keys; `flask check` names forgotten ones."""

import json
from datetime import UTC, datetime

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient
from secure_flask.auth import user_changes
from secure_flask.auth.logins import DAY
from secure_flask.database import db
from sqlalchemy import text

from core.checks.conftest import MakeSite, found_in
from core.conftest import PRODUCTION, Configure, MakeApp, Wait, give_roles, stored_user
from core.keys.made_keys import ask, is_open, new_key, number_of_keys, stored_key

CHECK = "api-keys.unused"


def run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=["key", *arguments])


def test_create_prints_the_key_alone_and_takes_days_and_roles(
    app: Flask, client: FlaskClient, wait: Wait
) -> None:
    """`KEY=$(flask key create ada Backup)` works."""
    done = run(app, "create", "ada", "Nightly backup")
    assert done.exit_code == 0
    assert is_open(client, done.stdout.removesuffix("\n"))
    row = stored_key(app)
    assert (row.name, row.expires - row.created) == ("Nightly backup", 90 * DAY)
    give_roles(app, "admin", "editor")
    key = run(app, "create", "ada", "Backup", "--days", "1", "--role", "editor").stdout.strip()
    assert ask(client, key).get_json()["roles"] == ["editor"]
    wait(DAY)
    assert not is_open(client, key)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nobody", "Backup"], "There is no user 'nobody'."),
        (["ada", " "], "A name has 1 to 80 characters, on one line."),
        (["ada", "Backup", "--days", "366"], "366 is not in the range 1<=x<=365."),
        (["ada", "Backup", "--role", "admin"], "A key has only roles of its user."),
    ],
)
def test_create_says_what_is_wrong(app: Flask, arguments: list[str], said: str) -> None:
    done = run(app, "create", *arguments)
    assert done.exit_code > 0
    assert said in done.output
    assert number_of_keys(app) == 0


def test_create_makes_no_dead_key_that_would_rise_again(app: Flask) -> None:
    with stored_user(app) as user:
        user.disabled = True
    done = run(app, "create", "ada", "Backup")
    assert done.exit_code == 1
    assert done.stderr == "Error: The user 'ada' is disabled, so no key would count.\n"
    assert number_of_keys(app) == 0


@pytest.fixture
def bob(app: Flask, configure: Configure) -> Flask:
    """An app with a user who has no password, and whose logins last for a day and a half."""
    configure(app, LOGIN_LIFETIME=3 * DAY // 2)
    with app.app_context():
        user_changes.create_user("bob")
    return app


@pytest.mark.parametrize(("days", "lifetime"), [([], 3 * DAY // 2), (["--days", "1"], DAY)])
def test_create_makes_a_key_as_long_as_a_login_for_a_user_without_a_password(
    bob: Flask, days: list[str], lifetime: int
) -> None:
    longer = run(bob, "create", "bob", "Backup", "--days", "2")
    assert (longer.exit_code, number_of_keys(bob)) == (1, 0)
    assert "has no password, so a key lasts only as long as a login, 129600 sec" in longer.stderr
    assert "Leave --days out, or set a password: .venv/bin/flask user password bob" in longer.stderr
    assert run(bob, "create", "bob", "Backup", *days).exit_code == 0
    row = stored_key(bob)
    assert row.expires - row.created == lifetime
    shown = run(bob, "list", "bob").output.splitlines()[1].split("\t")[2]
    assert shown == datetime.fromtimestamp(row.expires, UTC).strftime("%Y-%m-%d")


def test_list_shows_what_an_operator_decides_by_and_no_key(app: Flask, client: FlaskClient) -> None:
    give_roles(app, "editor")
    used = new_key(app, name="A\u202e used one")
    new_key(app, "editor", name="B new")
    ask(client, used)
    heading, first, second = run(app, "list", "ada").output.splitlines()
    assert heading == "ID\tNAME\tEXPIRES\tLAST USED\tROLES"
    key_id, name, expires, last, roles = first.split("\t")
    assert key_id in used
    assert (name, roles) == ("A? used one", "-")
    assert expires > last > "2026"
    assert second.split("\t")[1::2] == ["B new", "never"]
    assert second.endswith("\teditor")
    assert used not in first
    # A project may disable users by itself, and then the rows are there still.
    with stored_user(app) as user:
        user.disabled = True
    assert run(app, "list", "ada").output.splitlines() == [heading]


def test_end_takes_the_id_which_the_key_itself_shows(app: Flask, client: FlaskClient) -> None:
    key = new_key(app)
    key_id = key.split("_")[1]
    assert run(app, "end", key_id).stdout == f"Ended the key {key_id}\n"
    assert not is_open(client, key)
    again = run(app, "end", key_id)
    assert again.exit_code == 1
    assert again.stderr == f"Error: There is no key with the id '{key_id}'.\n"


def test_the_log_says_that_an_operator_did_it(make_app: MakeApp) -> None:
    app = make_app(**PRODUCTION)
    made = run(app, "create", "ada", "Backup")
    key_id = made.stdout.split("_")[1]
    logged = map(json.loads, [made.stderr, run(app, "end", key_id).stderr])
    assert [(line["event"], line["by"], line["key"]) for line in logged] == [
        ("authn_token_created", "command line", key_id),
        ("authn_token_revoked", "command line", key_id),
    ]


def id_of(key: str) -> str:
    return key.split("_")[1]


def test_keys_that_were_not_used_for_90_days_are_named(app: Flask, wait: Wait) -> None:
    new, used, unused = (
        new_key(app, name=name, expires_in=365 * DAY) for name in ("new", "used", "unused")
    )
    new_key(app, name="expired", expires_in=DAY)
    client = app.test_client()
    assert [ask(client, key).status_code for key in (used, unused)] == [200, 200]
    wait(89 * DAY)
    assert ask(client, used).status_code == 200
    assert found_in(app, CHECK) == []
    wait(DAY)
    [message] = found_in(app, CHECK)
    assert [id_of(key) in message for key in (new, used, unused)] == [True, False, True]
    assert not any(key in message for key in (new, unused))
    for number in range(9):
        new_key(app, name=str(number), expires_in=365 * DAY)
    wait(90 * DAY)
    [message] = found_in(app, CHECK)
    assert (message.count(","), message.endswith(" and more.")) == (9, True)


def test_without_tables_it_finds_nothing(make_migrated: MakeSite) -> None:
    app = make_migrated()
    with app.app_context():
        db.session.execute(text("DROP TABLE user_api_keys"))
        db.session.commit()
    assert found_in(app, CHECK) == []
