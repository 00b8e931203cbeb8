"""The time between two factors: what it opens, how long, and what ends it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import db
from secure_flask.accounts import AccountMixin, authenticator, half_logins
from secure_flask.accounts.half_logins import LIFETIME, MAX_HALF_LOGINS
from secure_flask.accounts.steps import MAX_FAILURES, Step
from secure_flask.auth import throttle
from sqlalchemy import select

from core import routes
from core.accounts.devices import AT_ONCE, STEP, at_once, code_of, wrong_code_of
from views.accounts.devices import (
    WAN_SECOND,
    Passkey,
    add_app,
    add_recovery_codes,
    answer,
    assert_refused,
    challenge,
    login_of,
    send_code,
    use,
)
from views.accounts.people import (
    ADDRESS,
    RECOVERY,
    RECOVERY_CODES,
    RESET,
    STRONG,
    TF_SETUP,
    TF_VALIDATE,
    Half,
    Headers,
    begin_login,
    delivered,
    give_address,
    mailed_link,
    send,
)
from views.conftest import (
    LOGIN,
    OWN_PAGE,
    PASSWORD,
    PRODUCTION,
    USERNAME,
    MakeApp,
    Wait,
    every_token_type,
    is_logged_in,
    log_in,
    post,
    stored_user,
)

Change = Callable[[Flask, FlaskClient, Headers], object]


def run(app: Flask, *arguments: str) -> None:
    result = app.test_cli_runner().invoke(args=["user", *arguments])
    assert result.exit_code == 0, result.output


@pytest.mark.asvs("6.3.3")
@every_token_type
def test_a_password_alone_logs_nobody_in_and_a_code_after_it_does(
    stranger: FlaskClient, secret: str
) -> None:
    begun = send(stranger, routes.LOGIN, {**LOGIN})
    assert begun.get_json() | {"tf_token": ""} == {
        "tf_required": True,
        "factors": ["authenticator", "recovery_code"],
        "tf_token": "",
    }
    assert not is_logged_in(stranger)
    assert begun.cache_control.no_store
    done = send_code(stranger, {"tf_token": begun.get_json()["tf_token"]}, code_of(secret))
    assert done.cache_control.no_store
    assert done.get_json().keys() <= {"token", "token_type", "expires_in", "refresh_token"}
    assert is_logged_in(stranger, login_of(done))


@pytest.mark.asvs("2.3.1", "6.3.3", "7.2.1")
@every_token_type
def test_it_opens_nothing_but_the_second_step(stranger: FlaskClient, secret: str) -> None:
    shown = begin_login(stranger)["tf_token"]
    cookies = f"half={shown}; session={shown}; dev-half={shown}; dev-session={shown}"
    places: list[Headers] = [{}, {"Authorization": f"Bearer {shown}"}, {"Cookie": cookies}]
    change = {"current_password": PASSWORD, "new_password": STRONG}
    posts: list[tuple[str, dict[str, object]]] = [
        (routes.PASSWORD, {**change}),
        (routes.REAUTHENTICATE, {"password": PASSWORD}),
        (RECOVERY_CODES, {}),
        (TF_SETUP, {"setup": "disable", "tf_token": shown}),
        (TF_SETUP, {"setup": "authenticator", "tf_token": shown}),
        ("/wan-register", {}),
    ]
    for headers in places:
        for path in (routes.ME, routes.SESSIONS, "/passkeys", "/account/factors"):
            assert (path, stranger.get(path, headers=headers).status_code) == (path, 401)
        for path, body in posts:
            answer = send(stranger, path, body, headers)
            assert (path, answer.status_code) == (path, 401)
    # Nor is it any link that is mailed, or a refresh token.
    for path in ("/reset", "/confirm", "/change-email"):
        assert stranger.get(f"{path}/{shown}").status_code == 404


@pytest.mark.parametrize(("waited", "status"), [(LIFETIME - 1, 200), (LIFETIME, 401)])
def test_it_lives_five_minutes(
    stranger: FlaskClient, secret: str, wait: Wait, waited: int, status: int
) -> None:
    half = begin_login(stranger)
    wait(waited)
    assert send_code(stranger, half, code_of(secret)).status_code == status


@pytest.mark.asvs("7.2.4")
def test_it_becomes_one_login(stranger: FlaskClient, secret: str, wait: Wait) -> None:
    half = begin_login(stranger)
    assert send_code(stranger, half, code_of(secret)).status_code == 200
    wait(STEP)
    assert_refused(send_code(stranger, half, code_of(secret)))


@pytest.mark.asvs("2.3.4")
@pytest.mark.parametrize("path", [TF_VALIDATE, RECOVERY, WAN_SECOND])
def test_eight_answers_at_once_become_one_login(path: str, file_app: Flask, wait: Wait) -> None:
    client = file_app.test_client()
    add_app(client, credentials := log_in(client))
    device = Passkey(client)
    device_added = use(client, "/wan-register", device, credentials)
    assert device_added.status_code == 200
    codes = add_recovery_codes(client, credentials)
    half = begin_login(file_app.test_client())
    browsers = [file_app.test_client() for _ in range(AT_ONCE)]
    # All ask before one answers, since a half login that has ended gives no challenge.
    begun = [challenge(each, path, None, **half) for each in browsers if path == WAN_SECOND]

    def complete(number: int) -> int:
        browser = browsers[number]
        if path == WAN_SECOND:
            mine = Passkey(browser)
            mine.id, mine.key, mine.user_handle = device.id, device.key, device.user_handle
            mine.count = -1
            return answer(browser, path, begun[number], mine, None, **half).status_code
        return send_code(browser, half, codes[number], path).status_code

    if path == TF_VALIDATE:
        with stored_user(file_app) as user:
            codes = [code_of(user.totp_secret or "", 1)] * 8
    assert sorted(at_once(complete)) == [200, *[401] * 7]
    shown = client.get(routes.SESSIONS, headers=credentials).get_json()["sessions"]
    assert len(shown) == 2


@pytest.mark.parametrize("path", [TF_VALIDATE, RECOVERY])
def test_a_second_click_is_no_wrong_code(
    path: str, file_app: Flask, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_address(file_app)
    client = file_app.test_client()
    secret = add_app(client, credentials := log_in(client))
    code, *_ = add_recovery_codes(client, credentials)
    wait(STEP)
    code = code if path == RECOVERY else code_of(secret)
    half, answers, find = begin_login(client), list[int](), half_logins.find_half_login

    def click_again(tf_token: str | None = None) -> Any:
        monkeypatch.setattr(half_logins, "find_half_login", find)
        found = find(tf_token)
        db.session.commit()
        # In a thread of its own: in one thread both requests would share a database session.
        with ThreadPoolExecutor(1) as other:
            first = other.submit(send_code, file_app.test_client(), half, code, path).result()
        answers.append(first.status_code)
        return found

    mails = len(delivered(file_app))
    monkeypatch.setattr(half_logins, "find_half_login", click_again)
    answers.append(send_code(client, half, code, path).status_code)
    assert answers == [200, 401]
    subjects = [str(each["Subject"]) for each in delivered(file_app)[mails:]]
    assert not any("wrong" in subject for subject in subjects)


@pytest.mark.asvs("6.3.1")
def test_five_wrong_answers_of_any_kind_end_it(
    stranger: FlaskClient, secret: str, client: FlaskClient, credentials: Headers
) -> None:
    half = begin_login(stranger)
    for path in [TF_VALIDATE, RECOVERY] * (MAX_FAILURES // 2):
        assert_refused(send_code(stranger, half, wrong_code_of(secret), path))
    assert_refused(use(stranger, WAN_SECOND, Passkey(stranger), None, **half))
    assert_refused(send_code(stranger, half, code_of(secret)))
    assert is_logged_in(
        stranger, login_of(send_code(stranger, begin_login(stranger), code_of(secret)))
    )


def test_of_eight_wrong_codes_at_once_five_are_checked(
    file_app: Flask, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = file_app.test_client()
    secret = add_app(client, log_in(client))
    half, wrong, checked = begin_login(file_app.test_client()), wrong_code_of(secret), list[str]()
    use_code = authenticator.use_authenticator_code

    def check(user: AccountMixin, code: str) -> bool:
        checked.append(code)
        return use_code(user, code)

    monkeypatch.setattr(authenticator, "use_authenticator_code", check)
    statuses = at_once(lambda _: send_code(file_app.test_client(), half, wrong).status_code)
    assert (statuses, len(checked)) == ([401] * 8, MAX_FAILURES)


def by_the_user(app: Flask, client: FlaskClient, credentials: Headers) -> None:
    body: dict[str, object] = {"current_password": PASSWORD, "new_password": STRONG}
    assert send(client, routes.PASSWORD, body, credentials).status_code == 200


def by_a_mailed_link(app: Flask, client: FlaskClient, credentials: Headers) -> None:
    send(client, RESET, {"email": ADDRESS})
    assert send(client, mailed_link(app), {"password": STRONG}).status_code == 200


def by_new_recovery_codes(app: Flask, client: FlaskClient, credentials: Headers) -> None:
    add_recovery_codes(client, credentials)


def by_another_app(app: Flask, client: FlaskClient, credentials: Headers) -> None:
    add_app(client, credentials)


def by_the_end_of_all_logins(app: Flask, client: FlaskClient, credentials: Headers) -> None:
    assert client.delete(routes.SESSIONS, headers=OWN_PAGE | credentials).status_code == 204


def by_an_operator(*arguments: str) -> Change:
    return lambda app, client, credentials: run(app, *arguments)


@pytest.mark.asvs("7.4.3")
@pytest.mark.parametrize(
    "change",
    [
        by_the_user,
        by_a_mailed_link,
        by_new_recovery_codes,
        by_another_app,
        by_the_end_of_all_logins,
        *[by_an_operator(each, USERNAME) for each in ("password", "logout", "disable")],
    ],
)
def test_a_change_of_password_or_factors_and_the_end_of_all_logins_end_it(
    change: Change,
    app: Flask,
    client: FlaskClient,
    credentials: Headers,
    secret: str,
    stranger: FlaskClient,
) -> None:
    half = begin_login(stranger)
    change(app, client, credentials)
    with stored_user(app) as user:
        present = user.totp_secret or ""
    assert_refused(send_code(stranger, half, code_of(present, 1)))


@every_token_type
def test_it_counts_in_no_cap_of_logins_and_ends_none(make_app: MakeApp, wait: Wait) -> None:
    app = make_app(MAX_LOGINS=1)
    client = app.test_client()
    credentials = log_in(client)
    secret = add_app(client, credentials)
    thieves = [app.test_client() for _ in range(3)]
    halves = [begin_login(thief) for thief in thieves]
    assert is_logged_in(client, credentials)
    wait(STEP)
    # Any of them still becomes a login, and then the one before ends.
    done = login_of(send_code(thieves[0], halves[0], code_of(secret)))
    assert is_logged_in(thieves[0], done)
    assert not is_logged_in(client, credentials)


def test_a_user_has_five_in_one_network_and_a_further_one_ends_the_oldest(
    app: Flask, stranger: FlaskClient, secret: str, wait: Wait
) -> None:
    elsewhere = app.test_client()
    elsewhere.environ_base["REMOTE_ADDR"] = "192.0.2.1"
    wait(STEP)
    halves = []
    for each in (elsewhere, *[stranger] * (MAX_HALF_LOGINS + 1)):
        halves.append(begin_login(each))
        wait(1)
    other, first, *others = halves
    assert send_code(stranger, first, code_of(secret)).status_code == 401
    for half in (*others, other):
        wait(STEP)
        assert send_code(stranger, half, code_of(secret)).status_code == 200


def test_the_database_holds_no_secret_of_it(app: Flask, stranger: FlaskClient, secret: str) -> None:
    shown = begin_login(stranger)["tf_token"]
    with app.app_context():
        rows = db.session.execute(select(Step.__table__)).all()
    assert rows
    assert shown not in str(rows)


@pytest.mark.asvs("3.3.1", "3.3.4")
def test_its_cookie_is_for_this_host_and_no_script(make_app: MakeApp, wait: Wait) -> None:
    app = make_app(**PRODUCTION)
    owner = app.test_client()
    secret = add_app(owner, log_in(owner))
    wait(STEP)
    own = {"Origin": "https://localhost", "Accept": "text/html"}
    stranger = app.test_client()
    begun = post(stranger, routes.LOGIN, own, **LOGIN)
    [cookie] = begun.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-Http-half=")
    flags = ("Secure", "HttpOnly", "SameSite=Lax", "Path=/", f"Max-Age={LIFETIME}")
    assert all(flag in cookie for flag in flags)
    assert post(stranger, TF_VALIDATE, own, code=code_of(secret)).status_code == 303
    assert stranger.get_cookie("__Host-Http-half") is None
    assert is_logged_in(stranger)


def test_of_two_cookies_of_it_none_counts(app: Flask, secret: str) -> None:
    """One may come from a sibling domain."""
    shown: Half = begin_login(app.test_client())
    for header, status in ((f"dev-half={shown['tf_token']}; dev-half=x", 401), ("", 200)):
        headers = {"Cookie": header or f"dev-half={shown['tf_token']}"}
        answer = send(
            app.test_client(use_cookies=False), TF_VALIDATE, {"code": code_of(secret)}, headers
        )
        assert answer.status_code == status


@pytest.mark.parametrize("half", [{}, {"tf_token": "x" * 43}])
def test_without_one_every_second_step_is_401(
    half: Half, stranger: FlaskClient, secret: str
) -> None:
    bodies: dict[str, dict[str, object]] = {
        TF_VALIDATE: {"code": code_of(secret)},
        RECOVERY: {"code": "aaaa-aaaa"},
        "/tf-invitation": {"code": "aaaa"},
        TF_SETUP: {"setup": "authenticator"},
        WAN_SECOND: {},
    }
    for path, body in bodies.items():
        answer = send(stranger, path, {**half, **body})
        assert (path, answer.status_code) == (path, 401)


# How its right password counts.

LIMIT = 3


@pytest.fixture
def codes(
    app: Flask, client: FlaskClient, credentials: Headers, secret: str, wait: Wait, monkeypatch: Any
) -> list[str]:
    """Recovery codes of the user, at the begin of a minute in which LIMIT passwords may be wrong."""
    wait(60)
    made = add_recovery_codes(client, credentials)
    monkeypatch.setitem(app.config, "LOGIN_RATE_LIMIT", f"{LIMIT} per minute")
    return made


def begins(client: FlaskClient) -> int:
    return send(client, routes.LOGIN, {**LOGIN}).status_code


@pytest.mark.asvs("6.3.1")
def test_a_right_password_counts_as_wrong_until_the_second_step_succeeds(
    stranger: FlaskClient, codes: list[str]
) -> None:
    halves = [begin_login(stranger) for _ in range(LIMIT)]
    assert begins(stranger) == 429
    assert send_code(stranger, halves[0], "aaaa-aaaa", RECOVERY).status_code == 401
    assert begins(stranger) == 429
    assert send_code(stranger, halves[0], codes[0], RECOVERY).status_code == 200
    assert [begins(stranger) for _ in range(2)] == [200, 429]


def test_so_it_does_on_pages_and_when_it_is_entered_again(
    stranger: FlaskClient, codes: list[str]
) -> None:
    half = begin_login(stranger)
    credentials = login_of(send_code(stranger, half, codes[0], RECOVERY))
    page = {**OWN_PAGE, "Accept": "text/html"}
    assert post(stranger, routes.LOGIN, page, **LOGIN).status_code == 303
    again = {"password": PASSWORD}
    for _ in range(LIMIT - 1):
        assert send(stranger, routes.REAUTHENTICATE, {**again}, credentials).status_code == 200
    assert begins(stranger) == 429


def test_once_its_minute_is_over_it_gives_nothing_back(
    stranger: FlaskClient, codes: list[str], wait: Wait
) -> None:
    half = begin_login(stranger)
    wait(60)
    assert [begins(stranger) for _ in range(LIMIT)] == [200] * LIMIT
    assert send_code(stranger, half, codes[0], RECOVERY).status_code == 200
    assert begins(stranger) == 429


def test_it_counts_as_a_login_only_with_the_second_step(
    stranger: FlaskClient, codes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody with only the password uses up no login of the owner."""
    monkeypatch.setattr(throttle, "RIGHT", 1)
    for stranger.environ_base["REMOTE_ADDR"] in ("192.0.2.1", "192.0.2.2"):
        assert [begins(stranger) for _ in range(LIMIT)] == [200] * LIMIT
    stranger.environ_base["REMOTE_ADDR"] = "192.0.2.3"
    for code in codes[:LIMIT]:
        answer = send_code(stranger, begin_login(stranger), code, RECOVERY)
        assert answer.status_code == 200
    assert begins(stranger) == 429
