"""`flask user factors`: an operator sees and removes factors, and invites to set up the first."""

from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import Role, db
from secure_flask.accounts.steps import Step
from secure_flask.auth.authentication import SECOND_FACTOR
from secure_flask.state import app_state
from sqlalchemy import select

from views.accounts.devices import Passkey, add_recovery_codes
from views.accounts.people import ADDRESS, Headers, begin_login, delivered, send
from views.conftest import (
    PRODUCTION,
    USERNAME,
    MakeApp,
    add_user,
    is_logged_in,
    log_in,
)


def run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=["user", "factors", *arguments])


def test_factors_are_shown_and_stay(
    app: Flask, client: FlaskClient, credentials: Headers, secret: str, passkey: Passkey
) -> None:
    add_recovery_codes(client, credentials)
    for _ in range(2):
        shown = run(app, USERNAME).stdout
        listed = "an authenticator app, recovery codes (8 left), the passkey 'phone'"
        assert shown == f"{USERNAME} has {listed}\n"
    add_user(app, "bob")
    assert run(app, "bob").stdout == "bob has no second factor\n"


@pytest.mark.asvs("6.3.7", "6.5.6")
def test_after_a_removal_the_password_is_enough_and_old_logins_have_ended(
    app: Flask,
    client: FlaskClient,
    credentials: Headers,
    secret: str,
    passkey: Passkey,
    stranger: FlaskClient,
) -> None:
    add_recovery_codes(client, credentials)
    half = begin_login(stranger)
    assert run(app, USERNAME, "--remove").stdout == f"{USERNAME} has no second factor\n"
    assert not is_logged_in(client, credentials)
    assert send(stranger, "/wan-second", {**half}).status_code == 401
    assert is_logged_in(stranger, log_in(stranger))
    mail = delivered(app)[-1]
    assert (mail["To"], "An operator removed" in str(mail["Subject"])) == (ADDRESS, True)


@pytest.mark.asvs("6.3.3")
def test_a_login_in_flight_gets_no_role_that_demands_another_factor(
    file_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(file_app.config, "SECOND_FACTOR_ROLES", ["boss"])
    with file_app.app_context():
        db.session.add(Role(name="boss"))
        db.session.commit()
    asked_of = app_state(file_app)[SECOND_FACTOR]
    with ThreadPoolExecutor() as threads:
        granted: list[Future[Result]] = []

        def grant_meanwhile(user: Any) -> Any:
            asked = asked_of(user)
            names = ["user", "roles", USERNAME, "boss"]
            granted.append(threads.submit(file_app.test_cli_runner().invoke, args=names))
            # It waits for the login, which must not wait for it.
            wait(granted, timeout=1)
            return asked

        monkeypatch.setitem(app_state(file_app), SECOND_FACTOR, grant_meanwhile)
        client = file_app.test_client()
        credentials = log_in(client)
        assert granted[0].result().exit_code == 0
    assert not is_logged_in(client, credentials)


def test_the_log_says_that_an_operator_removed_factors_or_invited(make_app: MakeApp) -> None:
    app = make_app(**PRODUCTION)
    for option, change in (("--remove", "factors"), ("--invite", "invitation")):
        written = run(app, USERNAME, option).stderr.replace(" ", "")
        assert '"event":"user_updated"' in written
        assert f'"change":"{change}"' in written
        assert '"by":"commandline"' in written


def test_an_invitation_is_printed_and_stored_as_a_hash(app: Flask) -> None:
    shown = run(app, USERNAME, "--invite").stdout
    assert shown.startswith("Invitation code: ")
    code = shown.split()[2]
    assert len(code) * 6 >= 128
    with app.app_context():
        assert code not in str(db.session.execute(select(Step.__table__)).all())


@pytest.mark.parametrize("option", ["--remove", "--invite"])
def test_an_unknown_user_is_named(option: str, app: Flask) -> None:
    result = run(app, "nobody", option)
    assert (result.exit_code, "'nobody'" in result.output) == (1, True)
