"""`flask user factors`: an operator sees and removes factors, and invites to set up the first."""

from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from secure_flask import Role, db, log_in
from secure_flask.accounts import development_mails, half_login_factors
from secure_flask.auth.logins import Login
from secure_flask.auth.users import ACCOUNT_RULES
from secure_flask.state import app_state
from sqlalchemy import select

from core.accounts.devices import begin_login
from core.accounts.observing import stored_rows
from core.accounts.people import (
    ADDRESS,
    OTHER,
    add_user,
    logged,
    request_of,
    run_command,
    status_of,
)
from core.conftest import PASSWORD, USERNAME, Configure, is_logged_in
from core.conftest import log_in as log_in_by_json


def run(app: Flask, *arguments: str) -> Result:
    return run_command(app, "user", "factors", *arguments)


@pytest.mark.usefixtures("secret", "passkey")
def test_factors_are_shown_and_stay(app: Flask) -> None:
    listed = "an authenticator app, recovery codes (8 left), the passkey 'phone'"
    assert [run(app, USERNAME).stdout for _ in range(2)] == [f"{USERNAME} has {listed}\n"] * 2
    add_user()
    assert run(app, OTHER).stdout == f"{OTHER} has no second factor\n"


@pytest.mark.asvs("6.3.7", "6.5.6")
@pytest.mark.usefixtures("secret", "passkey")
def test_after_a_removal_the_password_is_enough_and_old_logins_have_ended(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    half = begin_login()
    caplog.clear()
    assert run(app, USERNAME, "--remove").stdout == f"{USERNAME} has no second factor\n"
    assert changes_by_operators(caplog) == ["factors"]
    with request_of(app):
        assert status_of(half_login_factors, half) == 401
        assert db.session.scalars(select(Login)).all() == []
        assert log_in(USERNAME, PASSWORD)["token_type"] == "session"
        mail = development_mails()[-1]
    says_who = "An operator removed" in mail.get_content()
    assert (mail["To"], says_who) == (ADDRESS, True)


@pytest.mark.asvs("6.3.3")
def test_a_login_in_flight_gets_no_role_that_demands_another_factor(
    file_app: Flask, monkeypatch: pytest.MonkeyPatch, configure: Configure
) -> None:
    configure(file_app, SECOND_FACTOR_ROLES=["boss"])
    with file_app.app_context():
        db.session.add(Role(name="boss"))
        db.session.commit()
    rules = app_state(file_app)[ACCOUNT_RULES]
    with ThreadPoolExecutor() as threads:
        granted: list[Future[Result]] = []

        def grant_meanwhile(user: Any) -> Any:
            asked = rules.second_step_of(user)
            names = ("user", "roles", USERNAME, "boss")
            granted.append(threads.submit(run_command, file_app, *names))
            # It waits for the login, which must not wait for it.
            wait(granted, timeout=1)
            return asked

        granting = replace(rules, second_step_of=grant_meanwhile)
        monkeypatch.setitem(app_state(file_app), ACCOUNT_RULES, granting)
        client = file_app.test_client()
        credentials = log_in_by_json(client)
        assert granted[0].result().exit_code == 0
    assert not is_logged_in(client, credentials)


def test_an_invitation_is_printed_and_logged_and_stored_as_a_hash(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    shown = run(app, USERNAME, "--invite").stdout
    code = shown.splitlines()[0].removeprefix("Invitation code: ")
    assert len(code) * 6 >= 128
    assert code not in str(stored_rows(app))
    assert changes_by_operators(caplog) == ["invitation"]
    unknown = run(app, "nobody", "--invite")
    assert (unknown.exit_code, "'nobody'" in unknown.output) == (1, True)


def changes_by_operators(caplog: pytest.LogCaptureFixture) -> list[str]:
    lines = logged(caplog, "user_updated")
    assert {line["by"] for line in lines} == {"command line"}
    return [line["change"] for line in lines]
