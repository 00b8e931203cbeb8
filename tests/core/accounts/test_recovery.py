"""Recovery: who reads the mails of an account sets a new password, and nobody else."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from secure_flask import db
from secure_flask.accounts import confirm_registration, find_password_reset, notices, steps
from secure_flask.accounts.mail_limits import AGAIN
from secure_flask.accounts.recovery import LIFETIME, request_password_reset, reset_password
from secure_flask.accounts.registration import request_registration
from secure_flask.auth import passwords
from secure_flask.auth.logins import Login
from secure_flask.auth.users import NO_PASSWORD
from sqlalchemy import select, update

from core.accounts.people import (
    ADDRESS,
    EMAIL,
    NAME,
    STRONG,
    THIEF,
    has_password,
    mailed_token,
    operate,
    recipients,
    refused,
    request_of,
    set_address,
    status_of,
)
from core.accounts.site import User
from core.conftest import PASSWORD, USERNAME, Wait


def reset_token() -> str:
    request_password_reset(ADDRESS)
    return mailed_token()


@pytest.fixture
def token(user: User) -> str:
    """The secret of the link that the user gets who forgot the password."""
    return reset_token()


def reset(token: str, password: str = STRONG) -> int:
    return status_of(reset_password, token, password)


def serves(token: str) -> bool:
    """Whether the link opens its page and sets a password, which have to agree."""
    page, done = status_of(find_password_reset, token), reset(token, THIEF)
    assert page == done
    return done == 200


@pytest.mark.asvs("6.4.3")
def test_only_the_owner_of_an_enabled_account_gets_a_mail(user: User, wait: Wait) -> None:
    # To the address that was proven, not as it was typed now.
    for address in ("nobody@example.org", "none@localhost", ADDRESS.upper()):
        request_password_reset(address)
    assert recipients() == [ADDRESS]
    user.disabled = True
    db.session.commit()
    wait(AGAIN)
    request_password_reset(ADDRESS)
    assert recipients() == [ADDRESS]


@pytest.mark.usefixtures("stranger")
def test_the_reset_mail_of_an_open_registration_is_its_confirm_link() -> None:
    """Who never confirmed gets in all the same."""
    request_registration(NAME, EMAIL, STRONG)
    first = mailed_token()
    request_password_reset(EMAIL)
    link = mailed_token()
    assert link != first
    confirm_registration(link, password=None, new_password=THIEF)
    assert has_password(NAME, THIEF)


@pytest.mark.asvs("6.4.3", "14.2.1")
def test_the_link_serves_once_and_for_an_hour_and_ends_all_logins(token: str, wait: Wait) -> None:
    assert [reset(token), has_password(USERNAME), serves(token)] == [200, True, False]
    assert db.session.scalars(select(Login)).all() == []
    late = reset_token()
    wait(LIFETIME)
    assert not serves(late)


@pytest.mark.parametrize(
    "change",
    [
        # As where its mail was being sent meanwhile, or code of the owner changed the address.
        lambda app: set_address("new@example.org"),
        # The reader of a former mailbox may be somebody else by now.
        lambda app: operate(app, "user", "email", USERNAME, "ada@example.com"),
    ],
)
def test_another_address_ends_the_links_to_the_former_one(
    change: Callable[[Flask], object], app: Flask, token: str
) -> None:
    change(app)
    with request_of(app):
        assert not serves(token)


def test_who_has_no_password_any_more_gets_no_link_and_sets_none_by_an_earlier_one(
    user: User, token: str, wait: Wait
) -> None:
    """Such a user logs in elsewhere, and a password would still serve after that login is gone."""
    user.password_hash = NO_PASSWORD
    db.session.commit()
    wait(AGAIN)
    request_password_reset(ADDRESS)
    assert recipients() == [ADDRESS]  # the earlier one
    assert not serves(token)
    assert not user.has_password


def test_a_poor_password_leaves_the_link(token: str) -> None:
    for poor in ("too short", f"{STRONG} {ADDRESS.partition('@')[0]}"):
        with refused(400, "password"):
            reset_password(token, poor)
    assert serves(token)


@pytest.mark.parametrize("step", [(notices, "password_changed"), (steps, "use_step")])
def test_password_and_logins_change_together_or_not_at_all(
    step: tuple[object, str], token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(*step, lambda *given: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            reset_password(token, STRONG)
    db.session.rollback()
    assert (has_password(USERNAME), len(db.session.scalars(select(Login)).all())) == (False, 1)
    assert serves(token)


def test_a_link_whose_password_was_not_stored_says_so_and_serves_again(
    token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a login at the same moment renewed the hash of former parameters."""
    hash_new_password = passwords.hash_new_password

    def renewed_meanwhile(*arguments: Any, **options: Any) -> str:
        renewed = update(User).values(password_hash=passwords.hash_password(PASSWORD))
        db.session.execute(renewed, execution_options={"synchronize_session": False})
        db.session.commit()
        return hash_new_password(*arguments, **options)

    with monkeypatch.context() as ended:
        ended.setattr(steps, "use_step", lambda step: False)
        # Nor does a later commit store the password, which `status_of` makes.
        assert reset(token) == 404
    assert has_password(USERNAME, PASSWORD)
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(passwords, "hash_new_password", renewed_meanwhile)
        assert reset(token) == 404
    assert has_password(USERNAME, PASSWORD)
    assert reset(token) == 200
