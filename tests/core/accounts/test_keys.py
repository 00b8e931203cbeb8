"""Keys and old logins: who hears of a key, what ends it, and what neither of them changes."""

from collections.abc import Callable

import pytest
from flask import Flask
from secure_flask import accounts, create_api_key, current_user
from secure_flask.accounts import development_mails, recovery
from secure_flask.accounts.outbox import HOUR

from core import routes
from core.accounts.devices import STEP, add_passkey
from core.accounts.observing import stored_rows
from core.accounts.people import (
    ADDRESS,
    STRONG,
    add_user,
    mailed_token,
    new_login,
    operate,
    recipients,
    refused,
    request_of,
    status_of,
)
from core.accounts.site import User
from core.conftest import USERNAME, MakeApp, Wait, give_roles

NAME = "Nightly backup"


@pytest.fixture
def key(user: User) -> str:
    return str(create_api_key(NAME)["key"])


def is_open(app: Flask, key: str) -> bool:
    headers = {"Authorization": f"Bearer {key}"}
    return app.test_client().get(routes.ME, headers=headers).status_code == 200


def test_a_new_key_is_told_by_mail_which_does_not_hold_it(app: Flask, key: str, wait: Wait) -> None:
    [notice] = development_mails()
    assert (notice["To"], NAME in notice.get_content()) == (ADDRESS, True)
    assert key not in notice.as_string()
    with refused(409):
        create_api_key(NAME)
    assert recipients() == [ADDRESS]
    wait(HOUR)
    operate(app, "key", "create", USERNAME, "Of an operator")
    assert "Of an operator" in development_mails()[-1].get_content()


def test_no_character_in_the_name_of_a_key_turns_the_words_of_the_mail(user: User) -> None:
    create_api_key("Fatima\u2019s \u202e\u2066\u2028copy \u200d\u0628")
    [notice] = development_mails()
    assert "Fatima\u2019s ???copy \u200d\u0628" in notice.get_content()


def test_a_reset_of_the_password_ends_all_keys_and_a_new_factor_none(app: Flask, key: str) -> None:
    add_passkey()
    assert is_open(app, key)
    recovery.request_password_reset(ADDRESS)
    recovery.reset_password(mailed_token(), STRONG)
    assert not is_open(app, key)


def test_a_key_whose_login_had_no_factor_dies_with_a_role_that_demands_one(
    make_app: MakeApp,
) -> None:
    app = make_app(SECOND_FACTOR_ROLES=["admin"])
    with app.app_context():
        secret = new_login()
    with request_of(app, secret):
        key = str(create_api_key(NAME)["key"])
    assert is_open(app, key)
    give_roles(app, "admin")
    assert not is_open(app, key)


CHANGES: dict[str, Callable[[], object]] = {
    "change_name": lambda: accounts.change_name("eve"),
    "request_email_change": lambda: accounts.request_email_change("eve@example.org"),
    "begin_authenticator": accounts.begin_authenticator,
    "begin_passkey_registration": accounts.begin_passkey_registration,
    "remove_authenticator": accounts.remove_authenticator,
    "delete_passkey": lambda: accounts.delete_passkey("Phone"),
    "replace_recovery_codes": accounts.replace_recovery_codes,
    "personal_data": lambda: accounts.personal_data(current_user),
    "delete_account": lambda: accounts.delete_account(current_user),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_view_that_takes_keys_changes_no_account_by_one(app: Flask, key: str, name: str) -> None:
    """A view of an owner that is marked by mistake."""
    headers = {"Authorization": f"Bearer {key}"}
    with app.app_context(), app.test_request_context(routes.ME, headers=headers):
        assert current_user.name == USERNAME
        with refused(403):
            CHANGES[name]()


OF_RECENT_LOGINS: dict[str, Callable[[], object]] = {
    **CHANGES,
    "find_authenticator": lambda: accounts.find_authenticator("state"),
    "finish_authenticator": lambda: accounts.finish_authenticator("state", "123456"),
    "add_passkey": lambda: accounts.add_passkey("state", "{}", "laptop"),
}


@pytest.mark.asvs("7.5.1")
@pytest.mark.parametrize("name", OF_RECENT_LOGINS)
@pytest.mark.usefixtures("passkey", "secret")
def test_a_view_that_demands_no_recent_login_changes_no_account_by_an_old_one(
    app: Flask, wait: Wait, name: str
) -> None:
    wait(5 * 60 + 1 - STEP)
    before = stored_rows(app)
    assert status_of(OF_RECENT_LOGINS[name]) == 401
    assert stored_rows(app) == before


@pytest.mark.usefixtures("user")
def test_an_old_login_deletes_another_user(wait: Wait) -> None:
    """The view of an administrator decides how recent its login is."""
    other = add_user()
    # As templates ask.
    assert other.is_authenticated is True
    wait(5 * 60 + 1)
    assert status_of(accounts.delete_account, other) == 200
