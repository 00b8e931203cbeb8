"""The second step of a login: codes, recovery codes and passkeys, as JSON and on pages."""

import itertools

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask.accounts import recovery_codes, wrong_codes
from secure_flask.accounts.half_logins import LIFETIME
from secure_flask.crypto.encryption import ENCRYPTION_KEYS
from secure_flask.settings import keyrings
from secure_flask.state import app_state

from core import routes
from core.accounts.devices import STEP, code_of, wrong_code_of
from views.accounts.devices import (
    WAN_SECOND,
    Passkey,
    add_app,
    add_passkey,
    add_recovery_codes,
    assert_refused,
    login_of,
    logs_in_by_code,
    send_code,
    use,
)
from views.accounts.people import (
    RECOVERY,
    RECOVERY_CODES,
    STRONG,
    TF_SETUP,
    TF_VALIDATE,
    Headers,
    begin_login,
    send,
)
from views.conftest import (
    LOGIN,
    OWN,
    OWN_PAGE,
    PASSWORD,
    PRODUCTION,
    MakeApp,
    Wait,
    assert_leads_to,
    every_token_type,
    invalid_fields,
    is_logged_in,
    log_in,
    post,
    stored_user,
    with_and_without_bearer,
)

ACCOUNT, LOGIN_PAGE = "/account", "/login"


@pytest.mark.asvs("6.3.3")
@every_token_type
def test_a_password_alone_logs_nobody_in_and_each_factor_after_it_does(
    client: FlaskClient, credentials: Headers, stranger: FlaskClient, secret: str
) -> None:
    key = add_passkey(client, credentials)
    recovery, *_ = add_recovery_codes(client, credentials)
    begun = send(stranger, routes.LOGIN, {**LOGIN})
    factors = ["authenticator", "passkey", "recovery_code"]
    expected = {"tf_required": True, "factors": factors, "tf_token": ""}
    assert (begun.get_json() | {"tf_token": ""}, is_logged_in(stranger)) == (expected, False)
    half = {"tf_token": begun.get_json()["tf_token"]}
    assert_refused(send_code(stranger, half, wrong_code_of(secret)))
    done = send_code(stranger, half, code_of(secret))
    assert (begun.cache_control.no_store, done.cache_control.no_store) == (True, True)
    assert done.get_json().keys() <= {"token", "token_type", "expires_in", "refresh_token"}
    assert is_logged_in(stranger, login_of(done))
    assert logs_in_by_code(stranger, recovery, RECOVERY)
    assert not logs_in_by_code(stranger, recovery, RECOVERY)
    done = use(stranger, WAN_SECOND, key, None, **begin_login(stranger))
    assert is_logged_in(stranger, login_of(done))


@pytest.mark.asvs("2.3.1", "6.3.3", "7.2.1")
@every_token_type
def test_a_half_login_opens_nothing_but_the_second_step(
    app: Flask, secret: str, subtests: pytest.Subtests
) -> None:
    half = begin_login(app.test_client())
    shown = half["tf_token"]
    cookies = f"half={shown}; session={shown}; dev-half={shown}; dev-session={shown}"
    places: list[Headers] = [{}, {"Authorization": f"Bearer {shown}"}, {"Cookie": cookies}]
    change = {"current_password": PASSWORD, "new_password": STRONG}
    pages = (routes.ME, routes.SESSIONS, "/passkeys", "/account/factors")
    asked: list[tuple[str, dict[str, object] | None]] = [
        *((path, None) for path in pages),
        (routes.PASSWORD, {**change}),
        (routes.REAUTHENTICATE, {"password": PASSWORD}),
        (RECOVERY_CODES, {}),
        (TF_SETUP, {"setup": "disable", **half}),
        (TF_SETUP, {"setup": "authenticator", **half}),
        ("/wan-register", {}),
    ]
    for headers, (path, body) in itertools.product(places, asked):
        with subtests.test(path, **headers):
            method = "GET" if body is None else "POST"
            headers = OWN_PAGE | headers
            # A client that keeps cookies would leave out the header.
            asking = app.test_client(use_cookies=False)
            answer = asking.open(path, method=method, json=body, headers=headers)
            assert answer.status_code == 401


