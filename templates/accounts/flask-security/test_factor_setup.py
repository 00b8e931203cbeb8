"""How an authenticator app and recovery codes come and go."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.auth import logins
from tests import routes
from tests.accounts.people import (
    RECOVERY,
    RECOVERY_CODES,
    TF_SETUP,
    TOTP_STEP,
    Headers,
    add_app,
    add_recovery_codes,
    away,
    begin_login,
    begin_setup,
    code_of,
    give_address,
    headers_of,
    logs_in_by_code,
    send_code,
    wrong_code_of,
)
from tests.conftest import LOGIN, Wait, give_roles, is_logged_in, log_in, stored_user

pytestmark = pytest.mark.usefixtures("unhurried")

MINUTES = 60  # seconds
AT_ONCE = 4


def is_on(app: Flask) -> bool:
    """Whether a password alone logs the user in no more."""
    return "tf_required" in app.test_client().post(routes.LOGIN, json=LOGIN).get_json()


@pytest.mark.asvs("6.5.1")
def test_the_code_of_the_setup_logs_nobody_in(
    address: str, clock: Wait, client: FlaskClient, credentials: Headers, stranger: FlaskClient
) -> None:
    secret = add_app(client, credentials)
    assert not logs_in_by_code(stranger, code_of(secret))


@pytest.mark.asvs("6.5.3", "6.5.4", "6.5.6")
def test_new_recovery_codes_replace_the_old_ones(
    client: FlaskClient, credentials: Headers, stranger: FlaskClient, secret: str
) -> None:
    old = add_recovery_codes(client, credentials)
    new = add_recovery_codes(client, credentials)
    assert len({*old, *new}) == len(old) + len(new)
    # Five bits in each character: not to be guessed.
    assert all(len(code.replace("-", "")) * 5 >= 112 for code in new)
    assert not logs_in_by_code(stranger, old[0], RECOVERY)
    assert logs_in_by_code(stranger, new[0], RECOVERY)


def test_clicks_on_new_recovery_codes_at_once_leave_the_codes_of_one(file_app: Flask) -> None:
    client = file_app.test_client()
    credentials = log_in(client)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        made = list(threads.map(lambda _: add_recovery_codes(client, credentials), range(AT_ONCE)))
    with stored_user(file_app) as user:
        assert len(user.recovery_codes) == len(made[0])


@pytest.mark.asvs("6.5.3")
def test_each_setup_makes_a_new_secret_of_160_bits(
    clock: Wait, client: FlaskClient, credentials: Headers
) -> None:
    secrets = {begin_setup(client, credentials)[0] for _ in range(3)}
    assert len(secrets) == 3
    assert all(len(secret) * 5 >= 160 for secret in secrets)


def test_nothing_is_on_before_the_first_code(
    app: Flask, clock: Wait, client: FlaskClient, credentials: Headers
) -> None:
    secret, path = begin_setup(client, credentials)
    assert not is_on(app)
    answer = client.post(path, json={"code": wrong_code_of(secret)}, headers=credentials)
    assert answer.status_code == 400
    assert not is_on(app)
    answer = client.post(path, json={"code": code_of(secret)}, headers=credentials)
    assert answer.status_code == 200
    assert secret not in answer.text
    assert is_on(app)


def test_a_setup_that_nobody_began_or_that_took_too_long_changes_nothing(
    app: Flask, clock: Wait, client: FlaskClient, credentials: Headers
) -> None:
    secret, path = begin_setup(client, credentials)
    for wrong in (f"{path}x", f"{TF_SETUP}/x"):
        answer = client.post(wrong, json={"code": code_of(secret)}, headers=credentials)
        assert answer.status_code == 400
    clock(31 * MINUTES)
    fresh = log_in(client)
    assert client.post(path, json={"code": code_of(secret)}, headers=fresh).status_code == 400
    assert not is_on(app)


@pytest.mark.asvs("7.5.1")
def test_changing_a_factor_needs_a_recent_login(
    app: Flask, client: FlaskClient, credentials: Headers, secret: str, clock: Wait
) -> None:
    again, path = begin_setup(client, credentials)
    clock(5 * MINUTES + 1)
    tries: list[tuple[str, dict[str, str]]] = [
        (TF_SETUP, {"setup": "disable"}),
        (TF_SETUP, {"setup": "authenticator"}),
        (path, {"code": code_of(again)}),
        (RECOVERY_CODES, {}),
    ]
    for tried, body in tries:
        for headers in (credentials, {}):
            answer = app.test_client().post(tried, json=body, headers=headers)
            assert (tried, answer.status_code) == (tried, 401)
        answer = client.post(tried, json=body, headers=credentials)
        assert (tried, answer.status_code) == (tried, 401)
    assert is_on(app)


@pytest.mark.asvs("6.5.6")
def test_who_removes_the_app_logs_in_by_password_again(
    app: Flask, client: FlaskClient, credentials: Headers, secret: str
) -> None:
    answer = client.post(TF_SETUP, json={"setup": "disable"}, headers=credentials)
    assert answer.status_code == 200
    assert not is_on(app)
    with stored_user(app) as user:
        assert user.tf_totp_secret is None


@pytest.mark.asvs("6.3.3")
def test_a_role_can_demand_a_second_factor(
    app: Flask, clock: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its user sets one up at the next login, and cannot remove it."""
    monkeypatch.setitem(app.config, "SECOND_FACTOR_ROLES", ["boss"])
    give_address(app)
    give_roles(app, "boss")
    client = app.test_client()
    half = begin_login(client)
    assert not is_logged_in(client, {})
    begun = client.post(TF_SETUP, json={**half, "setup": "authenticator"})
    assert begun.status_code == 200
    secret = begun.get_json()["tf_authr_b32key"]
    assert send_code(client, half, wrong_code_of(secret)).status_code == 401
    credentials = headers_of(send_code(client, half, code_of(secret)))
    assert is_logged_in(client, credentials)
    answer = client.post(TF_SETUP, json={"setup": "disable"}, headers=credentials)
    assert answer.status_code == 400
    clock(TOTP_STEP)
    assert logs_in_by_code(client, code_of(secret))


def test_a_half_login_sets_up_no_app_beside_one_that_is_there(
    stranger: FlaskClient, secret: str
) -> None:
    half = begin_login(stranger)
    for setup in ("authenticator", "disable"):
        answer = stranger.post(TF_SETUP, json={**half, "setup": setup})
        assert answer.status_code in (400, 401)
    assert logs_in_by_code(stranger, code_of(secret))


@pytest.mark.asvs("2.3.3")
def test_a_factor_and_what_follows_change_together_or_not_at_all(
    app: Flask,
    client: FlaskClient,
    credentials: Headers,
    secret: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The database fails after the library's change."""
    code, *_ = add_recovery_codes(client, credentials)

    changes: list[Callable[[], TestResponse]] = [
        lambda: client.post(TF_SETUP, json={"setup": "disable"}, headers=credentials),
        lambda: client.post(RECOVERY_CODES, json={}, headers=credentials),
    ]
    for change in changes:
        with monkeypatch.context() as broken:
            broken.setattr(logins, "end_all", away)
            assert change().status_code == 503
        assert logs_in_by_code(app.test_client(), code, RECOVERY)
        code, *_ = add_recovery_codes(client, credentials)
