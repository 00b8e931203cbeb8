"""An operator, who runs `flask …`."""

from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient

from core import routes

NEW = "grace"
GOOD_PASSWORD = "seven owls in a well of ink, and one that went for a walk before dawn"


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
