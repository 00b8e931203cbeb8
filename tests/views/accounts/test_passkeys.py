"""The routes and pages of passkeys: to list, add, delete and use them."""

import itertools
import json
from functools import partial
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import db
from secure_flask.accounts import passkeys, steps, worker
from sqlalchemy import func, select
from webauthn.helpers import bytes_to_base64url

from core import routes
from tests.page_elements import Elements
from views.accounts.devices import (
    WAN_DELETE,
    WAN_REGISTER,
    WAN_SECOND,
    WAN_SIGNIN,
    WAN_VERIFY,
    Passkey,
    add_passkey,
    answer,
    assert_refused,
    challenge,
    login_of,
    names,
    use,
)
from views.accounts.people import Headers, send
from views.conftest import (
    OWN,
    USERNAME,
    MakeApp,
    Wait,
    assert_leads_to,
    every_token_type,
    grow_old,
    is_logged_in,
    post,
    stored_user,
)

PAGE, DELETE = "/account/passkeys", "/account/passkeys/delete"
# Each ends a ceremony; the first adds a passkey, the others use one.
PATHS = [WAN_REGISTER, WAN_SIGNIN, WAN_SECOND, WAN_VERIFY]


@pytest.mark.asvs("6.5.6")
@every_token_type
def test_passkeys_are_listed_added_and_deleted_by_their_owner(
    client: FlaskClient, credentials: Headers, passkey: Passkey, stranger: FlaskClient
) -> None:
    begun = challenge(client, WAN_REGISTER, credentials)
    added = answer(client, WAN_REGISTER, begun, Passkey(client), credentials, name="laptop")
    assert added.status_code == 200
    if "Authorization" in credentials:
        assert added.headers.getlist("Set-Cookie") == []
    assert names(client, credentials) == ["laptop", "phone"]
    assert use(client, WAN_REGISTER, Passkey(client), credentials).status_code == 409
    deleted = [send(client, WAN_DELETE, {"name": "phone"}, credentials) for _ in range(2)]
    assert [each.status_code for each in deleted] == [204, 404]
    assert names(client, credentials) == ["laptop"]
    assert_refused(use(stranger, WAN_SIGNIN, passkey))


@pytest.mark.asvs("6.3.3")
@every_token_type
def test_a_passkey_logs_its_user_in_and_the_script_of_a_page_gets_the_cookie(
    app: Flask, passkey: Passkey, stranger: FlaskClient
) -> None:
    done = use(stranger, WAN_SIGNIN, passkey)
    assert done.cache_control.no_store
    assert done.get_json().keys() <= {"token", "token_type", "expires_in", "refresh_token"}
    me = stranger.get(routes.ME, headers=login_of(done))
    assert me.get_json()["username"] == USERNAME
    browser = app.test_client()
    begun = challenge(browser, WAN_SIGNIN)
    done = answer(browser, WAN_SIGNIN, begun, passkey, cookie=True, keep=True)
    assert (done.get_json()["token_type"], "token" in done.get_json()) == ("session", False)
    [cookie] = done.headers.getlist("Set-Cookie")
    assert f"Max-Age={app.config['KEPT_LIFETIME']};" in cookie
    assert is_logged_in(browser)


@pytest.mark.asvs("3.5.1")
def test_no_other_site_logs_a_visitor_in_with_an_answer_of_its_own(
    app: Flask, passkey: Passkey, stranger: FlaskClient, subtests: pytest.Subtests
) -> None:
    # A true answer: the owner of the account fetched the challenge, and wants visitors in it.
    begun = challenge(stranger, WAN_SIGNIN)
    body = {"credential": passkey.get(begun["options"]), "cookie": True}
    path = f"{WAN_SIGNIN}/{begun['state']}"
    foreign = [{"Origin": origin} for origin in ("https://evil.example", "null")]
    foreign += [{"Sec-Fetch-Site": site} for site in ("cross-site", "same-site")]
    kinds = ("application/json", "text/plain", "application/x-www-form-urlencoded")
    for headers, kind in itertools.product(foreign, kinds):
        with subtests.test(kind, **headers):
            refused = app.test_client().post(path, json=body, headers=headers, content_type=kind)
            assert_refused(refused, 403)
    # Old browsers send neither header. They ask before they send another site's JSON.
    assert_refused(app.test_client().post(path, json=body, content_type="text/plain"), 403)
    assert stranger.post(path, json=body).status_code == 200


