"""The first factor that a role demands: only an invitation of an operator lets a user set it up."""

import pytest
from flask import Flask
from secure_flask import accounts, db, log_in
from secure_flask.accounts import half_logins, recovery, steps
from secure_flask.accounts.authenticator import AuthenticatorSetup
from secure_flask.accounts.second_step import (
    INVITATION,
    INVITATION_LIFETIME,
    WRONG_INVITATION,
    make_invitation,
)
from secure_flask.auth.logins import Login
from sqlalchemy import Delete, Update, delete, select, update
from werkzeug.exceptions import HTTPException

from core.accounts.devices import (
    STEP,
    begin_login,
    code_of,
    enter_code,
    enter_recovery_code,
    wrong_code_of,
)
from core.accounts.people import (
    ADDRESS,
    OTHER,
    STRONG,
    add_user,
    mailed_token,
    run_command,
    status_of,
    user_of,
)
from core.conftest import PASSWORD, USERNAME, Wait

pytestmark = pytest.mark.usefixtures("demanding", "stranger")


def accept(code: str, half: str = "") -> int:
    return status_of(accounts.accept_factor_invitation, code, half or begin_login())


def invited(code: str) -> tuple[AuthenticatorSetup, str]:
    """A setup of who entered the password and an invitation, and their half login."""
    half = begin_login()
    accounts.accept_factor_invitation(code, half)
    return accounts.begin_authenticator(half), half


def finish(setup: AuthenticatorSetup, half: str, code: str = "") -> int:
    return status_of(
        accounts.finish_authenticator, setup.state, code or code_of(setup.secret), half
    )


@pytest.mark.asvs("6.3.3", "6.4.1")
def test_the_first_factor_of_a_demanded_role_needs_the_invitation_of_an_operator(
    wait: Wait,
) -> None:
    begun = log_in(USERNAME, PASSWORD)
    half = str(begun["tf_token"])
    assert begun["factors"] == []
    # Whoever knows the password alone sets up nothing.
    assert status_of(accounts.begin_authenticator, half) == 401
    assert [accept(wrong, half) for wrong in ("x", code_of("A" * 32))] == [403, 403]
    accounts.accept_factor_invitation(f" {make_invitation(user_of())} ", half)
    setup = accounts.begin_authenticator(half)
    assert finish(setup, half, wrong_code_of(setup.secret)) == 400
    done = accounts.finish_authenticator(setup.state, code_of(setup.secret), half)
    assert db.session.scalars(select(Login.second_factor)).all() == [True]
    wait(STEP)
    assert enter_code(code_of(setup.secret)) == 200
    assert enter_recovery_code(done["recovery_codes"][0]) == 200


@pytest.mark.asvs("6.3.6", "6.4.3")
def test_after_a_mailed_reset_the_password_alone_sets_up_nothing() -> None:
    recovery.request_password_reset(ADDRESS)
    recovery.reset_password(mailed_token(), STRONG)
    assert status_of(accounts.begin_authenticator, begin_login(STRONG)) == 401


@pytest.mark.asvs("6.4.1")
def test_of_two_half_logins_with_one_invitation_one_sets_up_a_factor() -> None:
    code = make_invitation(user_of())
    first, second = invited(code), invited(code)
    assert [finish(*first), finish(*second)] == [200, 401]
    assert user_of().totp_secret == first[0].secret


@pytest.mark.asvs("6.4.1")
def test_a_wrong_and_a_used_one_that_of_another_user_and_that_of_last_week_are_refused(
    app: Flask, wait: Wait
) -> None:
    used, late = (make_invitation(user_of()) for _ in range(2))
    accounts.finish_authenticator(*setup_of(used))
    run_command(app, "user", "factors", USERNAME, "--remove")
    theirs = make_invitation(add_user(OTHER))
    assert [accept(code) for code in (used, theirs, "made up")] == [403] * 3
    wait(INVITATION_LIFETIME)
    assert accept(late) == 403


def setup_of(code: str) -> tuple[str, str, str]:
    """What finishes a setup by this invitation."""
    setup, half = invited(code)
    return setup.state, code_of(setup.secret), half


def test_one_serves_again_until_the_first_code_of_an_app(wait: Wait) -> None:
    """As where the page was left, or the phone was lost."""
    code = make_invitation(user_of())
    left, half = invited(code)
    assert finish(left, half, wrong_code_of(left.secret)) == 400
    wait(half_logins.LIFETIME)
    assert finish(*invited(code)) == 200
    assert accept(code) == 403


@pytest.mark.parametrize(
    "gone", [delete(steps.Step), update(steps.Step).values(expires=0)], ids=["used", "expired"]
)
def test_one_that_ends_before_the_first_code_sets_up_nothing(gone: Delete | Update) -> None:
    setup, half = invited(make_invitation(user_of()))
    db.session.execute(gone.where(steps.Step.purpose == INVITATION))
    db.session.commit()
    with pytest.raises(HTTPException, match=WRONG_INVITATION):
        accounts.finish_authenticator(setup.state, code_of(setup.secret), half)
    db.session.rollback()
    assert (accounts.factors_of(user_of()), accounts.recovery_codes_left(user_of())) == ([], 0)
    assert begin_login()


def test_one_lets_nobody_past_a_factor_that_is_there() -> None:
    accounts.finish_authenticator(*setup_of(make_invitation(user_of())))
    half = begin_login()
    accounts.accept_factor_invitation(make_invitation(user_of()), half)
    assert status_of(accounts.begin_authenticator, half) == 401
