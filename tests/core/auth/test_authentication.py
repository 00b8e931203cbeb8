"""Logging in and out, entering the password again, a new password, and a user's own logins."""

import json
import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from secure_flask.auth import authentication, logins, passwords, places
from secure_flask.auth.logins import LAST_USED_STEP, Login
from secure_flask.crypto.encryption import ENCRYPTION_KEYS
from secure_flask.database import db
from secure_flask.state import app_state
from sqlalchemy import select
from werkzeug.exceptions import BadRequest
from werkzeug.test import TestResponse

from core import routes
from core.auth.test_logins import CLIENT, SENT
from core.conftest import (
    LOGIN,
    OWN_PAGE,
    PASSWORD,
    USERNAME,
    Configure,
    Wait,
    add_user,
    away,
    every_token_type,
    headers_of,
    is_logged_in,
    slow_hasher,
    stored_hash,
    stored_user,
)

OTHER = "bob"
NEW, QUICKER = "seven owls in a well of ink", "the owner was quicker today"
WRONG = "a wrong long password"
KINDS = {"session": "session", "opaque": "opaque", "jwt": "refresh"}

Credentials = dict[str, str]

# A program logs in by JSON, a page by a form.
each_way = pytest.mark.parametrize("by", ["program", "page"])


@pytest.fixture
def app(app: Flask, configure: Configure) -> Flask:
    """An app with two users that keeps no test waiting."""
    configure(app, LOGIN_RATE_LIMIT="1000 per minute")
    add_user(app, OTHER)
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client that keeps no cookie: its headers show a login."""
    return app.test_client(use_cookies=False)


@pytest.fixture
def credentials(client: FlaskClient) -> Credentials:
    return log_in(client)


def try_login(client: FlaskClient, **body: Any) -> TestResponse:
    return client.post(routes.LOGIN, json={**LOGIN, **body})


def log_in(client: FlaskClient, by: str = "program", **body: Any) -> Credentials:
    """The headers that show a new login."""
    if by == "program":
        return shown_by(try_login(client, **body))
    answer = client.post(routes.LOGIN, data={**LOGIN, **body}, headers=OWN_PAGE)
    return {**cookie_of(answer), **OWN_PAGE}


def shown_by(answer: TestResponse) -> Credentials:
    """The headers that show the login of an answer."""
    assert answer.status_code == 200
    return {**cookie_of(answer), **headers_of(answer.get_json())}


def cookie_of(answer: TestResponse) -> Credentials:
    cookies = [header.partition(";")[0] for header in answer.headers.getlist("Set-Cookie")]
    return {"Cookie": "; ".join(cookies)} if cookies else {}


def reauthenticate(
    client: FlaskClient, credentials: Credentials, password: str = PASSWORD
) -> TestResponse:
    return client.post(routes.REAUTHENTICATE, json={"password": password}, headers=credentials)


def change(
    client: FlaskClient, credentials: Credentials, current: str = PASSWORD, new: str = NEW
) -> TestResponse:
    body = {"current_password": current, "new_password": new}
    return client.post(routes.PASSWORD, json=body, headers=credentials)


def listed(client: FlaskClient, credentials: Credentials) -> list[dict[str, Any]]:
    """The user's own logins."""
    return list(client.get(routes.SESSIONS, headers=credentials).get_json()["sessions"])


def id_of(client: FlaskClient, credentials: Credentials) -> str:
    [own] = [each["id"] for each in listed(client, credentials) if each["current"]]
    return str(own)


def end(client: FlaskClient, credentials: Credentials, login_id: str = "") -> int:
    """End one login, or all but this."""
    path = f"{routes.SESSIONS}/{login_id}" if login_id else routes.SESSIONS
    return client.delete(path, headers=credentials).status_code


def alive(client: FlaskClient, *logins: Credentials) -> list[bool]:
    return [is_logged_in(client, login) for login in logins]


def kinds(app: Flask, name: str = USERNAME) -> list[str]:
    """The kinds of the logins of a user, oldest first."""
    with stored_user(app, name) as user:
        mine = select(Login.kind).where(Login.user_id == user.id).order_by(Login.created)
        return list(db.session.scalars(mine))


