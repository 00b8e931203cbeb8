"""The routes of an app, of recovery codes and of invitations, as JSON and on pages."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask.accounts import recovery_codes, second_step
from werkzeug.test import TestResponse

from core import routes
from core.accounts.devices import STEP, code_of, wrong_code_of
from core.accounts.observing import stored_rows
from tests.page_elements import Elements
from views.accounts.devices import (
    WAN_SIGNIN,
    WAN_VERIFY,
    add_passkey,
    add_recovery_codes,
    begin_setup,
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
    Headers,
    begin_login,
    send,
)
from views.conftest import (
    LOGIN,
    OWN,
    OWN_PAGE,
    PASSWORD,
    Configure,
    Wait,
    assert_leads_to,
    every_token_type,
    give_roles,
    grow_old,
    invalid_fields,
    is_logged_in,
    log_in_by_form,
    post,
    stored_user,
    with_and_without_bearer,
)

INVITATION, FACTORS = "/tf-invitation", "/account/factors"
# A view of the role that demands a second factor here.
PEOPLE = "/people"
Demand = Callable[[], None]
REMOVE = "/account/authenticator/remove"
BADGE = '<span class="badge[^>]*>(On|Off)</span>'


def is_on(app: Flask) -> bool:
    """Whether a password alone logs the user in no more."""
    return "tf_required" in app.test_client().post(routes.LOGIN, json=LOGIN).get_json()


def invite(app: Flask) -> str:
    with stored_user(app) as user:
        return second_step.make_invitation(user)


@pytest.fixture
def demand(app: Flask, address: str, configure: Configure) -> Demand:
    """Give the user a role that demands a second factor, which is not set up yet."""
    configure(app, SECOND_FACTOR_ROLES=["admin"])

    return lambda: give_roles(app, "admin")


@every_token_type
def test_a_program_sets_up_an_app_makes_recovery_codes_and_removes_the_app(
    app: Flask, client: FlaskClient, credentials: Headers
) -> None:
    def ask(path: str, **body: object) -> TestResponse:
        return send(client, path, body, credentials)

    assert ask(RECOVERY_CODES).status_code == 409
    secret, path = begin_setup(client, credentials)
    assert (ask(path, code=wrong_code_of(secret)).status_code, is_on(app)) == (400, False)
    done = ask(path, code=code_of(secret))
    assert (done.status_code, secret in done.text, is_on(app)) == (200, False, True)
    new = ask(RECOVERY_CODES).get_json()["recovery_codes"]
    assert len({*done.get_json()["recovery_codes"], *new}) == 2 * recovery_codes.NUMBER
    assert (ask(TF_SETUP, setup="disable").status_code, is_on(app)) == (200, False)


@pytest.mark.asvs("6.3.3", "6.4.1")
@every_token_type
def test_the_first_factor_of_a_demanded_role_needs_the_invitation_of_an_operator(
    app: Flask, client: FlaskClient, demand: Demand
) -> None:
    demand()
    half = begin_login(client)
    assert send(client, TF_SETUP, {"setup": "authenticator", **half}).status_code == 401
    assert send_code(client, half, "x", INVITATION).status_code == 403
    assert send_code(client, half, invite(app), INVITATION).status_code == 204
    secret, path = begin_setup(client, **half)
    assert send_code(client, half, wrong_code_of(secret), path).status_code == 400
    done = send_code(client, half, code_of(secret), path)
    assert is_logged_in(client, login_of(done))
    assert len(done.get_json()["recovery_codes"]) == recovery_codes.NUMBER
    kept = send(client, TF_SETUP, {"setup": "disable"}, login_of(done))
    assert kept.status_code == 409


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


def test_an_ended_setup_and_codes_that_are_shown_no_more_lead_to_new_ones(
    client: FlaskClient, secret: str
) -> None:
    path = f"{TF_SETUP}/made-up"
    assert_leads_to(client.get(path, headers=OWN), TF_SETUP)
    assert_leads_to(post(client, path, code="000000"), TF_SETUP)
    assert_leads_to(client.get(TF_SETUP), FACTORS)
    assert "This setup has ended" in client.get(FACTORS).text
    assert_leads_to(client.get("/account/recovery-codes/made-up", headers=OWN), FACTORS)
    assert "make new ones" in client.get(FACTORS).text


@pytest.mark.usefixtures("secret")
def test_the_page_says_how_many_recovery_codes_are_left(
    client: FlaskClient, credentials: Headers, app: Flask
) -> None:
    unused, pages = iter(add_recovery_codes(client, credentials)), {}
    for used in range(recovery_codes.NUMBER + 1):
        pages[used] = client.get(FACTORS).text
        with stored_user(app) as user:
            recovery_codes.use_recovery_code(user, next(unused, ""))
    said = {0: "8 codes left", 6: "2 codes left", 7: "1 code left", 8: "no codes left"}
    assert [used for used, words in said.items() if f"You have {words}." not in pages[used]] == []
    warns = ["Make new codes before you need them" in pages[used] for used in said]
    assert warns == [False, True, True, True]


@pytest.mark.asvs("6.5.6")
@with_and_without_bearer
def test_on_pages_a_user_sets_up_an_app_and_removes_it_and_each_change_is_confirmed(
    app: Flask, stranger: FlaskClient
) -> None:
    client = log_in_by_form(stranger)
    path = post(client, TF_SETUP).headers["Location"]
    page = client.get(path)
    assert (page.status_code, "<svg" in page.text, page.cache_control.no_store) == (200, True, True)
    wrong = post(client, path, code=wrong_code_of(key_in(page.text)))
    assert (wrong.status_code, invalid_fields(wrong.text)) == (400, ["code"])
    assert invalid_fields(post(client, path, code=" ").text) == ["code"]
    # The same key again, since the app on the phone has it by now.
    assert (key_in(wrong.text), is_on(app)) == (key_in(page.text), False)
    done = post(client, path, code=code_of(key_in(wrong.text)))
    shown = client.get(done.headers["Location"]).text
    assert "Your app is set up. You are logged out everywhere else." in shown
    assert_shows_codes(client, done, FACTORS)
    shown = client.get(post(client, RECOVERY_CODES).headers["Location"]).text
    assert "Your old recovery codes no longer work." in shown
    add_passkey(client, OWN_PAGE)
    assert "Your passkey is added." in client.get("/account/passkeys").text
    assert re.findall(BADGE, client.get(FACTORS).text) == ["On", "On", "On"]
    assert f'action="{REMOVE}"' in client.get(FACTORS).text
    post(client, REMOVE)
    shown = client.get(FACTORS).text
    assert ("The app is removed." in shown, TF_SETUP in shown) == (True, True)
    assert re.findall(BADGE, shown) == ["On", "Off", "On"]
    assert "authenticator" not in send(app.test_client(), routes.LOGIN, {**LOGIN}).text


@pytest.mark.asvs("3.5.3")
def test_who_opens_new_recovery_codes_or_loses_the_answer_can_open_them_again(
    app: Flask, client: FlaskClient, secret: str
) -> None:
    page = post(client, RECOVERY_CODES).headers["Location"]
    before = stored_rows(app)
    opened = [client.open(page, method=method, headers=OWN) for method in ("HEAD", "GET", "GET")]
    assert [answer.status_code for answer in opened] == [200] * 3
    assert len({*codes_in(opened[1].text)}) == recovery_codes.NUMBER
    assert codes_in(opened[1].text) == codes_in(opened[2].text)
    assert stored_rows(app) == before


def test_a_page_shows_new_recovery_codes_to_be_copied_and_downloaded(
    app: Flask, client: FlaskClient, secret: str
) -> None:
    view = post(client, RECOVERY_CODES).headers["Location"]
    page = client.get(view, headers=OWN)
    codes = codes_in(page.text)
    assert len({*codes}) == recovery_codes.NUMBER
    assert "Your password alone no longer logs you in" in page.text
    assert "reset a forgotten password" in page.text
    assert "Ask the people who run" in page.text
    [link] = [each for each in Elements(page.text).of("a") if "download" in each]
    assert link["href"].endswith("%0A".join(codes))
    assert not any(code in client.get(FACTORS).text for code in codes)
    assert logs_in_by_code(app.test_client(), codes[0], RECOVERY)


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


# A role that demands a second factor, given while its user is logged in.


@with_and_without_bearer
def test_after_the_invitation_and_the_setup_comes_the_page_that_was_asked_for(
    app: Flask, stranger: FlaskClient, demand: Demand
) -> None:
    client = log_in_by_form(stranger)
    demand()
    login = f"/login?next={PEOPLE}"
    assert_leads_to(client.get(PEOPLE, headers=OWN), login)
    assert "<form" in client.get(login, headers=OWN).text.partition("<main")[2]
    step = post(client, login, **LOGIN).headers["Location"]
    assert step == f"/tf-validate?next={PEOPLE}"
    invitation = client.get(step, headers=OWN).headers["Location"]
    assert (invitation, client.get(invitation).status_code) == (f"{INVITATION}?next={PEOPLE}", 200)
    refused = post(client, invitation, code="made up")
    assert (refused.status_code, invalid_fields(refused.text)) == (403, ["code"])
    path = post(client, invitation, code=invite(app)).headers["Location"]
    # Where the setup has ended, the same invitation begins another.
    ended = [f"{TF_SETUP}/ended?next={PEOPLE}", f"{TF_SETUP}?next={PEOPLE}", step]
    led = [client.get(each, headers=OWN).headers["Location"] for each in ended]
    assert led == [*ended[1:], invitation]
    key = key_in(client.get(path, headers=OWN).text)
    assert_shows_codes(client, post(client, path, code=code_of(key)), PEOPLE)
    assert client.get(PEOPLE, headers=OWN).status_code == 200


def opens(client: FlaskClient, credentials: Headers) -> int:
    return client.get(PEOPLE, headers=credentials).status_code


@pytest.mark.asvs("6.3.3")
@every_token_type
def test_only_a_login_by_both_factors_opens_what_its_role_may_and_goes_on(
    client: FlaskClient, credentials: Headers, secret: str, demand: Demand, wait: Wait
) -> None:
    """Also with a new password, and after it was confirmed."""
    device = add_passkey(client, credentials)
    demand()
    statuses = [opens(client, credentials)]
    credentials = login_of(send_code(client, begin_login(client), code_of(secret)))
    statuses.append(opens(client, credentials))
    change: dict[str, object] = {"current_password": PASSWORD, "new_password": STRONG}
    credentials = login_of(send(client, routes.PASSWORD, change, credentials))
    statuses.append(opens(client, credentials))
    wait(STEP)
    begun = send(client, routes.REAUTHENTICATE, {"password": STRONG}, credentials).get_json()
    credentials = login_of(send_code(client, {"tf_token": begun["tf_token"]}, code_of(secret)))
    statuses.append(opens(client, credentials))
    statuses.append(opens(client, login_of(use(client, WAN_VERIFY, device, credentials))))
    done = use(client, WAN_SIGNIN, device)
    statuses.append(opens(client, login_of(done)))
    if "refresh_token" in done.get_json():
        body = {"refresh_token": done.get_json()["refresh_token"]}
        statuses.append(opens(client, login_of(client.post(routes.REFRESH, json=body))))
    assert statuses == [401] + [200] * (len(statuses) - 1)
