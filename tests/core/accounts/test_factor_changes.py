"""Changes of the factors, by users and operators: what ends with them, and who learns of them."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from secure_flask import Role, accounts, db, log_in
from secure_flask.accounts import development_mails, factor_changes, half_login_factors, notices
from secure_flask.accounts.recovery_codes import NUMBER, RecoveryCode
from secure_flask.auth.logins import Login
from secure_flask.auth.users import ACCOUNT_RULES, replace_hash
from secure_flask.state import app_state
from sqlalchemy import delete, func, select

from core.accounts.conftest import Request
from core.accounts.devices import (
    Passkey,
    add_app,
    add_passkey,
    begin_login,
    enter_recovery_code,
    requests_at_once,
)
from core.accounts.observing import stored_rows
from core.accounts.people import (
    ADDRESS,
    OTHER,
    add_user,
    logged,
    new_login,
    request_of,
    run_command,
    set_address,
    status_of,
    user_of,
)
from core.accounts.site import User
from core.conftest import PASSWORD, USERNAME, Configure, MakeApp, Wait, give_roles, is_logged_in
from core.conftest import log_in as log_in_by_json

HOUR = 60 * 60
# The key is the subject of the notice that the user gets.
CHANGES: dict[str, Callable[[], object]] = {
    "An authenticator app was added": add_app,
    "The recovery codes were replaced": accounts.replace_recovery_codes,
    "A passkey was added": partial(add_passkey, "laptop"),
    "A passkey was deleted": partial(accounts.delete_passkey, "phone"),
    "The authenticator app was removed": accounts.remove_authenticator,
}
of_each_change = pytest.mark.parametrize("change", CHANGES)


def factors_stored(app: Flask) -> list[object]:
    rows = stored_rows(app)
    return [rows[table] for table in ("users", "recovery_codes", "passkeys", "logins")]


@pytest.mark.asvs("6.3.7", "7.4.3")
@of_each_change
@pytest.mark.usefixtures("passkey", "secret")
def test_a_change_ends_all_other_logins_and_is_mailed_and_logged(
    change: str, app: Flask, wait: Wait, caplog: pytest.LogCaptureFixture
) -> None:
    # Notices of one hour are joined.
    wait(HOUR)
    mails = len(accounts.development_mails())
    new_login()
    with request_of(app, new_login()):
        caplog.clear()
        CHANGES[change]()
        assert db.session.scalar(select(func.count()).select_from(Login)) == 1
    [mail] = accounts.development_mails()[mails:]
    assert change in mail.get_content()
    assert [each["change"] for each in logged(caplog, "user_updated")] == [change]


def test_the_mail_about_a_change_has_the_owners_words(make_app: MakeApp) -> None:
    app = make_app(TEXTS={"An authenticator app was added": "Neue App"})
    with app.app_context():
        set_address("ada@example.org")
        login = new_login()
    with request_of(app, login):
        add_app()
        assert "Neue App" in accounts.development_mails()[-1].get_content()


def fails(change: Callable[[], object], patch: pytest.MonkeyPatch) -> None:
    with patch.context() as broken:
        broken.setattr(notices, "factors_changed", lambda *given: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            change()
    db.session.rollback()


@pytest.mark.asvs("2.3.3", "7.4.3")
@of_each_change
@pytest.mark.usefixtures("passkey", "secret")
def test_a_factor_and_what_follows_change_together_or_not_at_all_nor_where_the_login_ended(
    change: str, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end_meanwhile(user: User, new: str) -> bool:
        db.session.execute(delete(Login), execution_options={"synchronize_session": False})
        return replace_hash(user, new)

    before = factors_stored(app)
    fails(CHANGES[change], monkeypatch)
    assert factors_stored(app) == before
    monkeypatch.setattr(factor_changes, "replace_hash", end_meanwhile)
    assert status_of(CHANGES[change]) == 401
    assert factors_stored(app)[:3] == before[:3]


# Recovery codes.


def test_recovery_codes_come_with_the_first_factor_alone(user: User, wait: Wait) -> None:
    add_passkey()
    assert accounts.recovery_codes_left(user) == NUMBER
    first = stored_codes()
    add_passkey("tablet")
    add_app()
    assert stored_codes() == first


def stored_codes() -> list[bytes]:
    return sorted(db.session.scalars(select(RecoveryCode.code_hash)))


@pytest.mark.asvs("6.5.6")
def test_recovery_codes_stay_beside_another_factor_and_go_with_the_last_one(
    user: User, secret: str, passkey: Passkey
) -> None:
    code, *_ = accounts.replace_recovery_codes()
    accounts.remove_authenticator()
    assert accounts.factors_of(user) == ["passkey", "recovery_code"]
    assert enter_recovery_code(code) == 200
    accounts.delete_passkey("phone")
    left = (accounts.factors_of(user), user.totp_secret, accounts.recovery_codes_left(user))
    assert left == ([], None, 0)
    assert status_of(accounts.replace_recovery_codes) == 409


# A role that demands a factor.


def test_of_whom_a_role_demands_a_factor_the_last_one_stays(
    app: Flask, user: User, secret: str, configure: Configure
) -> None:
    add_passkey()
    demand_factor(app, configure)
    accounts.remove_authenticator()
    # Recovery codes are no factor that may stay alone.
    assert status_of(accounts.delete_passkey, "phone") == 409
    add_app()
    accounts.delete_passkey("phone")
    assert status_of(accounts.remove_authenticator) == 409
    assert accounts.factors_of(user) == ["authenticator", "recovery_code"]


@pytest.mark.asvs("2.3.4")
def test_of_two_factors_removed_at_once_one_stays_where_a_role_demands_it(
    file_app: Flask, of_user: Request, configure: Configure
) -> None:
    with of_user():
        add_app()
        add_passkey()
        db.session.query(Login).update({"second_factor": True})
        db.session.commit()
    demand_factor(file_app, configure)

    removals: list[Callable[[], None]] = [
        accounts.remove_authenticator,
        partial(accounts.delete_passkey, "phone"),
    ]
    statuses = requests_at_once(of_user, lambda number: status_of(removals[number % 2]))
    assert 409 in statuses
    with of_user():
        assert accounts.factors_of(user_of())


def demand_factor(app: Flask, configure: Configure) -> None:
    configure(app, SECOND_FACTOR_ROLES=["boss"])
    give_roles(app, "boss")


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


@pytest.mark.slow
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
