"""`flask user create`, as its caller sees it."""

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import USERNAME

NEW, GOOD_PASSWORD = "grace", "correct horse battery"


def create(app: Flask, *arguments: str, password: str | None = None) -> Result:
    """Run `flask user create …`, with the password on standard input if there is one."""
    arguments = arguments if password is None else (*arguments, "--password-stdin")
    given = None if password is None else password + "\n"
    return app.test_cli_runner().invoke(args=["user", "create", *arguments], input=given)


def logs_in(client: FlaskClient, username: str, password: str) -> bool:
    answer = client.post("/login", json={"username": username, "password": password})
    return answer.status_code == 200


def test_a_made_password_is_printed_and_works(app: Flask, client: FlaskClient) -> None:
    result = create(app, NEW)
    told, _, password = result.output.strip().partition(" with password ")
    assert told == f"Created user {NEW}"
    assert len(password) >= 20
    assert logs_in(client, NEW, password)


def test_no_two_are_made_alike(app: Flask) -> None:
    assert create(app, "one").output.split()[-1] != create(app, "two").output.split()[-1]


def test_a_given_password_works_and_is_not_printed(app: Flask, client: FlaskClient) -> None:
    result = create(app, NEW, password=GOOD_PASSWORD)
    assert result.output == f"Created user {NEW}\n"
    assert logs_in(client, NEW, GOOD_PASSWORD)


@pytest.mark.parametrize("password", ["", "short", "tab\tin the password", " " * 12, "x" * 1025])
def test_an_unusable_password_makes_no_user(app: Flask, client: FlaskClient, password: str) -> None:
    result = create(app, NEW, password=password)
    assert (result.exit_code, result.output[:21]) == (1, "Error: Give a passwor")
    assert not password.strip() or password not in result.output
    assert not logs_in(client, NEW, password)


@pytest.mark.parametrize("name", ["", " ", "new\nline", "x" * 151])
def test_an_unusable_name_is_told(app: Flask, name: str) -> None:
    result = create(app, name)
    assert (result.exit_code, result.output[:18]) == (1, "Error: Give a name")


def test_a_name_that_is_taken_is_told(app: Flask) -> None:
    result = create(app, USERNAME)
    assert result.exit_code == 1
    assert result.output == f"Error: There is a user '{USERNAME}' already.\n"
