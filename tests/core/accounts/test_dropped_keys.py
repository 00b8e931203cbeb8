"""After the encryption keys leaked and were dropped at once: people log in, and end their logins."""

from collections.abc import Callable

import pytest
from flask import Flask
from secure_flask import change_password, list_logins, reauthenticate
from secure_flask.accounts import request_email_change, request_password_reset, worker
from secure_flask.crypto.encryption import ENCRYPTION_KEYS
from secure_flask.settings import keyrings
from secure_flask.state import app_state

from core.accounts.ceremonies import SECOND, use
from core.accounts.devices import Passkey, add_app, begin_login, code_of, enter_code
from core.accounts.people import (
    ADDRESS,
    OTHER,
    STRONG,
    add_user,
    new_login,
    operate,
    recipients,
    request_of,
    set_address,
)
from core.accounts.site import User
from core.conftest import PASSWORD, Wait

Drop = Callable[[], None]


@pytest.fixture
def drop_keys(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Drop:
    """A function that drops all keys of the app, and gives it a new one."""
    ring = keyrings.read_numbered_keyring(keyrings.new_key("99"))
    return lambda: monkeypatch.setitem(app_state(app), ENCRYPTION_KEYS, ring)


def test_an_authenticator_app_is_still_asked_for_and_its_codes_are_wrong(
    app: Flask, secret: str, passkey: Passkey, drop_keys: Drop
) -> None:
    begun = begin_login()
    drop_keys()
    with request_of(app):
        half = begin_login()
        assert [enter_code(code_of(secret), each) for each in (begun, half)] == [401, 401]
        assert use(SECOND, passkey, half) == 200
    assert reauthenticate(PASSWORD)["tf_required"]


def test_people_see_their_logins_and_change_password_and_address(
    user: User, drop_keys: Drop
) -> None:
    drop_keys()
    assert [login["client"] for login in list_logins()] == [None]
    change_password(PASSWORD, STRONG)
    request_email_change("new@example.org")
    assert "new@example.org" in recipients()


def test_operators_list_log_out_and_delete(app: Flask, drop_keys: Drop) -> None:
    with app.app_context():
        set_address(ADDRESS)
        login = new_login()
    with request_of(app, login):
        add_app()
    drop_keys()
    assert "missing" in operate(app, "crypto", "status")
    for command in ("list", "factors ada", "logout ada", "disable ada", "delete ada"):
        operate(app, "user", *command.split())


def test_a_mail_that_does_not_decrypt_keeps_no_other_back(
    app: Flask, user: User, drop_keys: Drop, wait: Wait
) -> None:
    request_password_reset(ADDRESS)
    drop_keys()
    add_user(OTHER, "bob@example.org")
    request_password_reset("bob@example.org")
    assert recipients() == ["bob@example.org"]
    wait(worker.KEPT_NOTICE + 1)
    recipients()
    # Nobody tries again what nobody can read.
    assert worker.count_waiting_mails() == 0
