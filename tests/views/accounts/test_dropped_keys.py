"""After the encryption keys leaked and were dropped at once: people log in, and end their logins."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask.accounts import worker
from secure_flask.crypto.keyring import ENCRYPTION_KEYS
from secure_flask.settings import keyrings
from secure_flask.state import app_state

from core import routes
from core.accounts.devices import code_of
from views.accounts.devices import (
    WAN_SECOND,
    Passkey,
    add_passkey,
    assert_refused,
    login_of,
    send_code,
    use,
)
from views.accounts.people import ADDRESS, RESET, Headers, begin_login, delivered, send
from views.conftest import LOGIN, OWN_PAGE, PASSWORD, Wait, add_user, is_logged_in

NEW = "seven owls sit in a deep dry well"
Drop = Callable[[], None]


@pytest.fixture
def drop_keys(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Drop:
    """A function that drops all keys of the app, and gives it a new one."""
    ring = keyrings.read_numbered_keyring(keyrings.new_key("99"))
    return lambda: monkeypatch.setitem(app_state(app), ENCRYPTION_KEYS, ring)


def run(app: Flask, *arguments: str) -> str:
    result = app.test_cli_runner().invoke(args=arguments)
    assert result.exit_code == 0, result.output
    return result.output


def test_an_authenticator_app_is_still_asked_for_and_its_codes_are_wrong(
    client: FlaskClient, credentials: Headers, secret: str, stranger: FlaskClient, drop_keys: Drop
) -> None:
    key: Passkey = add_passkey(client, credentials)
    begun = begin_login(stranger)
    drop_keys()
    assert_refused(send_code(stranger, begun, code_of(secret)))
    half = begin_login(stranger)
    assert_refused(send_code(stranger, half, code_of(secret)))
    done = login_of(use(stranger, WAN_SECOND, key, None, **half))
    assert send(stranger, routes.REAUTHENTICATE, {"password": PASSWORD}, done).status_code == 200


@pytest.mark.usefixtures("address")
def test_people_see_and_end_their_logins_and_change_password_and_account(
    client: FlaskClient, credentials: Headers, drop_keys: Drop
) -> None:
    drop_keys()
    assert client.get("/account").status_code == 200
    [login] = client.get(routes.SESSIONS, headers=credentials).get_json()["sessions"]
    assert login["client"] is None
    assert client.delete(routes.SESSIONS, headers=OWN_PAGE | credentials).status_code == 204
    body: dict[str, object] = {"current_password": PASSWORD, "new_password": NEW}
    done = login_of(send(client, routes.PASSWORD, body, credentials))
    assert send(client, "/change-email", {"email": "new@example.org"}, done).status_code == 200
    assert "new@example.org" in [mail["To"] for mail in delivered(client.application)]


@pytest.mark.usefixtures("secret")
def test_operators_list_log_out_and_delete(app: Flask, drop_keys: Drop) -> None:
    drop_keys()
    assert "missing" in run(app, "crypto", "status")
    for command in ("list", "factors ada", "logout ada", "disable ada", "delete ada"):
        run(app, "user", *command.split())


@pytest.mark.usefixtures("address")
def test_a_mail_that_does_not_decrypt_keeps_no_other_back(
    app: Flask, client: FlaskClient, drop_keys: Drop, wait: Wait
) -> None:
    send(client, RESET, {"email": ADDRESS})
    drop_keys()
    add_user(app, "grace")
    run(app, "user", "email", "grace", "grace@example.org")
    send(client, RESET, {"email": "grace@example.org"})
    assert [mail["To"] for mail in delivered(app)] == ["grace@example.org"]
    wait(worker.KEPT_NOTICE + 1)
    delivered(app)
    # Nobody tries again what nobody can read.
    with app.app_context():
        assert worker.count_waiting_mails() == 0


def test_one_command_ends_all_logins_and_half_logins(
    app: Flask, client: FlaskClient, credentials: Headers, secret: str, stranger: FlaskClient
) -> None:
    half = begin_login(stranger)
    assert run(app, "logins", "end", "--yes").endswith("Ended 1 logins and 0 keys\n")
    assert not is_logged_in(client, credentials)
    assert_refused(send_code(stranger, half, code_of(secret)))
    assert send(stranger, routes.LOGIN, {**LOGIN}).status_code == 200
