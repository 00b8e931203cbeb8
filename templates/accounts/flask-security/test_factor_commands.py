"""`flask user factors` and `flask user list`: who has a second factor, and how it is removed."""

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from app.accounts.mail import mailbox
from app.accounts.pending import PendingStep
from app.auth import users
from app.db import Model, db
from tests.accounts.leaving import full_account
from tests.conftest import (
    PASSWORD,
    PRODUCTION,
    USERNAME,
    Lines,
    MakeApp,
    is_logged_in,
    log_in,
    stored_user,
)

OTHER = "bob"


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """An app with a user who has all factors, another without any, and no mail yet."""
    app = make_app()
    with app.app_context():
        users.create(OTHER, PASSWORD)
    full_account.fill(app)
    return app


def run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=["user", *arguments])


def test_factors_are_shown_and_stay(app: Flask) -> None:
    for _ in range(2):
        shown = run(app, "factors", USERNAME).stdout
        assert shown == (
            f"{USERNAME} has an authenticator app, recovery codes (1 left), the passkey 'Phone'\n"
        )
    assert run(app, "factors", OTHER).stdout == f"{OTHER} has no second factor\n"


def test_the_list_shows_who_has_a_second_factor(app: Flask) -> None:
    rows = [line.split("\t") for line in run(app, "list").stdout.splitlines()]
    shown = {row[0]: row[2] for row in rows}
    assert shown == {"NAME": "SECOND FACTOR", USERNAME: "yes", OTHER: "-"}


@pytest.mark.asvs("6.5.6")
def test_after_a_removal_the_password_is_enough(app: Flask, client: FlaskClient) -> None:
    assert run(app, "factors", USERNAME, "--remove").stdout.splitlines()[-1] == (
        f"{USERNAME} has no second factor"
    )
    assert is_logged_in(client, log_in(client))


@pytest.mark.asvs("6.5.6")
def test_a_removal_ends_logins_and_pending_steps(app: Flask, client: FlaskClient) -> None:
    with stored_user(app, OTHER) as user:
        user.webauthn.clear()
    others = log_in(client, username=OTHER)
    run(app, "factors", OTHER, "--remove")
    assert not is_logged_in(client, others)
    run(app, "factors", USERNAME, "--remove")
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(PendingStep)) == 0


@pytest.mark.asvs("6.3.7")
def test_the_user_is_told_of_a_removal(app: Flask) -> None:
    run(app, "factors", USERNAME, "--remove")
    [mail] = mailbox.messages(app)
    assert mail["To"] == full_account.EMAIL


def test_the_log_says_that_an_operator_changed_factors(make_app: MakeApp, lines: Lines) -> None:
    app = make_app(**PRODUCTION)
    lines()
    result = run(app, "factors", USERNAME, "--remove")
    assert result.exit_code == 0
    written = result.stderr.replace(" ", "")
    assert '"event":"user_updated"' in written
    assert '"change":"factors"' in written
    assert '"by":"commandline"' in written


def test_an_unknown_user_is_named(app: Flask) -> None:
    result = run(app, "factors", "nobody", "--remove")
    assert (result.exit_code, "'nobody'" in result.output) == (1, True)


def test_without_tables_it_says_how_to_make_them(make_app: MakeApp) -> None:
    app = make_app()
    with app.app_context():
        Model.metadata.drop_all(db.engine)
    for command in (["factors", USERNAME], ["list"]):
        result = run(app, *command)
        assert (result.exit_code, "flask db upgrade" in result.output) == (1, True)