@pytest.mark.asvs("3.3.1", "3.3.4")
def test_the_cookie_of_a_half_login_is_for_this_host_and_no_script(
    make_app: MakeApp, wait: Wait
) -> None:
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
    # No page of another site follows the code.
    elsewhere = f"{TF_VALIDATE}?next=//evil.example"
    assert_leads_to(post(stranger, elsewhere, own, code=code_of(secret)), "/")
    assert stranger.get_cookie("__Host-Http-half") is None
    assert is_logged_in(stranger)


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


def test_a_page_asks_again_for_a_wrong_code_and_the_fifth_leads_to_the_login(
    stranger: FlaskClient, secret: str
) -> None:
    enter_password(stranger)
    pages = [post(stranger, TF_VALIDATE, code=wrong_code_of(secret)) for _ in range(4)]
    asked = [(page.status_code, invalid_fields(page.text)) for page in pages]
    assert asked == [(401, ["code"])] * 4
    assert post(stranger, TF_VALIDATE, code="").status_code == 422
    last = post(stranger, f"{TF_VALIDATE}?next={ACCOUNT}", code=wrong_code_of(secret))
    assert_leads_to(last, f"{LOGIN_PAGE}?next={ACCOUNT}")
    assert "The second step has ended" in stranger.get(LOGIN_PAGE).text


def test_a_page_says_for_how_many_hours_no_code_counts_and_offers_the_recovery_code(
    stranger: FlaskClient, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wrong_codes, "MAX_WRONG_CODES", 0)
    enter_password(stranger)
    page = post(stranger, TF_VALIDATE, code=code_of(secret))
    assert (page.status_code, invalid_fields(page.text)) == (429, ["code"])
    assert "a recovery code still works. Try again in 24 hours." in page.text
    assert f'href="{RECOVERY}"' in page.text
    assert page.headers["Retry-After"] == str(wrong_codes.DAY)


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


def test_a_page_takes_a_recovery_code_and_says_that_it_is_used_up(
    client: FlaskClient, credentials: Headers, stranger: FlaskClient, secret: str
) -> None:
    code, *_ = add_recovery_codes(client, credentials)
    enter_password(stranger)
    path = f"{RECOVERY}?next=//evil.example"
    assert stranger.get(path).status_code == 200
    assert invalid_fields(post(stranger, path, code="aaaa").text) == ["code"]
    # No page of another site follows the code.
    assert_leads_to(post(stranger, path, code=code), "/")
    assert "You used up a recovery code." in stranger.get("/").text


@pytest.mark.parametrize("path", [TF_VALIDATE, RECOVERY, "/tf-invitation"])
def test_without_the_password_the_pages_lead_to_the_login(
    path: str, stranger: FlaskClient, client: FlaskClient, credentials: Headers
) -> None:
    page, login = f"{path}?next={ACCOUNT}", f"{LOGIN_PAGE}?next={ACCOUNT}"
    assert_leads_to(stranger.get(page, headers=OWN), login)
    assert_leads_to(post(stranger, page, code="1"), login)
    # Whoever is logged in has no second step, and enters the password again.
    again = client.get(path, headers={**credentials, "Accept": "text/html"})
    assert again.headers["Location"].startswith("/reauthenticate")


def test_the_description_has_the_second_factor_in_each_login(
    client: FlaskClient, subtests: pytest.Subtests
) -> None:
    paths = client.get(routes.OPENAPI).get_json()["paths"]
    for path in (routes.LOGIN, routes.REAUTHENTICATE):
        with subtests.test(path=path):
            schema = str(paths[path]["post"]["responses"]["200"])
            assert "tf_required" in schema or "SecondFactorRequired" in schema


@pytest.mark.usefixtures("address")
def test_people_see_their_account_and_end_its_logins(
    app: Flask, client: FlaskClient, credentials: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = keyrings.read_numbered_keyring(keyrings.new_key("99"))
    monkeypatch.setitem(app_state(app), ENCRYPTION_KEYS, ring)
    assert client.get("/account").status_code == 200
    assert client.delete(routes.SESSIONS, headers=OWN_PAGE | credentials).status_code == 204