@pytest.mark.parametrize("path", [*PATHS, *(f"{path}/x" for path in PATHS), WAN_DELETE, DELETE])
def test_each_route_that_changes_passkeys_or_takes_one_is_limited(
    path: str, client: FlaskClient, credentials: Headers
) -> None:
    """Beside the limit of all requests."""
    ask = post if path == DELETE else partial(send, body={}, headers=credentials)
    most = 120 if path == WAN_SIGNIN else 30
    asked = [ask(client, path).status_code for _ in range(most + 1)]
    assert (asked[0] == 429, asked[-1]) == (False, 429)


def test_challenges_of_strangers_are_limited_by_address_and_go_after_five_minutes(
    app: Flask, stranger: FlaskClient, wait: Wait
) -> None:
    """A page asks for one when somebody comes to its name field."""
    asked = [send(stranger, WAN_SIGNIN, {}).status_code for _ in range(121)]
    assert asked == [200] * 120 + [429]
    challenges = select(func.count()).where(steps.Step.purpose == passkeys.LOGIN)
    with app.app_context():
        assert db.session.scalar(challenges) == 120
        wait(passkeys.LIFETIME)
        worker.send_due_mails()
        assert db.session.scalar(challenges) == 0


@pytest.mark.parametrize("path", ["/account", PAGE])
def test_pages_of_the_account_say_which_passkeys_the_device_may_keep(
    app: Flask, path: str, client: FlaskClient, passkey: Passkey
) -> None:
    # Which cannot leave the data that the page has for the script.
    name = "a'\"><b>&amp;"
    with stored_user(app) as user:
        user.name = name
    [data] = [
        json.loads(each["data-signals"])
        for each in Elements(client.get(path, headers=OWN).text).of("div")
        if "data-signals" in each
    ]
    assert (data["rpId"], data["name"]) == ("localhost", name)
    assert data["allAcceptedCredentialIds"] == [bytes_to_base64url(passkey.id)]


def test_the_page_lists_own_passkeys_and_deletes_one_by_a_form(
    client: FlaskClient, credentials: Headers, others: tuple[FlaskClient, Headers]
) -> None:
    add_passkey(*others, name="Theirs")
    add_passkey(client, credentials, name="Ada's <b>phone</b>/../?")
    page = client.get(PAGE).text
    assert "Ada&#39;s &lt;b&gt;phone" in page
    assert ("<b>phone" in page, "Theirs" in page) == (False, False)
    action = unescape(page.partition(f'action="{DELETE}')[2].partition('"')[0])
    assert_leads_to(post(client, f"{DELETE}{action}"), PAGE)
    assert post(client, f"{DELETE}?name=Theirs").status_code == 404
    assert names(client, credentials) == []
    assert names(*others) == ["Theirs"]


@pytest.mark.asvs("7.5.1")
def test_the_page_deletes_nothing_for_an_old_login_or_another_site(
    app: Flask, client: FlaskClient, credentials: Headers, passkey: Passkey
) -> None:
    path = f"{DELETE}?name=phone"
    assert post(client, path, {"Origin": "https://evil.example"}).status_code == 403
    grow_old(app)
    assert_leads_to(client.get(PAGE, headers=OWN), f"/reauthenticate?next={PAGE}")
    assert_leads_to(post(client, path), "/reauthenticate")
    assert names(client, credentials) == ["phone"]
    assert WAN_VERIFY in client.get("/reauthenticate").text


def test_password_managers_find_the_page(make_app: MakeApp) -> None:
    client = make_app(public_url="http://localhost").test_client()
    found = client.get("/.well-known/passkey-endpoints").get_json()
    assert found == {"enroll": f"http://localhost{PAGE}", "manage": f"http://localhost{PAGE}"}
