"""Changes of the factors: who may make them, what ends with them, and who learns of them."""

from collections.abc import Callable
from functools import partial

import pytest
from flask import Flask
from secure_flask import accounts, db
from secure_flask.accounts import factor_changes, notices
from secure_flask.accounts.recovery_codes import NUMBER, RecoveryCode
from secure_flask.auth.logins import Login
from secure_flask.auth.users import replace_hash
from sqlalchemy import delete, func, select

from core.accounts.conftest import Request
from core.accounts.devices import (
    Passkey,
    add_app,
    add_passkey,
    enter_recovery_code,
    requests_at_once,
)
from core.accounts.observing import stored_rows
from core.accounts.people import logged, new_login, request_of, set_address, status_of, user_of
from core.accounts.site import User
from core.conftest import Configure, MakeApp, Wait, give_roles

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


@pytest.mark.asvs("2.3.3")
@of_each_change
@pytest.mark.usefixtures("passkey", "secret")
def test_a_factor_and_what_follows_change_together_or_not_at_all(
    change: str, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = factors_stored(app)
    fails(CHANGES[change], monkeypatch)
    assert factors_stored(app) == before


@pytest.mark.asvs("7.4.3")
@of_each_change
@pytest.mark.usefixtures("passkey", "secret")
def test_a_login_that_ends_at_the_same_moment_changes_no_factor(
    change: str, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end_meanwhile(user: User, new: str) -> bool:
        db.session.execute(delete(Login), execution_options={"synchronize_session": False})
        return replace_hash(user, new)

    before = factors_stored(app)[:3]
    monkeypatch.setattr(factor_changes, "replace_hash", end_meanwhile)
    assert status_of(CHANGES[change]) == 401
    assert factors_stored(app)[:3] == before


# Recovery codes.


def test_recovery_codes_come_with_the_first_factor_alone(user: User, wait: Wait) -> None:
    add_passkey()
    assert accounts.recovery_codes_left(user) == NUMBER
    first = stored_codes()
    add_passkey("laptop")
    add_app()
    assert stored_codes() == first


def stored_codes() -> list[bytes]:
    return sorted(db.session.scalars(select(RecoveryCode.code_hash)))


def test_without_a_factor_they_are_refused(user: User) -> None:
    assert status_of(accounts.replace_recovery_codes) == 409


@pytest.mark.asvs("6.5.6")
def test_who_removes_the_last_factor_keeps_no_recovery_code(user: User, secret: str) -> None:
    assert accounts.recovery_codes_left(user) == NUMBER
    accounts.remove_authenticator()
    assert (accounts.factors_of(user), user.totp_secret, accounts.recovery_codes_left(user)) == (
        [],
        None,
        0,
    )


def test_who_removes_the_app_beside_a_passkey_keeps_the_recovery_codes(
    user: User, secret: str, passkey: Passkey
) -> None:
    code, *_ = accounts.replace_recovery_codes()
    accounts.remove_authenticator()
    assert accounts.factors_of(user) == ["passkey", "recovery_code"]
    assert enter_recovery_code(code) == 200


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
