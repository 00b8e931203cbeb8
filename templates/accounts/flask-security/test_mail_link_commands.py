"""`flask user create` and `flask user password` where people log in by name or address."""

import re

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient

from app.accounts.links import mail_link_commands
from app.accounts.mail import mailbox
from app.auth import users
from tests import routes
from tests.conftest import PASSWORD, USERNAME, MakeApp, Wait, is_logged_in, log_in, stored_user

NEW, EMAIL = "grace", "grace@example.org"
ADA = "ada@example.org"
GOOD_PASSWORD = "seven owls in a well of ink, and one that went for a walk before dawn"


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """An app whose user has an address, and no mail yet."""
    app = make_app(login_rate_limit="1000 per minute")
    with stored_user(app) as user:
        user.email = ADA
    return app


def run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=["user", *arguments])


def link_in(app: Flask, recipient: str) -> str:
    """The path of the link that was mailed last."""
    mail = mailbox.messages(app)[-1]
    assert mail["To"] == recipient
    part = mail.get_body(("plain",))
    assert part is not None
    [path] = re.findall(r"http://localhost:8000(/\S+)", part.get_content())
    return str(path)


def set_password(client: FlaskClient, path: str) -> int:
    return client.post(path, json={"password": GOOD_PASSWORD}).status_code


def assert_refused(result: Result, words: str) -> None:
    """One sentence, and the exit code of a failure."""
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert result.output.count("\n") == 1
    assert words in result.output


@pytest.mark.asvs("6.4.1")
def test_a_new_user_sets_the_password_by_the_mailed_link_once(
    app: Flask, client: FlaskClient
) -> None:
    result = run(app, "create", NEW, "--email", EMAIL, "--mail-link")
    assert result.exit_code == 0
    assert "with password" not in result.output
    path = link_in(app, EMAIL)
    assert set_password(client, path) == 200
    assert log_in(client, username=NEW, password=GOOD_PASSWORD)
    assert set_password(client, path) == 404


def test_the_link_works_for_a_day(app: Flask, client: FlaskClient, wait: Wait) -> None:
    run(app, "create", NEW, "--email", EMAIL, "--mail-link")
    wait(mail_link_commands.LIFETIME - 1)
    assert client.get(link_in(app, EMAIL)).status_code == 200
    wait(1)
    assert client.get(link_in(app, EMAIL)).status_code == 404


@pytest.mark.asvs("7.4.5")
def test_the_old_password_and_all_logins_end_before_the_link_is_used(
    app: Flask, client: FlaskClient
) -> None:
    credentials = log_in(client)
    assert run(app, "password", USERNAME, "--mail-link").exit_code == 0
    assert not is_logged_in(client, credentials)
    old = {"username": USERNAME, "password": PASSWORD}
    assert client.post(routes.LOGIN, json=old).status_code == 401
    assert set_password(client, link_in(app, ADA)) == 200
    assert log_in(client, password=GOOD_PASSWORD)


def test_without_an_address_there_is_no_link_and_nothing_changes(
    app: Flask, client: FlaskClient
) -> None:
    assert run(app, "create", NEW, "--mail-link").exit_code == 2
    with stored_user(app) as user:
        user.email = None
    assert_refused(run(app, "password", USERNAME, "--mail-link"), "no e-mail address")
    assert log_in(client)
    assert mailbox.messages(app) == []


def test_a_link_and_a_password_at_once_are_refused(app: Flask) -> None:
    for arguments in (["create", NEW, "--email", EMAIL], ["password", USERNAME]):
        assert run(app, *arguments, "--mail-link", "--password-stdin").exit_code == 2
    with app.app_context():
        assert users.find(NEW) is None


def test_an_account_is_never_ambiguous(app: Flask, subtests: pytest.Subtests) -> None:
    for arguments, words in (
        ([EMAIL], "Must not contain @"),
        (["grace\uff20example.org", "--email", EMAIL], "Must not contain @"),
        (["gra\u200bce", "--email", EMAIL, "--mail-link"], "invisible"),
        ([NEW, "--email", ADA], f"'{USERNAME}' has this e-mail address"),
        ([NEW, "--email", ADA.upper(), "--mail-link"], f"'{USERNAME}' has this e-mail address"),
        (["", "--email", EMAIL, "--mail-link"], "Must have 1 to"),
        ([NEW, "--email", "grace", "--mail-link"], "Give an e-mail address"),
        ([USERNAME, "--email", EMAIL, "--mail-link"], "There is a user"),
    ):
        with subtests.test(words):
            assert_refused(run(app, "create", *arguments), words)
    with app.app_context():
        assert users.find(NEW) is None


def test_a_new_name_is_stored_in_its_normal_form(app: Flask, client: FlaskClient) -> None:
    result = run(app, "create", " \uff47race ", "--email", EMAIL)
    assert "Created user grace" in result.stdout
    password = result.stdout.split()[-1]
    assert log_in(client, username=NEW, password=password)


def test_without_the_option_a_password_is_printed_as_ever(app: Flask, client: FlaskClient) -> None:
    made = [
        run(app, "create", NEW, "--email", EMAIL).stdout.split()[-1],
        run(app, "password", NEW).stdout.partition("Changed")[2].split()[-1],
    ]
    assert log_in(client, username=NEW, password=made[-1])


def test_a_link_that_cannot_be_mailed_is_reported(make_app: MakeApp) -> None:
    app = make_app(mail_url="smtp://localhost:1")
    result = run(app, "create", NEW, "--email", EMAIL, "--mail-link")
    assert result.exit_code == 1
    assert "The mail was not sent" in result.output
    with app.app_context():
        assert users.find(NEW), "`flask user password NAME --mail-link` sends another link."


def test_a_password_is_changed_while_the_mail_server_is_away(make_app: MakeApp) -> None:
    app = make_app(mail_url="smtp://localhost:1")
    with stored_user(app) as user:
        user.email = ADA
    result = run(app, "password", USERNAME)
    assert result.exit_code == 0
    assert "Warning: The mail was not sent" in result.stderr
    old = {"username": USERNAME, "password": PASSWORD}
    assert app.test_client().post(routes.LOGIN, json=old).status_code == 401
