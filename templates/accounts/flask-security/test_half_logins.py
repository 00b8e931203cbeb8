"""The time between two factors: what it opens, how long, and what ends it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.accounts.factors import library_views
from app.accounts.factors.half_logins import LIFETIME
from app.accounts.mail import mailbox
from app.accounts.pending import MAX_FAILURES, PendingStep
from app.auth import tokens
from app.db import db
from tests import routes
from tests.accounts.conftest import Mails
from tests.accounts.people import (
    RECOVERY,
    RECOVERY_CODES,
    RESET,
    STRONG,
    TF_SELECT,
    TF_SETUP,
    TF_VALIDATE,
    TOTP_STEP,
    Half,
    Headers,
    add_app,
    add_recovery_codes,
    begin_login,
    code_of,
    give_address,
    headers_of,
    link_in,
    send_code,
    wrong_code_of,
)
from tests.accounts.test_login import set_password
from tests.conftest import (
    LOGIN,
    PASSWORD,
    PRODUCTION,
    USERNAME,
    MakeApp,
    Wait,
    is_logged_in,
    log_in,
    stored_user,
)

pytestmark = pytest.mark.usefixtures("unhurried")

# What only a login opens.
CLOSED = ["me.show", "sessions.show", "passkeys.show"]


def assert_dead(client: FlaskClient, half: Half, secret: str) -> None:
    answer = send_code(client, half, code_of(secret))
    assert (answer.status_code, '"token"' in answer.text) == (401, False)


def shown_secret(client: FlaskClient, half: Half) -> str:
    """The secret of a half login, wherever it travels."""
    cookie = client.get_cookie("dev-half")
    return half["tf_token"] if cookie is None else cookie.value


@pytest.mark.asvs("2.3.1", "6.3.3", "7.2.1")
def test_it_opens_nothing_but_the_second_step(
    app: Flask, stranger: FlaskClient, secret: str
) -> None:
    shown = shown_secret(stranger, begin_login(stranger))
    places: list[Headers] = [
        {},
        {tokens.HEADER: tokens.PREFIX + shown},
        {"Authorization": f"Bearer {shown}"},
        {"Authentication-Token": shown},
        {"Cookie": f"dev-session={shown}; session={shown}; remember_token={shown}"},
    ]
    for headers in places:
        for endpoint in CLOSED:
            answer = stranger.get(routes.path_of(endpoint), headers=headers)
            assert (endpoint, answer.status_code) == (endpoint, 401)
        change = {"current_password": PASSWORD, "new_password": STRONG}
        for path, body in [
            (routes.PASSWORD, change),
            (RECOVERY_CODES, {}),
            (TF_SETUP, {"setup": "disable"}),
        ]:
            answer = stranger.post(path, json=body, headers=headers)
            assert (path, answer.status_code) == (path, 401)
    # Nor is it any link that is mailed.
    for endpoint in ("recovery.set_page", "confirmation.confirm_page", "email_change.confirm_page"):
        assert stranger.get(routes.path_of(endpoint, token=shown)).status_code == 404


def test_it_lives_five_minutes(app: Flask, secret: str, clock: Wait) -> None:
    for waited, status in ((LIFETIME - 1, 200), (LIFETIME, 401)):
        client = app.test_client()
        half = begin_login(client)
        clock(waited)
        assert send_code(client, half, code_of(secret)).status_code == status
        clock(60)


def test_it_becomes_one_login(app: Flask, secret: str, clock: Wait) -> None:
    client, copy = app.test_client(), app.test_client()
    half = begin_login(client)
    copy.set_cookie("dev-half", shown_secret(client, half))
    assert send_code(client, half, code_of(secret)).status_code == 200
    clock(60)
    assert_dead(client, half, secret)
    assert_dead(copy, half, secret)


@pytest.mark.parametrize("path", [TF_VALIDATE, RECOVERY])
def test_a_second_click_is_no_wrong_code(
    path: str, file_app: Flask, clock: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_address(file_app)
    client = file_app.test_client()
    secret = add_app(client, credentials := log_in(client))
    recovery_codes = add_recovery_codes(client, credentials)
    clock(TOTP_STEP)
    first, second = recovery_codes[:2] if path == RECOVERY else [code_of(secret)] * 2
    half, answers = begin_login(client), []
    same_browser = file_app.test_client()
    same_browser.set_cookie("dev-half", shown_secret(client, half))
    check = library_views.call

    def click_again(*arguments: Any, **options: Any) -> Any:
        monkeypatch.setattr(library_views, "call", check)
        # In a thread of its own: in one thread both requests would share a database session.
        with ThreadPoolExecutor(1) as other:
            answer = other.submit(send_code, same_browser, half, first, path).result()
        answers.append(answer.status_code)
        return check(*arguments, **options)

    monkeypatch.setattr(library_views, "call", click_again)
    file_app.extensions["mailbox"].mails.clear()
    answers.append(send_code(client, half, second, path).status_code)
    assert answers == [200, 401]
    assert mailbox.messages(file_app) == []


@pytest.mark.asvs("6.3.1")
def test_wrong_codes_of_any_kind_end_it(app: Flask, secret: str) -> None:
    client = app.test_client()
    half = begin_login(client)
    for number in range(MAX_FAILURES):
        path = RECOVERY if number % 2 else TF_VALIDATE
        assert send_code(client, half, wrong_code_of(secret), path).status_code == 401
    assert_dead(client, half, secret)


def test_a_change_of_the_password_or_the_factors_ends_it(
    app: Flask,
    client: FlaskClient,
    credentials: Headers,
    secret: str,
    mails: Mails,
    subtests: pytest.Subtests,
) -> None:
    def reset() -> None:
        client.post(RESET, json={"email": "ada.lovelace@example.org"})
        client.post(link_in(mails()[-1]), json={"password": STRONG})

    def disable() -> None:
        with stored_user(app) as user:
            user.disabled = True

    def renew() -> None:
        assert client.post(RECOVERY_CODES, json={}, headers=credentials).status_code == 200

    changes: dict[str, tuple[Callable[[], None], str]] = {
        "new recovery codes": (renew, PASSWORD),
        "by an operator": (lambda: set_password(app, PASSWORD), PASSWORD),
        "by a mailed link": (reset, PASSWORD),
        "disabled": (disable, STRONG),
    }
    for case, (change, password) in changes.items():
        thief = app.test_client()
        half = begin_login(thief, password=password)
        change()
        with subtests.test(case):
            assert_dead(thief, half, secret)


@pytest.mark.asvs("7.4.3")
def test_the_end_of_all_logins_ends_it(
    app: Flask, client: FlaskClient, credentials: Headers, secret: str, subtests: pytest.Subtests
) -> None:
    def by_the_user() -> None:
        path = routes.path_of("sessions.end_others")
        assert client.delete(path, headers=credentials).status_code == 204

    def by_an_operator() -> None:
        result = app.test_cli_runner().invoke(args=["user", "logout", USERNAME])
        assert result.exit_code == 0

    for end in (by_the_user, by_an_operator):
        thief = app.test_client()
        half = begin_login(thief)
        end()
        with subtests.test(end.__name__):
            assert_dead(thief, half, secret)


def test_a_password_change_by_the_user_ends_it(
    app: Flask, client: FlaskClient, credentials: Headers, secret: str
) -> None:
    thief = app.test_client()
    half = begin_login(thief)
    body = {"current_password": PASSWORD, "new_password": STRONG}
    assert client.post(routes.PASSWORD, json=body, headers=credentials).status_code == 200
    assert_dead(thief, half, secret)


def test_it_counts_in_no_cap_of_logins_and_ends_none(
    app: Flask, clock: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "MAX_LOGINS", 1)
    client = app.test_client()
    credentials = log_in(client)
    secret = add_app(client, credentials)
    thieves = [app.test_client() for _ in range(3)]
    halves = [begin_login(thief) for thief in thieves]
    assert is_logged_in(client, credentials)
    clock(60)
    # Any of them still becomes a login, and then the one before ends.
    done = headers_of(send_code(thieves[0], halves[0], code_of(secret)))
    assert is_logged_in(thieves[0], done)
    assert not is_logged_in(client, credentials)


def test_the_database_holds_no_secret_of_it(app: Flask, stranger: FlaskClient, secret: str) -> None:
    shown = shown_secret(stranger, begin_login(stranger))
    with app.app_context():
        rows = db.session.execute(select(PendingStep.__table__)).all()
    assert rows
    assert shown not in str(rows)


@pytest.mark.asvs("3.3.1", "3.3.4")
def test_a_cookie_of_it_is_for_this_host_and_no_script(make_app: MakeApp, clock: Wait) -> None:
    app = make_app(**PRODUCTION)
    give_address(app)
    client = app.test_client()
    secret = add_app(client, log_in(client))
    clock(60)
    stranger = app.test_client()
    answer = stranger.post(routes.LOGIN, json=LOGIN)
    for cookie in answer.headers.getlist("Set-Cookie"):
        assert cookie.startswith("__Host-half=")
        assert all(flag in cookie for flag in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"))
        assert f"Max-Age={LIFETIME}" in cookie
    half = {"tf_token": answer.get_json()["tf_token"]} if "tf_token" in answer.text else {}
    done = send_code(stranger, half, code_of(secret))
    assert done.status_code == 200
    assert stranger.get_cookie("__Host-half") is None


def test_without_one_every_second_step_is_401(
    app: Flask, secret: str, subtests: pytest.Subtests
) -> None:
    client = app.test_client()
    # Where it travels in the JSON, a step without it is no step at all.
    made_up = {"tf_token": "x" * 43} if "tf_token" in begin_login(app.test_client()) else {}
    tries: list[tuple[str, dict[str, str]]] = [
        (TF_VALIDATE, {"code": code_of(secret)}),
        (RECOVERY, {"code": "aaaa-aaaa"}),
        (TF_SELECT, {"which": "authenticator"}),
        (TF_SETUP, {"setup": "authenticator"}),
    ]
    for path, body in tries:
        with subtests.test(path):
            assert client.post(path, json={**made_up, **body}).status_code == 401