def set_password(app: Flask, password: str, name: str = USERNAME) -> None:
    with stored_user(app, name) as user:
        authentication.set_password(user, password)


def end_logins(app: Flask) -> None:
    with stored_user(app) as user:
        logins.end_logins_of(user)


def quicker_owner(app: Flask, password: str, name: str = USERNAME) -> Callable[[], None]:
    """For `slow_hasher`: an owner who sets a password, once, before the hasher is done."""
    changes = iter([password])

    def change() -> None:
        for new in changes:
            set_password(app, new, name)

    return change


def without_random(answer: TestResponse) -> str:
    """An answer without its request id and nonces, which differ each time."""
    return re.sub(r"[A-Za-z0-9+/-]{24,}", "", answer.text + str(answer.headers))


def assert_nothing_changed(client: FlaskClient, credentials: Credentials) -> None:
    assert is_logged_in(client, credentials)
    assert try_login(client).status_code == 200
    assert try_login(client, password=NEW).status_code == 401


# Logging in.


@pytest.mark.asvs("7.2.2")
@every_token_type
def test_a_good_login_gives_credentials_that_are_never_the_same(client: FlaskClient) -> None:
    answers = [try_login(client) for _ in range(3)]
    assert len({str(shown_by(answer)) for answer in answers}) == 3
    assert [answer.get_json()["expires_in"] > 0 for answer in answers] == [True] * 3
    assert [answer.cache_control.no_store for answer in answers] == [True] * 3
    assert alive(client, *map(shown_by, answers)) == [True] * 3


@pytest.mark.asvs("6.3.8")
@pytest.mark.parametrize(
    "name", ["nobody", USERNAME.title(), f"{USERNAME} ", f"{USERNAME}' OR '1'='1", OTHER]
)
def test_no_answer_tells_whether_a_user_exists(app: Flask, client: FlaskClient, name: str) -> None:
    wrong = try_login(client, password=WRONG)
    with stored_user(app, OTHER) as user:
        user.disabled = True
    answer = try_login(client, username=name)
    assert answer.status_code == 401
    assert without_random(answer) == without_random(wrong)


