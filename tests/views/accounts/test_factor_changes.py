"""How an app, recovery codes and demanded factors come and go, as JSON and on pages."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import db
from secure_flask.accounts import factor_changes, half_logins, notices, recovery_codes, steps
from secure_flask.auth.login_table import Login
from secure_flask.auth.tokens import session
from secure_flask.auth.users import replace_hash
from sqlalchemy import delete, func, select, update
from werkzeug.test import TestResponse

from app.models import User
from core import routes
from core.accounts.devices import STEP, at_once, code_of, wrong_code_of
from tests.page_elements import Elements
from views.accounts.devices import (
    WAN_REGISTER,
    WAN_SIGNIN,
    Passkey,
    add_app,
    add_passkey,
    add_recovery_codes,
    answer,
    begin_setup,
    challenge,
    login_of,
    logs_in_by_code,
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
    Half,
    Headers,
    begin_login,
    database_in,
    delivered,
    give_address,
    mailed_link,
    send,
)
from views.conftest import (
    LOGIN,
    OWN,
    OWN_PAGE,
    PASSWORD,
    PRODUCTION,
    USERNAME,
    Lines,
    MakeApp,
    Wait,
    add_user,
    assert_leads_to,
    every_token_type,
    give_roles,
    grow_old,
    invalid_fields,
    is_logged_in,
    log_in,
    log_in_by_form,
    post,
    stored_user,
    with_and_without_bearer,
)

INVITATION, FACTORS = "/tf-invitation", "/account/factors"
REMOVE = "/account/authenticator/remove"


def is_on(app: Flask) -> bool:
    """Whether a password alone logs the user in no more."""
    return "tf_required" in app.test_client().post(routes.LOGIN, json=LOGIN).get_json()


def run_command(app: Flask, option: str, name: str = USERNAME) -> str:
    result = app.test_cli_runner().invoke(args=["user", "factors", name, option])
    assert result.exit_code == 0, result.output
    return str(result.stdout)


def invite(app: Flask, name: str = USERNAME) -> str:
    return run_command(app, "--invite", name).splitlines()[0].removeprefix("Invitation code: ")


@pytest.fixture
def demanding(make_app: MakeApp) -> Flask:
    """An app with a user of whom a role demands a second factor, which is not set up yet."""
    app = make_app(SECOND_FACTOR_ROLES=["boss"])
    give_address(app)
    give_roles(app, "boss")
    return app


@pytest.mark.asvs("6.5.1")
def test_the_code_of_the_setup_logs_nobody_in(
    client: FlaskClient, credentials: Headers, stranger: FlaskClient, wait: Wait
) -> None:
    secret = add_app(client, credentials)
    assert not logs_in_by_code(stranger, code_of(secret))


@pytest.mark.asvs("6.5.3")
def test_each_setup_makes_a_new_secret_of_160_bits(
    client: FlaskClient, credentials: Headers
) -> None:
    secrets = {begin_setup(client, credentials)[0] for _ in range(3)}
    assert len(secrets) == 3
    assert all(len(secret) * 5 >= 160 for secret in secrets)


def test_nothing_is_on_before_the_first_code(
    app: Flask, client: FlaskClient, credentials: Headers
) -> None:
    secret, path = begin_setup(client, credentials)
    wrong = send(client, path, {"code": wrong_code_of(secret)}, credentials)
    assert (wrong.status_code, is_on(app)) == (400, False)
    done = send(client, path, {"code": code_of(secret)}, credentials)
    assert (done.status_code, secret in done.text, is_on(app)) == (200, False, True)


def test_a_setup_ends_after_ten_minutes(
    app: Flask, client: FlaskClient, credentials: Headers, wait: Wait
) -> None:
    secret, path = begin_setup(client, credentials)
    wait(10 * 60)
    credentials = log_in(client)
    for ended in (path, f"{TF_SETUP}/x"):
        assert send(client, ended, {"code": code_of(secret)}, credentials).status_code == 400
    assert not is_on(app)


def test_wrong_codes_end_no_setup_whose_key_its_user_sees(
    app: Flask, client: FlaskClient, credentials: Headers
) -> None:
    secret, path = begin_setup(client, credentials)
    for _ in range(steps.MAX_FAILURES):
        assert send(client, path, {"code": wrong_code_of(secret)}, credentials).status_code == 400
    assert send(client, path, {"code": code_of(secret)}, credentials).status_code == 200
    assert is_on(app)


@pytest.mark.asvs("2.3.1")
def test_a_setup_belongs_to_its_user(
    app: Flask, client: FlaskClient, credentials: Headers, others: tuple[FlaskClient, Headers]
) -> None:
    secret, path = begin_setup(client, credentials)
    other, theirs = others
    assert send(other, path, {"code": code_of(secret)}, theirs).status_code == 400
    shown = other.get(path, headers=OWN | theirs)
    assert secret not in shown.text
    assert send(client, path, {"code": code_of(secret)}, credentials).status_code == 200


def test_eight_first_codes_at_once_set_up_one_app(file_app: Flask) -> None:
    client = file_app.test_client()
    secret, path = begin_setup(client, credentials := log_in(client))
    cookies = client.get_cookie("dev-session")
    assert cookies

    def finish(number: int) -> int:
        browser = file_app.test_client()
        browser.set_cookie("dev-session", cookies.value)
        return send(browser, path, {"code": code_of(secret)}, credentials).status_code

    assert sorted(at_once(finish)) == [200, *[400] * 7]


@pytest.mark.asvs("7.4.3")
@every_token_type
def test_a_change_of_factors_ends_all_other_logins(
    app: Flask, client: FlaskClient, credentials: Headers
) -> None:
    changes: list[Callable[[], object]] = [
        lambda: add_app(client, credentials),
        lambda: add_recovery_codes(client, credentials),
        lambda: add_passkey(client, credentials),
        lambda: send(client, "/wan-delete", {"name": "phone"}, credentials),
        lambda: send(client, TF_SETUP, {"setup": "disable"}, credentials),
    ]
    for change in changes:
        before = len(sessions(client, credentials))
        with app.test_request_context(), stored_user(app) as user:
            session.issue_token(user)
        assert len(sessions(client, credentials)) == before + 1
        change()
        assert len(sessions(client, credentials)) == 1


def sessions(client: FlaskClient, credentials: Headers) -> list[object]:
    shown = client.get(routes.SESSIONS, headers=OWN_PAGE | credentials)
    return list(shown.get_json()["sessions"])


@pytest.mark.asvs("7.5.1")
def test_changing_a_factor_needs_a_login_of_the_last_five_minutes(
    app: Flask, client: FlaskClient, credentials: Headers, secret: str, wait: Wait
) -> None:
    again, path = begin_setup(client, credentials)
    wait(5 * 60 + 1 - STEP)
    tries: list[tuple[str, dict[str, object]]] = [
        (TF_SETUP, {"setup": "disable"}),
        (TF_SETUP, {"setup": "authenticator"}),
        (path, {"code": code_of(again)}),
        (RECOVERY_CODES, {}),
        (WAN_REGISTER, {}),
        (f"{WAN_REGISTER}/x", {"name": "thief", "credential": "{}"}),
        ("/wan-delete", {"name": "phone"}),
    ]
    for tried, body in tries:
        for client_of in (client, app.test_client()):
            headers = credentials if client_of is client else {}
            assert (tried, send(client_of, tried, body, headers).status_code) == (tried, 401)
    assert is_on(app)


@pytest.mark.usefixtures("secret")
def test_a_login_that_ends_at_the_same_moment_changes_no_factor(
    app: Flask, client: FlaskClient, credentials: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:

    def end_meanwhile(user: User, new: str) -> bool:
        db.session.execute(delete(Login), execution_options={"synchronize_session": False})
        return replace_hash(user, new)

    monkeypatch.setattr(factor_changes, "replace_hash", end_meanwhile)
    assert send(client, TF_SETUP, {"setup": "disable"}, credentials).status_code == 401
    with stored_user(app) as user:
        assert user.has_authenticator


@pytest.mark.asvs("6.5.6")
def test_who_removes_the_app_logs_in_by_password_again_and_keeps_no_recovery_code(
    app: Flask, client: FlaskClient, credentials: Headers, secret: str
) -> None:
    add_recovery_codes(client, credentials)
    assert send(client, TF_SETUP, {"setup": "disable"}, credentials).status_code == 200
    assert not is_on(app)
    with stored_user(app) as user:
        assert (user.totp_secret, recovery_codes.recovery_codes_left(user)) == (None, 0)


def test_who_removes_the_app_beside_a_passkey_keeps_the_recovery_codes(
    app: Flask, client: FlaskClient, credentials: Headers, secret: str, stranger: FlaskClient
) -> None:
    add_passkey(client, credentials)
    code, *_ = add_recovery_codes(client, credentials)
    send(client, TF_SETUP, {"setup": "disable"}, credentials)
    assert is_on(app)
    assert logs_in_by_code(stranger, code, RECOVERY)


def test_recovery_codes_without_a_factor_are_refused(
    client: FlaskClient, credentials: Headers
) -> None:
    assert send(client, RECOVERY_CODES, {}, credentials).status_code == 409


@pytest.mark.asvs("6.5.3", "6.5.4", "6.5.6")
def test_new_recovery_codes_replace_the_old_ones(
    client: FlaskClient, credentials: Headers, stranger: FlaskClient, secret: str
) -> None:
    old = add_recovery_codes(client, credentials)
    new = add_recovery_codes(client, credentials)
    assert len({*old, *new}) == len(old) + len(new)
    # Five bits in each character: nobody guesses one.
    assert all(len(code.replace("-", "")) * 5 >= 112 for code in new)
    assert not logs_in_by_code(stranger, old[0], RECOVERY)
    assert logs_in_by_code(stranger, new[0], RECOVERY)


def test_eight_clicks_on_new_recovery_codes_leave_the_codes_of_one(file_app: Flask) -> None:
    client = file_app.test_client()
    add_app(client, credentials := log_in(client))
    cookie = client.get_cookie("dev-session")
    assert cookie

    def click(number: int) -> list[str]:
        browser = file_app.test_client()
        browser.set_cookie("dev-session", cookie.value)
        return add_recovery_codes(browser, credentials)

    made = at_once(click)
    with stored_user(file_app) as user:
        assert recovery_codes.recovery_codes_left(user) == len(made[0])


@pytest.mark.asvs("2.3.3")
@pytest.mark.parametrize("change", ["app", "codes"])
def test_a_factor_and_what_follows_change_together_or_not_at_all(
    change: str,
    app: Flask,
    client: FlaskClient,
    credentials: Headers,
    secret: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    code, *_ = add_recovery_codes(client, credentials)
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    with monkeypatch.context() as broken:
        broken.setattr(notices, "factors_changed", lambda *given: 1 / 0)
        path, body = (TF_SETUP, {"setup": "disable"}) if change == "app" else (RECOVERY_CODES, {})
        assert send(client, path, {**body}, credentials).status_code == 500
    assert logs_in_by_code(app.test_client(), code, RECOVERY)


@pytest.mark.asvs("6.3.7")
def test_the_user_gets_a_mail_about_each_change(
    app: Flask, client: FlaskClient, credentials: Headers, address: str, wait: Wait
) -> None:
    before = len(delivered(app))
    said: list[str] = []
    changes = (add_app, add_recovery_codes, add_passkey)
    for change in changes:
        change(client, credentials)
        # Notices of one hour are joined.
        wait(60 * 60)
        credentials = log_in_again(app, client)
        said += [str(each["Subject"]) for each in delivered(app)[before + len(said) :]]
    assert [each.partition(" at ")[0] for each in said] == [
        "An authenticator app was added",
        "The recovery codes were replaced",
        "A passkey was added",
    ]


def test_the_mail_about_a_change_has_the_owners_words(make_app: MakeApp) -> None:
    app = make_app(TEXTS={"An authenticator app was added": "Neue App"})
    give_address(app)
    client = app.test_client()
    add_app(client, log_in(client))
    assert str(delivered(app)[-1]["Subject"]).startswith("Neue App at ")


def log_in_again(app: Flask, client: FlaskClient) -> Headers:
    with stored_user(app) as user:
        secret = user.totp_secret or ""
    return login_of(send_code(client, begin_login(client), code_of(secret)))


def test_the_log_says_which_factor_changed(make_app: MakeApp, lines: Lines) -> None:
    app = make_app(**PRODUCTION)
    client = app.test_client()
    credentials = log_in(client)
    lines()
    add_app(client, credentials)
    add_recovery_codes(client, credentials)
    add_passkey(client, credentials)
    send(client, "/wan-delete", {"name": "phone"}, credentials)
    send(client, TF_SETUP, {"setup": "disable"}, credentials)
    written = [each["change"] for each in lines() if each["event"] == "user_updated"]
    assert written == [
        "An authenticator app was added",
        "The recovery codes were replaced",
        "A passkey was added",
        "A passkey was deleted",
        "The authenticator app was removed",
    ]


@pytest.mark.asvs("6.3.3", "6.4.1")
@every_token_type
def test_the_first_factor_of_a_demanded_role_needs_the_invitation_of_an_operator(
    demanding: Flask, wait: Wait
) -> None:
    client = demanding.test_client()
    answer = send(client, routes.LOGIN, {**LOGIN})
    half = {"tf_token": answer.get_json()["tf_token"]}
    assert answer.get_json()["factors"] == []
    # Whoever knows the password alone sets up nothing.
    refused = send(client, TF_SETUP, {"setup": "authenticator", **half})
    assert refused.status_code == 401
    for wrong in ("x", code_of("A" * 32)):
        assert send(client, INVITATION, {"code": wrong, **half}).status_code == 403
    assert send(client, INVITATION, {"code": f" {invite(demanding)} ", **half}).status_code == 204
    secret, path = begin_setup(client, **half)
    wrong_code = send(client, path, {"code": wrong_code_of(secret), **half})
    assert wrong_code.status_code == 400
    done = login_of(send(client, path, {"code": code_of(secret), **half}))
    assert is_logged_in(client, done)
    wait(STEP)
    assert logs_in_by_code(client, code_of(secret))


def set_up_by(client: FlaskClient, code: str) -> tuple[str, str, Half]:
    """Log in by the password, accept an invitation and begin a setup, as before its first code."""
    half = begin_login(client)
    assert send(client, INVITATION, {"code": code, **half}).status_code == 204
    secret, path = begin_setup(client, **half)
    return secret, path, half


@pytest.mark.asvs("6.4.1")
def test_an_invitation_is_for_one_user_and_a_week(demanding: Flask, wait: Wait) -> None:
    add_user(demanding, "grace")
    client = demanding.test_client()
    half, theirs, late = begin_login(client), invite(demanding, "grace"), invite(demanding)
    assert send(client, INVITATION, {"code": theirs, **half}).status_code == 403
    wait(7 * 24 * 60 * 60)
    last = begin_login(client)
    assert send(client, INVITATION, {"code": late, **last}).status_code == 403


def test_an_invitation_serves_again_until_the_first_code_of_an_app(
    demanding: Flask, wait: Wait
) -> None:
    """As where the page was left, or the phone was lost."""
    code = invite(demanding)
    left = set_up_by(demanding.test_client(), code)
    client = demanding.test_client()
    assert send_code(client, left[2], wrong_code_of(left[0]), left[1]).status_code == 400
    wait(half_logins.LIFETIME)
    secret, path, half = set_up_by(client, code)
    assert is_logged_in(client, login_of(send_code(client, half, code_of(secret), path)))
    again = begin_login(client)
    assert send(client, INVITATION, {"code": code, **again}).status_code == 403


@pytest.mark.asvs("6.4.1")
def test_of_two_half_logins_with_one_invitation_one_sets_up_a_factor(demanding: Flask) -> None:
    code = invite(demanding)
    clients = [demanding.test_client() for _ in range(2)]
    begun = [set_up_by(client, code) for client in clients]
    for client, (secret, path, half), status in zip(clients, begun, (200, 401), strict=True):
        assert send_code(client, half, code_of(secret), path).status_code == status
    with stored_user(demanding) as user:
        assert user.totp_secret == begun[0][0]


def test_half_logins_that_finish_at_the_same_moment_set_up_one_factor(
    make_app: MakeApp, tmp_path: Path
) -> None:
    app = make_app(SECOND_FACTOR_ROLES=["boss"], database_url=database_in(tmp_path))
    give_roles(app, "boss")
    code = invite(app)
    begun = [set_up_by(app.test_client(), code) for _ in range(half_logins.MAX_HALF_LOGINS)]

    def finish(number: int) -> int:
        secret, path, half = begun[number % half_logins.MAX_HALF_LOGINS]
        return send_code(app.test_client(), half, code_of(secret), path).status_code

    first, *others = sorted(at_once(finish))
    assert (first, {*others} <= {400, 401, 403}) == (200, True)
    with stored_user(app) as user:
        assert user.totp_secret in [secret for secret, _, _ in begun]
        assert recovery_codes.recovery_codes_left(user) == recovery_codes.NUMBER


@pytest.mark.parametrize("gone", ["used", "expired"])
def test_an_invitation_that_ends_before_the_first_code_sets_up_nothing(
    gone: str, demanding: Flask
) -> None:
    client = demanding.test_client()
    secret, path, half = set_up_by(client, invite(demanding))
    with demanding.app_context():
        mine = steps.Step.purpose == "invitation"
        ended = update(steps.Step).where(mine).values(expires=0)
        db.session.execute(delete(steps.Step).where(mine) if gone == "used" else ended)
        db.session.commit()
    refused = send_code(client, half, code_of(secret), path)
    assert refused.status_code == 403
    assert "is wrong, used or expired" in refused.get_json()["error"]
    with stored_user(demanding) as user:
        assert (user.totp_secret, recovery_codes.recovery_codes_left(user)) == (None, 0)
    assert begin_login(client)


@every_token_type
def test_recovery_codes_come_with_the_first_factor_alone(
    app: Flask, client: FlaskClient, credentials: Headers, stranger: FlaskClient
) -> None:
    begun = challenge(client, WAN_REGISTER, credentials)
    first = answer(client, WAN_REGISTER, begun, Passkey(client), credentials).get_json()
    codes = first["recovery_codes"]
    assert len(set(codes)) == recovery_codes.NUMBER
    begun = challenge(client, WAN_REGISTER, credentials)
    second = answer(client, WAN_REGISTER, begun, Passkey(client), credentials, name="laptop")
    assert second.get_json().get("recovery_codes", []) == []
    secret, path = begin_setup(client, credentials)
    third = send(client, path, {"code": code_of(secret)}, credentials)
    assert third.get_json().get("recovery_codes", []) == []
    assert all(logs_in_by_code(stranger, code, RECOVERY) for code in codes[:2])


def test_recovery_codes_come_with_the_app_that_completes_a_login(
    demanding: Flask, wait: Wait
) -> None:
    client = demanding.test_client()
    secret, path, half = set_up_by(client, invite(demanding))
    done = send_code(client, half, code_of(secret), path)
    assert is_logged_in(client, login_of(done))
    assert logs_in_by_code(demanding.test_client(), done.get_json()["recovery_codes"][0], RECOVERY)


def test_a_first_factor_that_is_not_stored_leaves_no_recovery_code(
    app: Flask, client: FlaskClient, credentials: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    monkeypatch.setattr(notices, "factors_changed", lambda *given: 1 / 0)
    secret, path = begin_setup(client, credentials)
    begun = challenge(client, WAN_REGISTER, credentials)
    assert send(client, path, {"code": code_of(secret)}, credentials).status_code == 500
    assert answer(client, WAN_REGISTER, begun, Passkey(client), credentials).status_code == 500
    with stored_user(app) as user:
        assert recovery_codes.recovery_codes_left(user) == 0


def test_an_invitation_lets_nobody_past_a_factor_that_is_there(
    app: Flask, stranger: FlaskClient, secret: str
) -> None:
    code, half = invite(app), begin_login(stranger)
    send(stranger, INVITATION, {"code": code, **half})
    refused = send(stranger, TF_SETUP, {"setup": "authenticator", **half})
    assert refused.status_code == 401


@pytest.mark.asvs("6.3.6", "6.4.3")
def test_after_a_mailed_reset_the_password_alone_sets_up_nothing(demanding: Flask) -> None:
    client = demanding.test_client()
    send(client, RESET, {"email": ADDRESS})
    assert send(client, mailed_link(demanding), {"password": STRONG}).status_code == 200
    half = begin_login(client, password=STRONG)
    assert send(client, TF_SETUP, {"setup": "authenticator", **half}).status_code == 401


def test_of_whom_a_role_demands_a_factor_the_last_one_stays(demanding: Flask, wait: Wait) -> None:
    client = demanding.test_client()
    half = begin_login(client)
    send(client, INVITATION, {"code": invite(demanding), **half})
    secret, path = begin_setup(client, **half)
    credentials = login_of(send(client, path, {"code": code_of(secret), **half}))
    # Recovery codes are no factor that may stay alone.
    add_recovery_codes(client, credentials)
    disable: dict[str, object] = {"setup": "disable"}
    assert send(client, TF_SETUP, disable, credentials).status_code == 409
    add_passkey(client, credentials)
    assert send(client, TF_SETUP, disable, credentials).status_code == 200
    assert send(client, "/wan-delete", {"name": "phone"}, credentials).status_code == 409
    assert is_on(demanding)


@pytest.mark.asvs("2.3.4")
def test_of_two_factors_removed_at_once_one_stays_where_a_role_demands_it(file_app: Flask) -> None:
    client = file_app.test_client()
    add_app(client, credentials := log_in(client))
    login_of(use(client, WAN_SIGNIN, add_passkey(client, credentials)))
    file_app.config["SECOND_FACTOR_ROLES"] = ["boss"]
    give_roles(file_app, "boss")
    cookie = client.get_cookie("dev-session")
    assert cookie

    def remove(number: int) -> int:
        browser = file_app.test_client()
        browser.set_cookie("dev-session", cookie.value)
        tries = (TF_SETUP, {"setup": "disable"}), ("/wan-delete", {"name": "phone"})
        path, body = tries[number % 2]
        return send(browser, path, {**body}, credentials).status_code

    assert 409 in at_once(remove)
    assert is_on(file_app)


def test_a_forgotten_half_login_stops_no_setup_of_who_is_logged_in(
    client: FlaskClient, secret: str
) -> None:
    log_in_page = post(client, **LOGIN)
    assert log_in_page.headers["Location"] == "/tf-validate"
    begun = post(client, TF_SETUP)
    assert begun.headers["Location"].startswith(f"{TF_SETUP}/")
    assert "<svg" in client.get(begun.headers["Location"]).text


def key_in(page: str) -> str:
    """The key beside the QR code, which stands there in groups of four."""
    [shown] = re.findall('<code id="key">([A-Z2-7 ]+)</code>', page)
    assert {len(group) for group in shown.split()} == {4}
    return str(shown.replace(" ", ""))


def codes_in(page: str) -> list[str]:
    """The recovery codes of the page that shows them."""
    return re.findall("<li>([a-z2-7-]{29})</li>", page)


def assert_shows_codes(client: FlaskClient, done: TestResponse, then: str) -> None:
    """The first factor leads to a page with recovery codes, which leads on."""
    page = client.get(done.headers["Location"], headers=OWN).text
    assert len({*codes_in(page)}) == recovery_codes.NUMBER
    assert then in [link["href"] for link in Elements(page).of("a")]


@with_and_without_bearer
def test_on_pages_a_user_sets_up_an_app(app: Flask, stranger: FlaskClient) -> None:
    client = log_in_by_form(stranger)
    path = post(client, TF_SETUP).headers["Location"]
    page = client.get(path)
    assert (page.status_code, "<svg" in page.text, page.cache_control.no_store) == (200, True, True)
    wrong = post(client, path, code=wrong_code_of(key_in(page.text)))
    assert (wrong.status_code, invalid_fields(wrong.text)) == (400, ["code"])
    assert invalid_fields(post(client, path, code=" ").text) == ["code"]
    # The same key again, since the app on the phone has it by now.
    assert key_in(wrong.text) == key_in(page.text)
    assert not is_on(app)
    assert_shows_codes(client, post(client, path, code=code_of(key_in(wrong.text))), FACTORS)
    assert (is_on(app), client.get(FACTORS).status_code) == (True, 200)


def test_an_ended_setup_leads_to_a_new_one(client: FlaskClient, credentials: Headers) -> None:
    path = f"{TF_SETUP}/made-up"
    assert_leads_to(client.get(path, headers=OWN), TF_SETUP)
    assert_leads_to(post(client, path, code="000000"), TF_SETUP)
    assert_leads_to(client.get(TF_SETUP), FACTORS)
    assert "This setup has ended" in client.get(FACTORS).text


def test_one_button_of_the_page_begins_the_setup_and_shows_the_key(
    client: FlaskClient, credentials: Headers
) -> None:
    page = client.get(FACTORS).text
    assert TF_SETUP in [form.get("action") for form in Elements(page).of("form")]
    assert key_in(client.get(post(client, TF_SETUP).headers["Location"]).text)


@pytest.mark.usefixtures("secret")
@pytest.mark.parametrize(
    ("used", "said", "warns"),
    [
        (0, "8 codes left", False),
        (6, "2 codes left", True),
        (7, "1 code left", True),
        (8, "no codes left", True),
    ],
)
def test_the_page_says_how_many_recovery_codes_are_left(
    client: FlaskClient, credentials: Headers, app: Flask, used: int, said: str, warns: bool
) -> None:
    codes = add_recovery_codes(client, credentials)
    with stored_user(app) as user:
        assert all(recovery_codes.use_recovery_code(user, code) for code in codes[:used])
    page = client.get(FACTORS).text
    assert f"You have {said}." in page
    assert ("Make new codes before you need them" in page) == warns


def badges(client: FlaskClient, path: str) -> list[str]:
    page = client.get(path, headers=OWN).text
    return re.findall('<span class="badge[^>]*>(On|Off)</span>', page)


def test_badges_say_what_is_on(client: FlaskClient, credentials: Headers) -> None:
    assert (badges(client, "/account"), badges(client, FACTORS)) == (["Off"], ["Off", "Off"])
    add_passkey(client, credentials)
    assert (badges(client, "/account"), badges(client, FACTORS)) == (["On"], ["On", "Off", "On"])
    add_app(client, credentials)
    assert (badges(client, "/account"), badges(client, FACTORS)) == (["On"], ["On", "On", "On"])


@with_and_without_bearer
def test_each_change_by_a_page_is_confirmed_in_a_sentence(stranger: FlaskClient) -> None:
    client = log_in_by_form(stranger)
    path = post(client, TF_SETUP).headers["Location"]
    key = key_in(client.get(path).text)
    page = post(client, path, code=code_of(key)).headers["Location"]
    assert "Your app is set up. You are logged out everywhere else." in client.get(page).text
    page = post(client, RECOVERY_CODES).headers["Location"]
    assert "Your old recovery codes no longer work." in client.get(page).text
    add_passkey(client, OWN_PAGE)
    assert "Your passkey is added." in client.get("/account/passkeys").text
    post(client, REMOVE)
    assert "The app is removed." in client.get(FACTORS).text


@pytest.mark.parametrize("token_type", ["opaque", "jwt"])
def test_a_program_that_adds_a_passkey_gets_no_cookie(
    client: FlaskClient, credentials: Headers
) -> None:
    begun = challenge(client, WAN_REGISTER, credentials)
    added = answer(client, WAN_REGISTER, begun, Passkey(client), credentials)
    assert (added.status_code, added.headers.getlist("Set-Cookie")) == (200, [])


def test_recovery_codes_come_with_what_changes_and_whom_to_ask(
    client: FlaskClient, secret: str
) -> None:
    page = client.get(post(client, RECOVERY_CODES).headers["Location"]).text
    for words in ("Your password alone no longer logs you in", "reset a forgotten password"):
        assert words in page
    assert "Ask the people who run" in page


@pytest.mark.asvs("6.5.6")
def test_the_page_removes_the_app(app: Flask, client: FlaskClient, secret: str) -> None:
    assert f'action="{REMOVE}"' in client.get(FACTORS).text
    assert_leads_to(post(client, REMOVE), FACTORS)
    assert not is_on(app)


def test_a_page_shows_new_recovery_codes_exactly_once_to_be_copied_and_downloaded(
    app: Flask, client: FlaskClient, secret: str
) -> None:
    view = post(client, RECOVERY_CODES).headers["Location"]
    page = client.get(view, headers=OWN)
    codes = codes_in(page.text)
    assert len({*codes}) == recovery_codes.NUMBER
    [link] = [each for each in Elements(page.text).of("a") if "download" in each]
    assert link["href"].endswith("%0A".join(codes))
    again = client.get(view, headers=OWN)
    assert_leads_to(again, FACTORS)
    assert not any(code in client.get(FACTORS).text for code in codes)
    assert logs_in_by_code(app.test_client(), codes[0], RECOVERY)
    with app.app_context():
        assert not db.session.scalar(select(func.count()).select_from(steps.Step))


def test_nobody_else_sees_new_recovery_codes(
    client: FlaskClient, secret: str, others: tuple[FlaskClient, Headers]
) -> None:
    view = post(client, RECOVERY_CODES).headers["Location"]
    other, _ = others
    assert_leads_to(other.get(view, headers=OWN), FACTORS)
    assert codes_in(client.get(view, headers=OWN).text)


@pytest.mark.asvs("7.5.1")
def test_an_old_login_enters_the_password_first_and_then_the_code(
    app: Flask, client: FlaskClient, secret: str
) -> None:
    grow_old(app)
    again = f"/reauthenticate?next={FACTORS}"
    assert_leads_to(client.get(FACTORS, headers=OWN), again)
    step = post(client, again, password=PASSWORD)
    assert_leads_to(step, f"/tf-validate?next={FACTORS}")
    assert client.get(FACTORS, headers=OWN).status_code == 303
    assert_leads_to(post(client, step.headers["Location"], code=code_of(secret)), FACTORS)
    assert client.get(FACTORS, headers=OWN).status_code == 200


@pytest.mark.asvs("3.5.1")
@pytest.mark.parametrize("path", [TF_SETUP, RECOVERY_CODES, REMOVE])
def test_no_form_of_another_site_changes_a_factor(
    path: str, app: Flask, client: FlaskClient, secret: str
) -> None:
    assert post(client, path, {"Origin": "https://evil.example"}).status_code == 403
    assert is_on(app)


def test_on_pages_an_invitation_leads_to_the_setup_before_the_login(demanding: Flask) -> None:
    client = demanding.test_client()
    step = post(client, **LOGIN).headers["Location"]
    invitation = client.get(step, headers=OWN).headers["Location"]
    assert invitation == INVITATION
    assert client.get(invitation, headers=OWN).status_code == 200
    refused = post(client, INVITATION, code="made up")
    assert (refused.status_code, invalid_fields(refused.text)) == (403, ["code"])
    path = post(client, INVITATION, code=invite(demanding)).headers["Location"]
    key = key_in(client.get(path, headers=OWN).text)
    assert_shows_codes(client, post(client, path, code=code_of(key)), FACTORS)
    assert is_logged_in(client)


def test_after_the_invitation_and_the_setup_comes_the_page_that_was_asked_for(
    demanding: Flask,
) -> None:
    client, wanted = demanding.test_client(), "?next=/account"
    step = post(client, f"/login{wanted}", **LOGIN).headers["Location"]
    invitation = client.get(step, headers=OWN).headers["Location"]
    path = post(client, invitation, code=invite(demanding)).headers["Location"]
    assert path.endswith(wanted)
    # Where the setup has ended, the same invitation begins another.
    for ended, then in (
        (f"{TF_SETUP}/ended{wanted}", f"{TF_SETUP}{wanted}"),
        (f"{TF_SETUP}{wanted}", step),
        (step, invitation),
    ):
        assert_leads_to(client.get(ended, headers=OWN), then)
    key = key_in(client.get(path, headers=OWN).text)
    assert_shows_codes(client, post(client, path, code=code_of(key)), "/account")
    assert is_logged_in(client)


def test_a_used_an_expired_and_a_wrong_invitation_are_refused_in_the_same_words(
    demanding: Flask, wait: Wait
) -> None:
    client, used, late = demanding.test_client(), invite(demanding), invite(demanding)
    secret, path, half = set_up_by(client, used)
    assert send_code(client, half, code_of(secret), path).status_code == 200
    run_command(demanding, "--remove")
    wait(7 * 24 * 60 * 60)
    half = begin_login(client)
    for code in (used, late, "made up"):
        refused = send(client, INVITATION, {"code": code, **half})
        assert "is wrong, used or expired" in refused.get_json()["error"]
