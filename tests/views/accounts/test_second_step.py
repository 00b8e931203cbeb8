"""The second step of a login: codes, recovery codes and passkeys, as JSON and on pages."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import db
from secure_flask.accounts import recovery_codes
from secure_flask.accounts.recovery_codes import RecoveryCode
from sqlalchemy import select

from app.models import User
from core import routes
from core.accounts.devices import AT_ONCE, STEP, at_once, code_of, wrong_code_of
from views.accounts.devices import (
    WAN_SECOND,
    Passkey,
    add_app,
    add_passkey,
    add_recovery_codes,
    answer,
    assert_refused,
    challenge,
    login_of,
    logs_in_by_code,
    send_code,
    use,
)
from views.accounts.people import RECOVERY, TF_VALIDATE, Headers, begin_login, send
from views.conftest import (
    LOGIN,
    OWN,
    OWN_PAGE,
    PRODUCTION,
    Lines,
    MakeApp,
    Wait,
    assert_leads_to,
    every_token_type,
    grow_old,
    invalid_fields,
    is_logged_in,
    log_in,
    post,
    stored_user,
    with_and_without_bearer,
)

ACCOUNT, LOGIN_PAGE = "/account", "/login"


@every_token_type
def test_each_factor_of_a_user_completes_a_login_and_is_offered(
    client: FlaskClient, credentials: Headers, stranger: FlaskClient, secret: str
) -> None:
    key = add_passkey(client, credentials)
    recovery, *_ = add_recovery_codes(client, credentials)
    offered = send(stranger, routes.LOGIN, {**LOGIN}).get_json()["factors"]
    assert offered == ["authenticator", "passkey", "recovery_code"]
    assert logs_in_by_code(stranger, code_of(secret))
    assert logs_in_by_code(stranger, recovery, RECOVERY)
    done = login_of(use(stranger, WAN_SECOND, key, None, **begin_login(stranger)))
    assert is_logged_in(stranger, done)


@pytest.mark.asvs("6.3.3")
def test_a_user_with_a_passkey_alone_is_asked_for_it_after_the_password(
    passkey: Passkey, stranger: FlaskClient
) -> None:
    """Whoever knows the password of somebody with a passkey has nothing."""
    offered = send(stranger, routes.LOGIN, {**LOGIN}).get_json()["factors"]
    assert offered == ["passkey", "recovery_code"]
    half = begin_login(stranger)
    for code in ("000000", ""):
        assert send_code(stranger, half, code).status_code in (400, 401)
    answer = send(stranger, "/tf-setup", {"setup": "authenticator", **half})
    assert answer.status_code == 401
    assert is_logged_in(stranger, login_of(use(stranger, WAN_SECOND, passkey, None, **half)))


@pytest.mark.asvs("6.5.1")
def test_each_code_counts_once(stranger: FlaskClient, secret: str, wait: Wait) -> None:
    code = code_of(secret)
    assert logs_in_by_code(stranger, code)
    assert not logs_in_by_code(stranger, code)
    wait(STEP)
    assert not logs_in_by_code(stranger, code)
    assert logs_in_by_code(stranger, code_of(secret))


@pytest.mark.asvs("6.5.5", "6.5.8")
def test_a_code_serves_half_a_minute_and_as_long_before_and_after(
    stranger: FlaskClient, secret: str, wait: Wait
) -> None:
    wait(10 * STEP)
    while len({code_of(secret, steps) for steps in range(-2, 3)}) < 5:
        wait(STEP)
    served = {steps: logs_in_by_code(stranger, code_of(secret, steps)) for steps in range(-2, 3)}
    assert served == {-2: False, -1: True, 0: True, 1: True, 2: False}


@pytest.mark.parametrize(
    "code",
    ["", " ", "12345", "1234567", "abcdef", "\u0661\u0662\u0663\u0664\u0665\u0666", "' OR 1"],
)
def test_what_is_no_code_opens_nothing(code: str, stranger: FlaskClient, secret: str) -> None:
    for path in (TF_VALIDATE, RECOVERY):
        refused = send_code(stranger, begin_login(stranger), code, path)
        assert refused.status_code in (400, 401)
        assert '"token' not in refused.text


def test_a_wrong_code_and_an_app_of_somebody_else_open_nothing(
    stranger: FlaskClient, secret: str
) -> None:
    for code in (wrong_code_of(secret), code_of("A" * 32)):
        assert_refused(send_code(stranger, begin_login(stranger), code))


@pytest.mark.parametrize("between", [" ", "-", "\N{NO-BREAK SPACE}"])
def test_a_code_may_be_typed_in_two_groups(
    between: str, stranger: FlaskClient, secret: str
) -> None:
    code = code_of(secret)
    assert logs_in_by_code(stranger, f" {code[:3]}{between}{code[3:]} ")


@pytest.mark.asvs("6.5.1")
def test_a_recovery_code_serves_once_however_it_is_typed(
    client: FlaskClient, credentials: Headers, stranger: FlaskClient, secret: str
) -> None:
    first, second, third, fourth, *_ = add_recovery_codes(client, credentials)
    assert logs_in_by_code(stranger, first, RECOVERY)
    assert not logs_in_by_code(stranger, first, RECOVERY)
    for typed in (
        f" {second.upper()} ",
        third.replace("-", " "),
        fourth.replace("-", ""),
    ):
        assert logs_in_by_code(stranger, typed, RECOVERY)
    assert not logs_in_by_code(stranger, "aaaa-aaaa-aaaa-aaaa-aaaa-aaaa", RECOVERY)


@pytest.mark.asvs("6.3.3")
def test_factors_of_another_user_complete_nothing(
    client: FlaskClient,
    others: tuple[FlaskClient, Headers],
    stranger: FlaskClient,
    secret: str,
) -> None:
    theirs = add_app(*others)
    code, *_ = add_recovery_codes(*others)
    key = add_passkey(*others)
    assert not logs_in_by_code(stranger, code_of(theirs, 1))
    assert not logs_in_by_code(stranger, code, RECOVERY)
    assert_refused(use(stranger, WAN_SECOND, key, None, **begin_login(stranger)))


def test_a_challenge_of_another_user_or_of_nobody_completes_nothing(
    client: FlaskClient,
    credentials: Headers,
    others: tuple[FlaskClient, Headers],
    stranger: FlaskClient,
    passkey: Passkey,
) -> None:
    add_passkey(*others)
    half = begin_login(stranger)
    for begun in (
        challenge(stranger, WAN_SECOND, **begin_login(stranger, username="grace")),
        challenge(stranger, "/wan-signin"),
        challenge(client, "/wan-register", credentials),
    ):
        assert_refused(answer(stranger, WAN_SECOND, begun, passkey, None, **half))


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
@pytest.mark.parametrize("path", [TF_VALIDATE, RECOVERY])
def test_eight_logins_at_once_with_one_code_are_one(path: str, file_app: Flask, wait: Wait) -> None:
    client = file_app.test_client()
    secret = add_app(client, credentials := log_in(client))
    codes = add_recovery_codes(client, credentials)
    wait(STEP)
    code = code_of(secret) if path == TF_VALIDATE else codes[0]
    # Each with a half login of its own: the code alone has to decide.
    clients = [file_app.test_client() for _ in range(AT_ONCE)]
    halves = [begin_login(each) for each in clients]
    answers = at_once(lambda each: send_code(clients[each], halves[each], code, path).status_code)
    assert sorted(answers) == [200, *[401] * 7]


def test_a_code_of_a_login_that_failed_is_not_used_up(
    app: Flask,
    client: FlaskClient,
    credentials: Headers,
    stranger: FlaskClient,
    secret: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recovery, *_ = add_recovery_codes(client, credentials)
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    for code, path in ((code_of(secret), TF_VALIDATE), (recovery, RECOVERY)):
        half = begin_login(stranger)
        with monkeypatch.context() as broken:
            broken.setattr("secure_flask.auth.logins.start_login", lambda *given, **more: 1 / 0)
            assert send_code(stranger, half, code, path).status_code == 500
        assert is_logged_in(stranger, login_of(send_code(stranger, half, code, path)))


@pytest.mark.asvs("7.5.1")
@every_token_type
def test_the_password_alone_makes_no_login_recent_and_both_factors_do(
    app: Flask, client: FlaskClient, credentials: Headers, secret: str
) -> None:
    grow_old(app)
    half = send(client, routes.REAUTHENTICATE, {"password": LOGIN["password"]}, credentials)
    assert half.get_json()["tf_required"] is True
    assert send(client, "/mf-recovery-codes", {}, credentials).status_code == 401
    tf_token = half.get_json()["tf_token"]
    done = login_of(send_code(client, {"tf_token": tf_token}, code_of(secret)))
    assert send(client, "/mf-recovery-codes", {}, done).status_code == 200
    # In the place of the login that was there.
    shown = client.get(routes.SESSIONS, headers=OWN_PAGE | done).get_json()["sessions"]
    assert len(shown) == 1


@pytest.mark.asvs("7.5.1")
@every_token_type
def test_a_password_change_makes_no_login_recent_where_there_is_a_second_factor(
    client: FlaskClient, credentials: Headers, secret: str, wait: Wait
) -> None:
    """Whoever has a login and the password would otherwise remove the factor."""
    wait(6 * 60)
    body: dict[str, object] = {
        "current_password": LOGIN["password"],
        "new_password": "twelve boats that nobody rows home",
    }
    done = login_of(send(client, routes.PASSWORD, body, credentials))
    assert is_logged_in(client, done)
    for path, tried in {
        "/tf-setup": {"setup": "disable"},
        "/mf-recovery-codes": {},
        "/change-email": {"email": "thief@example.org"},
        "/wan-register": {},
    }.items():
        assert (path, send(client, path, {**tried}, done).status_code) == (path, 401)
    assert client.delete(routes.ME, headers=OWN_PAGE | done).status_code == 401


def test_a_reauthentication_whose_login_has_ended_gives_none(
    client: FlaskClient, credentials: Headers, secret: str
) -> None:
    begun = send(client, routes.REAUTHENTICATE, {"password": LOGIN["password"]}, credentials)
    half = {"tf_token": begun.get_json()["tf_token"]}
    send(client, routes.LOGOUT, {}, credentials)
    assert_refused(send_code(client, half, code_of(secret)))


@pytest.mark.asvs("16.3.1")
def test_the_log_says_by_which_factors_a_login_was_made(
    make_app: MakeApp, lines: Lines, wait: Wait
) -> None:
    app = make_app(**PRODUCTION)
    client = app.test_client()
    secret = add_app(client, credentials := log_in(client))
    key = add_passkey(client, credentials)
    recovery, *_ = add_recovery_codes(client, credentials)
    wait(STEP)
    lines()
    assert logs_in_by_code(client, code_of(secret))
    assert logs_in_by_code(client, recovery, RECOVERY)
    use(client, WAN_SECOND, key, None, **begin_login(client))
    use(client, "/wan-signin", key)
    made = [each for each in lines() if each["event"] == "authn_login_success"]
    assert [each["factors"] for each in made] == [
        "password, authenticator",
        "password, recovery_code",
        "password, passkey",
        "passkey",
    ]


def enter_password(client: FlaskClient, query: str = "") -> str:
    """Log in on the page as far as the password goes; where that leads."""
    begun = post(client, f"{LOGIN_PAGE}{query}", **LOGIN, keep="y")
    assert begun.status_code == 303
    return str(begun.headers["Location"])


@with_and_without_bearer
def test_on_pages_the_password_leads_to_the_code_and_the_code_to_the_page_asked_for(
    app: Flask, secret: str, stranger: FlaskClient
) -> None:
    step = enter_password(stranger, f"?next={ACCOUNT}")
    assert step == f"{TF_VALIDATE}?next={ACCOUNT}"
    assert not is_logged_in(stranger)
    page = stranger.get(step, headers=OWN)
    assert (page.status_code, "one-time-code" in page.text) == (200, True)
    done = post(stranger, step, code=code_of(secret))
    assert_leads_to(done, ACCOUNT)
    assert is_logged_in(stranger)
    # What was chosen beside the password holds.
    kept = f"Max-Age={app.config['KEPT_LIFETIME']};"
    assert any(kept in each for each in done.headers.getlist("Set-Cookie"))


def test_no_page_of_another_site_follows_the_code(stranger: FlaskClient, secret: str) -> None:
    enter_password(stranger)
    done = post(stranger, f"{TF_VALIDATE}?next=//evil.example", code=code_of(secret))
    assert_leads_to(done, "/")


@pytest.mark.asvs("3.5.1")
def test_no_form_of_another_site_completes_a_login(stranger: FlaskClient, secret: str) -> None:
    enter_password(stranger)
    evil = {"Origin": "https://evil.example"}
    assert post(stranger, TF_VALIDATE, evil, code=code_of(secret)).status_code == 403
    assert not is_logged_in(stranger)


def test_a_page_asks_again_for_a_wrong_code_and_the_fifth_leads_to_the_login(
    stranger: FlaskClient, secret: str
) -> None:
    enter_password(stranger)
    for _ in range(4):
        page = post(stranger, TF_VALIDATE, code=wrong_code_of(secret))
        assert (page.status_code, invalid_fields(page.text)) == (401, ["code"])
    assert post(stranger, TF_VALIDATE, code="").status_code == 422
    last = post(stranger, f"{TF_VALIDATE}?next={ACCOUNT}", code=wrong_code_of(secret))
    assert_leads_to(last, f"{LOGIN_PAGE}?next={ACCOUNT}")
    assert "The second step has ended" in stranger.get(LOGIN_PAGE).text


def test_a_page_offers_each_factor_and_no_other(
    app: Flask, client: FlaskClient, credentials: Headers, passkey: Passkey, stranger: FlaskClient
) -> None:
    def offered() -> tuple[bool, bool, bool]:
        enter_password(browser := app.test_client())
        page = browser.get(TF_VALIDATE).text
        return "one-time-code" in page, 'data-begin="/wan-second"' in page, RECOVERY in page

    assert offered() == (False, True, True)
    add_app(client, credentials)
    assert offered() == (True, True, True)
    with stored_user(app) as user:
        recovery_codes.delete_recovery_codes(user)
    assert offered() == (True, True, False)


def test_a_page_takes_a_recovery_code_with_spaces(
    client: FlaskClient, credentials: Headers, stranger: FlaskClient, secret: str
) -> None:
    code, *_ = add_recovery_codes(client, credentials)
    enter_password(stranger)
    assert stranger.get(RECOVERY).status_code == 200
    assert invalid_fields(post(stranger, RECOVERY, code="aaaa").text) == ["code"]
    assert_leads_to(post(stranger, RECOVERY, code=f" {code.replace('-', ' ')} "), "/")


def test_who_used_a_recovery_code_is_told_that_it_is_used_up(
    client: FlaskClient, credentials: Headers, stranger: FlaskClient, secret: str
) -> None:
    code, *_ = add_recovery_codes(client, credentials)
    enter_password(stranger)
    then = post(stranger, RECOVERY, code=code).headers["Location"]
    assert "You used up a recovery code." in stranger.get(then).text


@pytest.mark.parametrize("path", [TF_VALIDATE, RECOVERY, "/tf-invitation"])
def test_without_the_password_the_pages_lead_to_the_login(path: str, stranger: FlaskClient) -> None:
    answers = [
        stranger.get(f"{path}?next={ACCOUNT}", headers=OWN),
        post(stranger, f"{path}?next={ACCOUNT}", code="1"),
    ]
    for each in answers:
        assert_leads_to(each, f"{LOGIN_PAGE}?next={ACCOUNT}")


@with_and_without_bearer
def test_a_page_completes_a_login_by_passkey(stranger: FlaskClient, passkey: Passkey) -> None:
    enter_password(stranger)
    # The script of the page sends JSON, and the half login is in the cookie.
    begun = challenge(stranger, WAN_SECOND)
    done = answer(stranger, WAN_SECOND, begun, passkey, None, cookie=True)
    assert done.get_json()["token_type"] == "session"
    assert stranger.get(ACCOUNT).status_code == 200


def test_the_description_has_the_second_factor_in_each_login(
    app: Flask, client: FlaskClient
) -> None:
    paths = client.get(routes.OPENAPI).get_json()["paths"]
    for path in (routes.LOGIN, routes.REAUTHENTICATE):
        schema = str(paths[path]["post"]["responses"]["200"])
        assert "tf_required" in schema or "SecondFactorRequired" in schema
    for path in (TF_VALIDATE, RECOVERY, "/tf-setup", "/wan-second/{state}", "/mf-recovery-codes"):
        described = paths[path]["post"]
        assert described["requestBody"]["content"]["application/json"]["schema"]
        assert {"401", "200"} <= described["responses"].keys()


def test_who_is_logged_in_and_has_no_second_step_is_asked_for_the_password(
    client: FlaskClient, credentials: Headers
) -> None:
    page = client.get(RECOVERY, headers={**credentials, "Accept": "text/html"})
    assert page.headers["Location"].startswith("/reauthenticate")
