"""Codes of an authenticator app and recovery codes: what they open, and how often."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.accounts.factors import factor_checks
from app.auth import tokens
from app.auth.factors import RecoveryCode
from app.auth.users import User
from app.db import db
from tests import routes
from tests.accounts import people
from tests.accounts.factors.software_passkeys import add_passkey, log_in_by_passkey
from tests.accounts.people import (
    RECOVERY,
    TF_SELECT,
    TF_VALIDATE,
    TOTP_STEP,
    Half,
    Headers,
    add_app,
    add_recovery_codes,
    away,
    begin_login,
    code_of,
    give_address,
    half_of,
    headers_of,
    logs_in_by_code,
    send_code,
    wrong_code_of,
)
from tests.conftest import LOGIN, Wait, is_logged_in, log_in

pytestmark = pytest.mark.usefixtures("unhurried")

AT_ONCE = 8


@pytest.mark.asvs("6.3.3")
def test_a_password_alone_logs_nobody_in_and_a_code_after_it_does(
    app: Flask, stranger: FlaskClient, secret: str
) -> None:
    answer = stranger.post(routes.LOGIN, json=LOGIN)
    half = half_of(answer.get_json())
    assert not is_logged_in(stranger, {})
    done = send_code(stranger, half, code_of(secret))
    assert is_logged_in(stranger, headers_of(done))
    assert answer.cache_control.no_store
    assert done.cache_control.no_store
    assert done.get_json().keys() >= {"token", "token_type", "expires_in"}
    assert done.get_json().keys() <= {"token", "token_type", "expires_in", "refresh_token"}


@pytest.mark.asvs("6.5.1")
def test_each_code_counts_once(stranger: FlaskClient, secret: str, clock: Wait) -> None:
    code = code_of(secret)
    assert logs_in_by_code(stranger, code)
    assert not logs_in_by_code(stranger, code)
    clock(TOTP_STEP)
    assert not logs_in_by_code(stranger, code)
    assert logs_in_by_code(stranger, code_of(secret))


@pytest.mark.asvs("6.5.5", "6.5.8")
def test_a_code_serves_half_a_minute_and_as_long_before_and_after(
    stranger: FlaskClient, secret: str, clock: Wait
) -> None:
    clock(10 * TOTP_STEP)
    for steps in (-2, 2):
        assert not logs_in_by_code(stranger, code_of(secret, steps))
    for steps in (-1, 0, 1):
        assert logs_in_by_code(stranger, code_of(secret, steps))


def test_a_wrong_code_and_an_app_of_somebody_else_open_nothing(
    stranger: FlaskClient, secret: str
) -> None:
    wrong = [
        "",
        " ",
        "12345",
        "1234567",
        "abcdef",
        "\u0661\u0662\u0663\u0664\u0665\u0666",
        "' OR 1",
    ]
    wrong += [wrong_code_of(secret), code_of("A" * 32)]
    for code in wrong:
        answer = send_code(stranger, begin_login(stranger), code)
        assert (code, answer.status_code in (400, 401)) == (code, True)
        assert '"token"' not in answer.text


@pytest.mark.asvs("6.5.1")
def test_a_recovery_code_serves_once_in_place_of_the_app(
    client: FlaskClient, credentials: Headers, stranger: FlaskClient, secret: str
) -> None:
    first, second, *_ = add_recovery_codes(client, credentials)
    assert logs_in_by_code(stranger, first, RECOVERY)
    assert not logs_in_by_code(stranger, first, RECOVERY)
    assert logs_in_by_code(stranger, f" {second.upper()} ", RECOVERY)
    assert not logs_in_by_code(stranger, "aaaa-aaaa-aaaa-aaaa-aaaa-aaaa", RECOVERY)
    assert logs_in_by_code(stranger, code_of(secret))


def test_recovery_codes_are_of_one_user(
    app: Flask, client: FlaskClient, credentials: Headers, stranger: FlaskClient, secret: str
) -> None:
    people.create_user(app, "grace")
    others = log_in(stranger, username="grace")
    code, *_ = add_recovery_codes(stranger, others)
    assert not logs_in_by_code(app.test_client(), code, RECOVERY)


@pytest.mark.asvs("6.5.2")
def test_the_database_shows_no_secret_and_no_code(
    app: Flask, client: FlaskClient, credentials: Headers, secret: str
) -> None:
    codes = add_recovery_codes(client, credentials)
    with app.app_context():
        tables = (User.__table__, RecoveryCode.__table__)
        rows = str([db.session.execute(select(table)).all() for table in tables])
    for text in (secret, *codes, *(code.replace("-", "") for code in codes)):
        assert text not in rows


@pytest.mark.asvs("2.3.4")
def test_eight_requests_with_one_code_log_in_once(file_app: Flask, clock: Wait) -> None:
    give_address(file_app)
    client = file_app.test_client()
    credentials = log_in(client)
    secret = add_app(client, credentials)
    codes = add_recovery_codes(client, credentials)
    clock(TOTP_STEP)
    for code, path in ((code_of(secret), TF_VALIDATE), (codes[0], RECOVERY)):
        # Each with a half login of its own: the code alone has to decide.
        clients = [file_app.test_client() for _ in range(AT_ONCE)]
        halves = [begin_login(client) for client in clients]
        assert logged_in_at_once(clients, halves, code, path) == 1


@pytest.mark.asvs("6.5.1")
def test_a_code_counts_once_where_two_requests_find_it_unused(
    stranger: FlaskClient, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(factor_checks.Codes, "get_last_counter", lambda codes, user: None)
    code = code_of(secret)
    assert logs_in_by_code(stranger, code)
    assert not logs_in_by_code(stranger, code)


def logged_in_at_once(clients: list[FlaskClient], halves: list[Half], code: str, path: str) -> int:
    def send(client: FlaskClient, half: Half) -> int:
        return send_code(client, half, code, path).status_code

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(send, clients, halves)).count(200)


def test_who_has_several_factors_chooses_one(
    client: FlaskClient, credentials: Headers, stranger: FlaskClient, secret: str
) -> None:
    passkey = add_passkey(client, credentials, usage="secondary")
    code, *_ = add_recovery_codes(client, credentials)
    assert logs_in_by_code(stranger, code, RECOVERY)
    for which in ("authenticator", "webauthn"):
        answer = stranger.post(routes.LOGIN, json=LOGIN)
        half = half_of(answer.get_json())
        assert sorted(answer.get_json()["tf_setup_methods"]) == ["authenticator", "webauthn"]
        chosen = stranger.post(TF_SELECT, json={**half, "which": which})
        assert chosen.status_code == 200
        assert chosen.get_json()["tf_method"] == which
        if which == "authenticator":
            done = send_code(stranger, half, code_of(secret))
        else:
            done = log_in_by_passkey(stranger, passkey, **half)
        assert is_logged_in(stranger, headers_of(done))


def test_who_has_one_factor_chooses_no_other(stranger: FlaskClient, secret: str) -> None:
    half = begin_login(stranger)
    for which in ("authenticator", "webauthn", "email"):
        answer = stranger.post(TF_SELECT, json={**half, "which": which})
        assert answer.status_code == 400
    assert logs_in_by_code(stranger, code_of(secret))


def test_a_code_of_a_login_that_failed_is_not_used_up(
    stranger: FlaskClient, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = begin_login(stranger)
    with monkeypatch.context() as broken:
        broken.setattr(tokens, "issue", away)
        assert send_code(stranger, half, code_of(secret)).status_code == 503
    assert is_logged_in(stranger, headers_of(send_code(stranger, half, code_of(secret))))
