"""What the user of a login may change, whatever the view of an owner asks for."""

from collections.abc import Callable

import pytest
from flask import Flask
from secure_flask import accounts

from core.accounts.devices import STEP
from core.accounts.observing import stored_rows
from core.accounts.people import add_user, status_of
from core.accounts.site import User
from core.accounts.test_keys import CHANGES
from core.conftest import Wait

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
    wait(5 * 60 + 1)
    assert status_of(accounts.delete_account, other) == 200


def test_a_user_is_authenticated_as_templates_ask() -> None:
    assert User().is_authenticated is True
