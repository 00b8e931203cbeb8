"""The account: own logins and the password, seen and changed by plain forms and by JSON."""

import re
from datetime import UTC, datetime
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask.auth.users import NO_PASSWORD
from werkzeug.test import TestResponse

from app.login import LENGTH_HINT, MAX_PASSWORD
from core import routes
from tests.page_elements import Elements
from views.conftest import (
    OWN_PAGE,
    PASSWORD,
    USERNAME,
    add_user,
    assert_leads_to,
    give_roles,
    grow_old,
    invalid_fields,
    is_logged_in,
    log_in,
    log_in_by_form,
    post,
    stored_hash,
    stored_user,
    with_and_without_bearer,
)

ACCOUNT, CHANGE, OTHERS = "/account", "/account/password", "/account/logins/end"
WRONG = "a wrong long password"
MIN_LENGTH = 15
NAME_OF_SERVICE = "My Service"
BOB = "bob"
NEW = "seven owls in a well of ink, and one that went for a walk before dawn"

BODY = {"current_password": PASSWORD, "new_password": NEW}


@pytest.fixture
def app(app: Flask) -> Flask:
    """An app with two users."""
    add_user(app, BOB)
    return app


def logged_in(app: Flask, browser: str = "", **body: str) -> FlaskClient:
    client = app.test_client()
    client.environ_base |= {"HTTP_USER_AGENT": browser}
    return log_in_by_form(client, **body)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client that is logged in."""
    return logged_in(app, "Firefox/140.0 Linux")


def id_of(client: FlaskClient) -> str:
    logins = client.get(routes.SESSIONS).get_json()["sessions"]
    [own] = [login["id"] for login in logins if login["current"]]
    return str(own)


def end_path(client: FlaskClient) -> str:
    """The path that ends the login of a client."""
    return f"/account/logins/{id_of(client)}/end"


def change(client: FlaskClient, current: str = PASSWORD, new: str = NEW) -> TestResponse:
    return post(client, CHANGE, current_password=current, new_password=new)


def alive(*clients: FlaskClient) -> list[bool]:
    return [is_logged_in(client) for client in clients]


def test_without_a_script_times_are_in_utc_and_exact(client: FlaskClient) -> None:
    [login] = client.get(routes.SESSIONS).get_json()["sessions"]
    issued = datetime.fromtimestamp(login["created"], UTC)
    page = client.get(ACCOUNT).text
    assert f'<time datetime="{issued.isoformat()}">{issued:%Y-%m-%d %H:%M} UTC</time>' in page


@pytest.mark.asvs("7.5.2")
def test_the_page_lists_own_logins_and_a_button_ends_one_and_another_all_others(
    app: Flask, client: FlaskClient
) -> None:
    lost, other = logged_in(app, "Chrome/140.0 Windows"), logged_in(app)
    bobs = logged_in(app, "OPR/140.0 iPad", username=BOB)
    path, page = end_path(lost), client.get(ACCOUNT)
    assert page.cache_control.no_store
    shown = ("Firefox on Linux", "Chrome on Windows", "Opera", path, end_path(bobs))
    assert [text in page.text for text in shown] == [True, True, False, True, False]
    # The present login ends by logging out.
    assert end_path(client) not in page.text
    assert_leads_to(post(client, path), ACCOUNT)
    assert post(client, path).status_code == 404
    assert post(client, end_path(bobs)).status_code == 404
    assert alive(client, lost, other, bobs) == [True, False, True, True]
    assert_leads_to(post(client, OTHERS), ACCOUNT)
    assert alive(client, other, bobs) == [True, False, True]


@pytest.mark.asvs("6.2.3", "7.5.1")
def test_a_poor_or_wrong_password_changes_nothing_and_is_not_shown(
    app: Flask,
    client: FlaskClient,
    subtests: pytest.Subtests,
) -> None:
    before, other = stored_hash(app), logged_in(app)
    for current, new, status, fields in (
        (WRONG, NEW, 403, ["current_password"]),
        (WRONG, "x" * (MIN_LENGTH - 1), 403, ["current_password", "new_password"]),
        ("", NEW, 422, ["current_password"]),
        (PASSWORD, "   ", 422, ["new_password"]),
        (PASSWORD, "x" * (MIN_LENGTH - 1), 422, ["new_password"]),
        (PASSWORD, f"{NEW} {NAME_OF_SERVICE}", 422, ["new_password"]),
        (PASSWORD, f"{NEW}\n", 422, ["new_password"]),
    ):
        with subtests.test(current=current, new=new, status=status, fields=fields):
            page = change(client, current, new)
            assert (page.status_code, invalid_fields(page.text)) == (status, fields)
            assert not any(password in page.text for password in (WRONG, NEW, PASSWORD))
    assert (stored_hash(app), alive(client, other)) == (before, [True, True])
    assert_leads_to(change(client), ACCOUNT)
    assert alive(client, other) == [True, False]


@pytest.mark.asvs("7.5.1", "7.5.2")
def test_an_old_login_changes_nothing_before_the_password_is_entered(
    app: Flask, client: FlaskClient
) -> None:
    before, other = stored_hash(app), logged_in(app)
    path, key = end_path(other), shown_key(make_key(client))
    end_key = f"{MAKE}/{key.split('_')[1]}/end"
    grow_old(app)
    page = client.get(ACCOUNT).text
    assert f'href="{routes.REAUTHENTICATE}?next=' in page
    assert not any(form in page for form in (CHANGE, OTHERS, path, MAKE))
    assert "Backup" in page
    for address in (CHANGE, OTHERS, path, MAKE, end_key):
        form = {"current_password": PASSWORD, "new_password": NEW, "name": "Other", "days": "1"}
        assert_leads_to(post(client, address, **form), routes.REAUTHENTICATE)
    assert len(client.get(KEYS).get_json()["keys"]) == 1
    assert opens(app, key) == 200
    by_json = [client.post(routes.PASSWORD, json=BODY, headers=OWN_PAGE)]
    for address in (routes.SESSIONS, f"{routes.SESSIONS}/{id_of(other)}"):
        by_json.append(client.delete(address, headers=OWN_PAGE))
    assert [answer.status_code for answer in by_json] == [401] * 3
    assert (alive(client, other), stored_hash(app)) == ([True, True], before)
    assert_leads_to(post(client, routes.REAUTHENTICATE, password=PASSWORD), ACCOUNT)
    assert_leads_to(post(client, path), ACCOUNT)
    assert alive(client, other) == [True, False]


def test_what_a_client_claims_is_shown_as_text(app: Flask) -> None:
    page = logged_in(app, "<script>do_not_run()</script> Firefox/140.0").get(ACCOUNT).text
    assert "do_not_run" not in page
    assert f"<h1>{USERNAME}" not in page


def new_password_is_described(page: str) -> list[str]:
    """The texts that a screen reader reads with the field for a new password, in their order."""
    [field] = [each for each in Elements(page).of("input") if each.get("name") == "new_password"]
    return [
        unescape(re.findall(rf'<p class="\w+" id="{each}">([^<]+)</p>', page)[0])
        for each in field["aria-describedby"].split()
    ]


def test_the_rule_for_passwords_stays_beside_an_error_that_says_what_is_wrong(
    client: FlaskClient,
) -> None:
    rule = LENGTH_HINT.format(MIN_LENGTH)
    assert new_password_is_described(client.get(ACCOUNT).text) == [rule]
    poor = ("", "x" * (MIN_LENGTH - 1), "x" * (MAX_PASSWORD + 1), f"{NEW} {NAME_OF_SERVICE}")
    described = [new_password_is_described(change(client, new=each).text) for each in poor]
    assert [hint for hint, _ in described] == [rule] * 4
    assert len({error for _, error in described}) == 4


# By JSON.


@pytest.mark.asvs("15.3.1")
def test_users_read_their_name_and_their_roles_and_nothing_secret(app: Flask) -> None:
    client = app.test_client()
    stranger = client.get(routes.ME)
    assert (stranger.status_code, stranger.headers["WWW-Authenticate"]) == (401, "Bearer")
    credentials = log_in(client)
    give_roles(app, "editor", "admin")
    answer = client.get(routes.ME, headers=credentials)
    shown = answer.get_json()
    assert (shown.pop("id") != "", shown) == (
        True,
        {"username": USERNAME, "email": None, "roles": ["admin", "editor"]},
    )
    assert answer.cache_control.no_store


# Keys for programs.

KEYS, MAKE = "/keys", "/account/keys"


def shown_key(page: TestResponse) -> str:
    """The key that the page after the form shows."""
    [key] = re.findall("<textarea id=.key.[^>]*>(.*)</textarea>", page.text)
    return str(key)


def make_key(client: FlaskClient, name: str = "Backup", days: str = "30") -> TestResponse:
    return post(client, MAKE, name=name, days=days)


def opens(app: Flask, key: str, path: str = routes.ME, method: str = "GET") -> int:
    headers = {"Authorization": f"Bearer {key}"}
    return app.test_client().open(path, method=method, headers=headers).status_code


@with_and_without_bearer
def test_a_form_makes_a_key_that_the_next_page_shows_once(app: Flask, client: FlaskClient) -> None:
    page = make_key(client)
    assert page.status_code == 200
    assert page.cache_control.no_store
    key = shown_key(page)
    assert opens(app, key) == 200
    account = client.get(ACCOUNT).text
    assert "Backup" in account
    assert key not in account
    [listed] = client.get(KEYS).get_json()["keys"]
    assert listed["expires"] - listed["created"] == 30 * 86400
    # It has no role but those that its user ticks.
    give_roles(app, "admin", "editor")
    assert 'value="editor"' in client.get(ACCOUNT).text
    key = shown_key(post(client, MAKE, name="Other", days="30", roles="editor"))
    headers = {"Authorization": f"Bearer {key}"}
    assert app.test_client().get(routes.ME, headers=headers).get_json()["roles"] == ["editor"]
    assert post(client, MAKE, name="More", days="30", roles="boss").status_code == 422


def test_a_bad_form_makes_no_key_and_one_that_is_sent_again_no_second(
    client: FlaskClient, subtests: pytest.Subtests
) -> None:
    refused = [("", "30", "name"), ("x" * 81, "30", "name"), ("a\nb", "30", "name")]
    refused += [("a", days, "days") for days in ("", "0", "366", "-1", "many", "9" * 40)]
    for name, days, field in refused:
        with subtests.test(name=name, days=days, field=field):
            page = make_key(client, name, days)
            assert (page.status_code, invalid_fields(page.text)) == (422, [field])
    assert client.get(KEYS).get_json() == {"keys": []}
    make_key(client)
    again = make_key(client)
    assert (again.status_code, invalid_fields(again.text)) == (409, ["name"])
    assert len(client.get(KEYS).get_json()["keys"]) == 1


def test_a_user_without_a_password_is_not_asked_for_days(app: Flask, client: FlaskClient) -> None:
    """The key lasts as long as a login."""
    with stored_user(app) as user:
        user.password_hash = NO_PASSWORD
    assert "Days until it expires" not in client.get(ACCOUNT).text
    page = post(client, MAKE, name="Backup")
    assert (page.status_code, opens(app, shown_key(page))) == (200, 200)
    [listed] = client.get(KEYS).get_json()["keys"]
    assert listed["expires"] - listed["created"] == 12 * 3600
    assert invalid_fields(post(client, MAKE, name="").text) == ["name"]


def test_a_button_ends_a_key(app: Flask, client: FlaskClient) -> None:
    key, kept = shown_key(make_key(client)), shown_key(make_key(client, "Kept"))
    forms = Elements(client.get(ACCOUNT).text).of("form")
    [path] = [form["action"] for form in forms if key.split("_")[1] in form["action"]]
    bobs = logged_in(app, username=BOB)
    assert post(bobs, path).status_code == 404
    assert_leads_to(post(client, path), ACCOUNT)
    assert [opens(app, each) for each in (key, kept)] == [401, 200]


def test_a_new_password_ends_keys_unless_the_form_keeps_them(
    app: Flask, client: FlaskClient
) -> None:
    assert "keep_keys" not in client.get(ACCOUNT).text
    key = shown_key(make_key(client))
    assert "keep_keys" in client.get(ACCOUNT).text
    post(client, CHANGE, current_password=PASSWORD, new_password=NEW, keep_keys="y")
    assert opens(app, key) == 200
    change(client, NEW, PASSWORD)
    assert opens(app, key) == 401


def test_a_key_opens_no_page_and_nothing_else_of_the_account(
    app: Flask, client: FlaskClient
) -> None:
    key = shown_key(make_key(client))
    reads = (ACCOUNT, KEYS, routes.SESSIONS, routes.REAUTHENTICATE)
    assert {path: opens(app, key, path) for path in reads} == dict.fromkeys(reads, 403)
    writes = (CHANGE, MAKE, OTHERS, KEYS)
    assert {path: opens(app, key, path, "POST") for path in writes} == dict.fromkeys(writes, 403)


def test_a_key_is_made_listed_and_ended_by_json(app: Flask) -> None:
    client = app.test_client()
    credentials = log_in(client)
    made = [
        client.post(KEYS, json={"name": "Backup", "expires_in": each}, headers=credentials)
        # It lasts for whole seconds, however JSON writes them.
        for each in (3600.5, True, 0, 3600.0)
    ]
    assert [answer.status_code for answer in made] == [400, 400, 400, 201]
    key = made[-1].get_json()["key"]
    assert opens(app, key) == 200
    [listed] = client.get(KEYS, headers=credentials).get_json()["keys"]
    assert (listed["name"], "key" in listed) == ("Backup", False)
    assert client.delete(f"{KEYS}/{listed['id']}", headers=credentials).status_code == 204
    assert opens(app, key) == 401
