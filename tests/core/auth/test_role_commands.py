"""`flask user roles`, as its caller sees it."""

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient
from secure_flask.auth import roles, users
from secure_flask.auth.access import roles_required
from secure_flask.database import Model, db

from core.conftest import (
    PASSWORD,
    USERNAME,
    Lines,
    MakeApp,
    give_roles,
    is_logged_in,
    log_in,
    stored_user,
)

OTHER = "bob"


@pytest.fixture
def app(app: Flask) -> Flask:
    """An app with two users; the one of the other tests has roles."""
    with app.app_context():
        users.create_user(OTHER, PASSWORD)
    give_roles(app, "admin", "editor")
    return app


def run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=["user", *arguments])


def roles_of(app: Flask, name: str = USERNAME) -> list[str]:
    with stored_user(app, name) as user:
        return user.role_names


def assert_refused(result: Result) -> None:
    """One sentence, and the exit code of a failure."""
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert result.output.count("\n") == 1


def test_without_roles_it_shows_them_and_changes_nothing(app: Flask) -> None:
    assert run(app, "roles", USERNAME).stdout == f"{USERNAME} has admin, editor\n"
    assert run(app, "roles", OTHER).stdout == f"{OTHER} has no role\n"
    assert roles_of(app) == ["admin", "editor"]


def test_a_user_gets_exactly_the_roles_that_are_given(app: Flask) -> None:
    assert run(app, "roles", OTHER, "editor", "admin", "editor").exit_code == 0
    assert roles_of(app, OTHER) == ["admin", "editor"]
    assert run(app, "roles", OTHER, "editor").stdout == f"{OTHER} has editor\n"
    assert roles_of(app, OTHER) == ["editor"]
    assert roles_of(app) == ["admin", "editor"]


def test_a_new_role_needs_a_new_login_and_one_less_does_not(
    app: Flask, client: FlaskClient
) -> None:
    """A login by password alone must not get what a second factor protects."""
    credentials = log_in(client)
    run(app, "roles", USERNAME, "admin")
    assert is_logged_in(client, credentials)
    assert "Ended all logins" in run(app, "roles", USERNAME, "admin", "editor").stdout
    assert not is_logged_in(client, credentials)
    # A login of somebody else stays.
    others = log_in(client, username=OTHER)
    run(app, "roles", USERNAME, "--none")
    run(app, "roles", USERNAME, "admin")
    assert is_logged_in(client, others)


def test_all_roles_are_taken_away_only_by_asking_for_it(app: Flask) -> None:
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
    result = run(app, "roles", USERNAME, "admin", "editr")
    assert_refused(result)
    assert "'editr'" in result.output
    assert "admin" in result.output
    assert "editor" in result.output
    assert roles_of(app) == ["admin", "editor"]
    with app.app_context():
        assert [role.name for role in roles.stored()] == ["admin", "editor"]


def test_an_unknown_user_is_named(app: Flask) -> None:
    result = run(app, "roles", "nobody", "admin")
    assert_refused(result)
    assert "'nobody'" in result.output


def test_a_role_that_another_makes_meanwhile_is_no_crash(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roles, "stored", lambda: [])
    monkeypatch.setattr("secure_flask.auth.route_table.demanded_roles", lambda app: {"admin"})
    assert_refused(run(app, "roles", OTHER, "admin"))
    assert roles_of(app, OTHER) == []


def test_the_list_shows_roles(app: Flask) -> None:
    rows = [line.split("\t") for line in run(app, "list").output.splitlines()]
    shown = {row[0]: row[-1] for row in rows}
    assert shown == {"NAME": "ROLES", USERNAME: "admin, editor", OTHER: "-"}


def test_the_log_says_which_roles_a_user_has_now(make_app: MakeApp, lines: Lines) -> None:
    app = make_app(app_env="production", trusted_hosts=["localhost"])
    give_roles(app, "admin", "editor")
    lines()
    result = run(app, "roles", USERNAME, "editor")
    assert result.exit_code == 0
    assert '"change":"roles"' in result.stderr.replace(" ", "")
    assert '"roles":"editor"' in result.stderr.replace(" ", "")


def test_without_tables_it_says_how_to_make_them(app: Flask) -> None:
    with app.app_context():
        Model.metadata.drop_all(db.engine)
    result = run(app, "roles", USERNAME)
    assert_refused(result)
    assert "flask db upgrade" in result.output