@pytest.mark.asvs("6.3.8")
@pytest.mark.parametrize("step", ["hash", "verify"])
def test_unknown_disabled_and_wrong_cost_the_same_hashes(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    work: list[str] = []
    monkeypatch.setattr(passwords, "hasher", slow_hasher(step, lambda: work.append(step)))
    try_login(client, username="nobody")
    unknown, work[:] = work.copy(), []
    try_login(client, password=WRONG)
    with stored_user(app, OTHER) as user:
        user.disabled = True
    try_login(client, username=OTHER)
    assert work == unknown * 2


@pytest.mark.asvs("11.2.2")
def test_a_login_renews_a_hash_of_other_parameters(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stored_hash(app)
    monkeypatch.setattr(passwords, "hasher", PasswordHasher(2, 8, 1))
    assert try_login(client, password=WRONG).status_code == 401
    assert stored_hash(app) == before
    assert try_login(client).status_code == 200
    renewed = stored_hash(app)
    assert "t=2" in renewed
    assert try_login(client).status_code == 200
    assert stored_hash(app) == renewed


# With other parameters than those stored, the login makes a hash as well.
@pytest.mark.parametrize(("step", "time_cost"), [("verify", 1), ("verify", 2), ("hash", 2)])
def test_a_password_changed_while_it_is_verified_lets_nobody_in(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, step: str, time_cost: int
) -> None:
    slow = slow_hasher(step, quicker_owner(app, QUICKER), time_cost)
    monkeypatch.setattr(passwords, "hasher", slow)
    assert [try_login(client).status_code for _ in range(2)] == [401, 401]


@pytest.mark.asvs("15.2.2", "16.5.3")
def test_a_crowd_of_logins_is_asked_to_come_back(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, configure: Configure
) -> None:
    configure(app, LOGIN_RATE_LIMIT="1 per minute")
    with monkeypatch.context() as full:
        full.setattr(places, "MAX_WAIT", 0)
        full.setattr(places, "MAX_RUNNING", 0)
        first, second = try_login(client, password=WRONG), try_login(client, password=WRONG)
    assert (first.status_code, second.status_code) == (503, 503)
    assert int(second.headers["Retry-After"]) > 0
    assert try_login(client).status_code == 200


@pytest.mark.asvs("16.2.5")
@every_token_type
def test_a_password_is_in_no_answer_and_no_log(
    client: FlaskClient, credentials: Credentials, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answers = [
        try_login(client),
        try_login(client, username="nobody"),
        try_login(client, password=f"{PASSWORD}\x7f"),
        try_login(client, **{PASSWORD: PASSWORD}),
        client.post(routes.LOGIN, data=json.dumps(PASSWORD), content_type="application/json"),
        reauthenticate(client, credentials, WRONG),
        change(client, credentials, current=WRONG),
        change(client, credentials, new=f"{NEW}\t"),
        change(client, credentials),
    ]
    said = caplog.text + "".join(answer.text + str(answer.headers) for answer in answers)
    assert not any(password in said for password in (PASSWORD, NEW, WRONG))


@pytest.mark.asvs("6.3.4")
@every_token_type
def test_login_is_the_only_way_in(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    paths = {re.sub("<[^>]*>", "x", rule.rule) for rule in app.url_map.iter_rules()}
    methods = ("GET", "POST", "PUT", "PATCH", "DELETE")
    tried = [(method, path) for path in paths for method in methods]
    ways = [(method, path) for method, path in tried if lets_in(app, method, path)]
    assert ways == [("POST", routes.LOGIN)]


def lets_in(app: Flask, method: str, path: str) -> bool:
    """Whether a stranger who sends a name and a password there is logged in afterwards."""
    for body in ({"json": LOGIN}, {"data": LOGIN}):
        client: Any = app.test_client()
        answer = client.open(path, method=method, headers=OWN_PAGE, **body)
        sent = answer.get_json(silent=True)
        token = sent.get("token", "") if isinstance(sent, dict) else ""
        if any(is_logged_in(client, shown) for shown in ({}, {"Authorization": f"Bearer {token}"})):
            return True
    return False


@pytest.mark.asvs("6.2.10")
def test_a_password_does_not_expire(client: FlaskClient, wait: Wait) -> None:
    wait(10 * 365 * 24 * 60 * 60)
    assert try_login(client).status_code == 200


# Logging out.


@pytest.mark.asvs("7.4.1", "14.3.1")
@each_way
@every_token_type
def test_logout_ends_this_login_at_once_and_no_other_and_clears_a_browser_of_its_own(
    client: FlaskClient, by: str, token_type: str
) -> None:
    here, *others = log_in(client, by), log_in(client), log_in(client, "page")
    answer = client.post(routes.LOGOUT, headers=here)
    assert (answer.status_code, answer.data) == (204, b"")
    assert alive(client, here, *others) == [False, True, True]
    by_cookie = by == "page" or token_type == "session"
    # "cookies" would clear those of sibling sites too.
    assert answer.headers.get("Clear-Site-Data") == ('"cache", "storage"' if by_cookie else None)
    assert ("Set-Cookie" in answer.headers) == by_cookie


# Entering the password again.


@each_way
@every_token_type
def test_the_password_again_gives_a_new_login_of_this_kind_in_place_of_this_one(
    app: Flask, client: FlaskClient, by: str, wait: Wait, token_type: str
) -> None:
    keep = {"keep": "y"} if by == "page" else {}
    here, other = log_in(client, by, **keep), log_in(client)
    before = id_of(client, here)
    wait(60)
    answer = reauthenticate(client, here)
    assert answer.cache_control.no_store
    fresh = shown_by(answer)
    newest, oldest = listed(client, fresh)
    assert (newest["current"], newest["created"]) == (True, oldest["created"] + 60)
    assert before not in (newest["id"], oldest["id"])
    assert alive(client, here, fresh, other) == [False, True, True]
    assert kinds(app)[-1] == (KINDS[token_type] if by == "program" else "session")
    with stored_user(app):
        assert list(db.session.scalars(select(Login.kept))).count(True) == len(keep)


@pytest.mark.asvs("7.4.3")
@every_token_type
@pytest.mark.parametrize("use", [reauthenticate, change])
def test_a_login_that_ends_meanwhile_is_not_replaced_and_changes_no_password(
    app: Flask,
    client: FlaskClient,
    monkeypatch: pytest.MonkeyPatch,
    use: Callable[[FlaskClient, Credentials], TestResponse],
) -> None:
    credentials = log_in(client)
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(passwords, "hasher", slow_hasher("verify", lambda: end_logins(app)))
        assert use(client, credentials).status_code == 401
    assert kinds(app) == []
    assert try_login(client).status_code == 200


def test_wrong_passwords_of_all_routes_are_one_count(
    app: Flask, client: FlaskClient, configure: Configure
) -> None:
    credentials = log_in(client)
    configure(app, LOGIN_RATE_LIMIT="3 per minute")
    # The password of another user is wrong too.
    set_password(app, WRONG, OTHER)
    wrong = [
        try_login(client, password=WRONG),
        reauthenticate(client, credentials, WRONG),
        change(client, credentials, WRONG),
    ]
    assert [answer.status_code for answer in wrong] == [401, 403, 403]
    assert not any("token" in answer.text or "Set-Cookie" in answer.headers for answer in wrong)
    assert is_logged_in(client, credentials)
    right = [try_login(client), reauthenticate(client, credentials), change(client, credentials)]
    assert [answer.status_code for answer in right] == [429] * 3


# A new password.


@pytest.mark.asvs("6.2.2", "7.2.4", "7.4.3")
@each_way
@every_token_type
def test_a_new_password_ends_all_logins_and_renews_the_kind_of_this_one(
    app: Flask, client: FlaskClient, by: str, token_type: str
) -> None:
    here, program, page = log_in(client, by), log_in(client), log_in(client, "page")
    theirs = log_in(client, username=OTHER)
    answer = change(client, here)
    assert answer.cache_control.no_store
    fresh = shown_by(answer)
    assert alive(client, here, program, page, fresh, theirs) == [False, False, False, True, True]
    assert kinds(app) == [KINDS[token_type] if by == "program" else "session"]
    assert try_login(client, password=NEW).status_code == 200
    assert try_login(client).status_code == 401
    assert change(client, fresh, NEW, QUICKER).status_code == 200


# A poor new one is no way to ask whether the current one is right.
@pytest.mark.asvs("6.2.3", "7.5.1")
@pytest.mark.parametrize("new", [NEW, "x"])
def test_without_the_current_password_nothing_changes(
    app: Flask, client: FlaskClient, credentials: Credentials, new: str
) -> None:
    set_password(app, WRONG, OTHER)
    assert change(client, credentials, WRONG, new).status_code == 403
    assert_nothing_changed(client, credentials)


@pytest.mark.asvs("6.2.1", "6.2.4", "6.2.12")
def test_a_poor_new_password_is_refused(
    app: Flask, client: FlaskClient, credentials: Credentials
) -> None:
    with stored_user(app) as user:
        user.name, user.email = "grace", "lovelace@example.org"
    poor = (NEW[:14], f"{NEW} Bakery", f"{NEW} Lovelace", f"{NEW} GRACE", "passwordpassword")
    answers = {each: change(client, credentials, new=each).status_code for each in poor}
    assert answers == dict.fromkeys(poor, 400)
    assert alive(client, credentials) == [True]
    assert try_login(client, username="grace").status_code == 200


# Before the present password is found right, and after.
@pytest.mark.parametrize("step", ["verify", "hash"])
def test_a_password_changed_meanwhile_is_not_overwritten(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    credentials = log_in(client)
    monkeypatch.setattr(passwords, "hasher", slow_hasher(step, quicker_owner(app, QUICKER)))
    assert change(client, credentials).status_code == 403
    assert try_login(client, password=QUICKER).status_code == 200
    assert try_login(client, password=NEW).status_code == 401


@pytest.mark.asvs("2.3.3", "16.5.3")
def test_password_and_logins_change_together_or_not_at_all(
    client: FlaskClient,
    credentials: Credentials,
    monkeypatch: pytest.MonkeyPatch,
    subtests: pytest.Subtests,
) -> None:
    for module, step in ((passwords, "hash_password"), (logins, "end_logins_of")):
        with subtests.test(module=module, step=step):
            with monkeypatch.context() as broken:
                broken.setattr(module, step, away)
                assert change(client, credentials).status_code == 503
            assert_nothing_changed(client, credentials)


def test_a_poor_password_is_set_for_no_user_unless_the_code_has_made_it(
    app: Flask, client: FlaskClient, credentials: Credentials
) -> None:
    with pytest.raises(BadRequest, match=r"Use at least") as refused:
        set_password(app, NEW[:14])
    assert getattr(refused.value, "fields", {}).keys() == {"password"}
    assert_nothing_changed(client, credentials)
    with stored_user(app) as user:
        authentication.set_password(user, NEW[:14], check_password=False)
    assert try_login(client, password=NEW[:14]).status_code == 200


# A user's own logins.


@pytest.mark.asvs("7.5.2")
@every_token_type
def test_logins_of_each_kind_are_listed_with_times_and_client_newest_first(
    client: FlaskClient, wait: Wait
) -> None:
    client.environ_base |= {"HTTP_USER_AGENT": SENT, "REMOTE_ADDR": "203.0.113.77"}
    logins = list[Credentials]()
    for by in ("program", "page", "program"):
        wait(1)
        logins.append(log_in(client, by))
    wait(LAST_USED_STEP)
    newest, here, oldest = shown = listed(client, logins[1])
    assert [each["id"] for each in shown] == [id_of(client, each) for each in reversed(logins)]
    assert [each["current"] for each in shown] == [False, True, False]
    assert [each["client"] for each in shown] == [CLIENT] * 3
    assert newest["created"] == here["created"] + 1 == oldest["created"] + 2
    assert here["last_used"] == here["created"] + LAST_USED_STEP + 1
    assert newest["last_used"] == newest["created"] < newest["expires"]


def test_without_the_encryption_key_users_see_and_end_logins_and_change_the_password(
    app: Flask,
    client: FlaskClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with stored_user(app) as user:
        user.email = "ada@example.org"
    here, _ = log_in(client), log_in(app.test_client())
    monkeypatch.setitem(app_state(app), ENCRYPTION_KEYS, {99: bytes(32)})
    assert [each["client"] for each in listed(client, here)] == [None, None]
    assert "crypt_decrypt_fail" in caplog.text
    assert end(client, here) == 204
    assert len(listed(client, here)) == 1
    assert change(client, here).status_code == 200


@pytest.mark.asvs("7.5.2")
@each_way
def test_ending_one_ends_that_one_alone(client: FlaskClient, by: str) -> None:
    here, lost, other = log_in(client), log_in(client, by), log_in(client, by)
    lost_id = id_of(client, lost)
    assert end(client, here, lost_id) == 204
    assert alive(client, here, lost, other) == [True, False, True]
    unknown = dict.fromkeys((lost_id, "0" * 32, "1", "%00", "'", "%25", "\u00e9", "x" * 2000), 404)
    assert {each: end(client, here, each) for each in unknown} == unknown
    assert end(client, here, id_of(client, here)) == 204
    assert alive(client, here, other) == [False, True]


@pytest.mark.asvs("8.2.2")
@every_token_type
def test_ending_all_others_leaves_this_one_and_other_users(client: FlaskClient) -> None:
    here, program, page = log_in(client), log_in(client), log_in(client, "page")
    theirs = log_in(client, username=OTHER)
    their_id = id_of(client, theirs)
    assert len(listed(client, here)) == 3
    assert (end(client, here, their_id), alive(client, theirs)) == (404, [True])
    assert end(client, here) == 204
    assert alive(client, here, program, page, theirs) == [True, False, False, True]
    assert end(client, here) == 204
    assert alive(client, here) == [True]
