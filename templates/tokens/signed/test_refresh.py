"""`POST /token/refresh`, as a client sees it and as a thief would use it."""

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.auth import grants, users
from app.auth.grants import Grant
from app.auth.users import User
from app.db import db
from tests.auth.test_bearer import ask, assert_accepted, assert_refused
from tests.conftest import LOGIN, PASSWORD, USERNAME, Lines, Wait

DAY = 24 * 60 * 60  # seconds
LIFETIME = 14 * DAY

Login = dict[str, Any]

INCOMPLETE: dict[str, Any] = {
    "nothing": {},
    "null": {"refresh_token": None},
    "empty": {"refresh_token": ""},
    "blank": {"refresh_token": " \u00a0"},
    "another-name": {"token": "x"},
}
INVALID = {
    "no-body": b"",
    "broken": b'{"refresh_token": ',
    "no-json": b"refresh_token=x",
    "list": b'["refresh_token"]',
    "text": b'"x"',
    "null": b"null",
    "a-number": b'{"refresh_token": 1}',
    "true": b'{"refresh_token": true}',
    "a-list": b'{"refresh_token": ["x"]}',
    "an-object": b'{"refresh_token": {"$ne": ""}}',
    "another-member": b'{"refresh_token": "x", "admin": true}',
    "nul": b'{"refresh_token": "x\\u0000"}',
    "line-break": b'{"refresh_token": "x\\n"}',
    "lone-surrogate": b'{"refresh_token": "\\ud800"}',
    "no-utf-8": b'{"refresh_token": "\xff"}',
    "too-long": json.dumps({"refresh_token": "a" * 129}).encode(),
    "very-deep": b"[" * 30_000,
}

CHANGES: dict[str, Callable[[str], str]] = {
    "cut": lambda token: token[:-1],
    "longer": lambda token: token + "A",
    "padded": lambda token: token + "=",
    "space-after": lambda token: token + " ",
    "space-before": lambda token: " " + token,
    "other-case": lambda token: token.swapcase(),
    "scheme": lambda token: f"Bearer {token}",
    "its-hash": lambda token: sha256(token.encode()).hexdigest(),
    "sql": lambda token: "' OR '1'='1",
    "longest": lambda token: "a" * 128,
    "not-ascii": lambda token: "é",
}


@pytest.fixture
def login(client: FlaskClient) -> Login:
    """What a login gave."""
    return log_in(client)


def test_refreshing_gives_what_a_login_gives(client: FlaskClient, login: Login) -> None:
    answer = refresh(client, login)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store, max-age=0"
    fresh = answer.get_json()
    assert fresh.keys() == login.keys()
    assert fresh["token_type"] == login["token_type"]
    assert fresh["expires_in"] == login["expires_in"]
    assert fresh["token"] != login["token"]
    assert fresh["refresh_token"] != login["refresh_token"]
    assert_accepted(ask(client, fresh["token"]))


def test_it_goes_on_and_on(client: FlaskClient, login: Login) -> None:
    for _ in range(5):
        login = refreshed(client, login)
        assert_accepted(ask(client, login["token"]))


def test_it_needs_no_access_token_and_works_in_production(production: FlaskClient) -> None:
    assert refresh(production, log_in(production)).status_code == 200


def test_it_brings_the_client_back_after_the_access_token_expired(
    client: FlaskClient, login: Login, wait: Wait
) -> None:
    wait(DAY)
    assert_refused(ask(client, login["token"]))
    assert_accepted(ask(client, refreshed(client, login)["token"]))


def test_it_brings_the_client_back_after_the_clock_was_set_back(
    client: FlaskClient, login: Login, wait: Wait
) -> None:
    wait(-DAY)
    assert_refused(ask(client, login["token"]))
    assert_accepted(ask(client, refreshed(client, login)["token"]))


def test_the_earlier_access_token_serves_until_it_expires(
    client: FlaskClient, login: Login, wait: Wait
) -> None:
    refreshed(client, login)
    assert_accepted(ask(client, login["token"]))
    wait(631)
    assert_refused(ask(client, login["token"]))


def test_the_table_holds_hashes_alone(app: Flask, client: FlaskClient, login: Login) -> None:
    fresh = refreshed(client, login)
    sent = [answer["refresh_token"] for answer in (login, fresh)]
    with app.app_context():
        rows = db.session.execute(select(Grant.__table__)).all()
    assert {row.secret_hash for row in rows} == {sha256(one.encode()).digest() for one in sent}
    assert not any(one in str(rows) for one in sent)


@pytest.mark.asvs("7.2.3")
def test_a_refresh_token_has_256_bits(login: Login) -> None:
    assert len(login["refresh_token"]) == 43


@pytest.mark.parametrize("later", [0, 1, 60, DAY])
def test_one_that_is_spent_twice_ends_the_whole_login(
    client: FlaskClient, login: Login, wait: Wait, later: float
) -> None:
    winner = refreshed(client, login)
    wait(later)
    assert_no_refresh(refresh(client, login))
    assert_refused(ask(client, winner["token"]))
    assert_refused(ask(client, login["token"]))
    assert_no_refresh(refresh(client, winner))


def test_any_earlier_one_ends_it_too(client: FlaskClient, login: Login) -> None:
    newest = refreshed(client, refreshed(client, refreshed(client, login)))
    assert_no_refresh(refresh(client, login))
    assert_refused(ask(client, newest["token"]))
    assert_no_refresh(refresh(client, newest))


def test_the_log_tells_of_both(production: FlaskClient, lines: Lines) -> None:
    login = log_in(production)
    newest = refreshed(production, login)
    assert_no_refresh(refresh(production, login))
    assert_refused(ask(production, newest["token"]))
    good, reuse, ended = lines()
    assert (reuse["event"], reuse["level"]) == ("authn_token_reuse", "error")
    assert ended["event"] == "session_use_after_expire"
    assert good["user_id"] == reuse["user_id"] == ended["user_id"]
    secrets = (*newest.values(), *login.values())
    assert not any(str(secret) in str((reuse, ended)) for secret in secrets if secret != 600)


def test_the_users_other_logins_go_on(client: FlaskClient, login: Login) -> None:
    other = log_in(client)
    refreshed(client, login)
    assert_no_refresh(refresh(client, login))
    assert_accepted(ask(client, other["token"]))
    assert_accepted(ask(client, refreshed(client, other)["token"]))


def test_it_serves_fourteen_days(client: FlaskClient, login: Login, wait: Wait) -> None:
    wait(LIFETIME - 2)
    refreshed(client, login)


def test_an_expired_one_is_401(client: FlaskClient, login: Login, wait: Wait) -> None:
    wait(LIFETIME)
    assert_no_refresh(refresh(client, login))


@pytest.mark.asvs("7.3.2")
def test_refreshing_does_not_prolong_the_login(
    client: FlaskClient, login: Login, wait: Wait
) -> None:
    for _ in range(13):
        wait(DAY)
        login = refreshed(client, login)
    wait(DAY - 2)
    login = refreshed(client, login)
    assert_accepted(ask(client, login["token"]))
    wait(2)
    assert_refused(ask(client, login["token"]))
    assert_no_refresh(refresh(client, login))


def test_purging_ends_no_login_and_forgets_no_spent_token(
    app: Flask, client: FlaskClient, login: Login, wait: Wait
) -> None:
    winner = refreshed(client, login)
    wait(LIFETIME / 2)
    with app.app_context():
        assert grants.purge() == 0
    winner = refreshed(client, winner)
    assert_no_refresh(refresh(client, login))
    assert_refused(ask(client, winner["token"]))


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_an_unknown_one_is_401_and_spends_none(
    client: FlaskClient, login: Login, change: Callable[[str], str]
) -> None:
    assert_no_refresh(send(client, change(login["refresh_token"])))
    refreshed(client, login)


@pytest.mark.asvs("9.2.2")
def test_an_access_token_is_no_refresh_token(client: FlaskClient, login: Login) -> None:
    # Too long to be one.
    assert send(client, login["token"]).status_code == 400
    assert_accepted(ask(client, login["token"]))


@pytest.mark.asvs("9.2.2")
def test_a_refresh_token_is_no_access_token(client: FlaskClient, login: Login) -> None:
    assert_refused(ask(client, login["refresh_token"]))
    assert_refused(client.get("/me", headers={"Cookie": f"session={login['refresh_token']}"}))


@pytest.mark.parametrize("kind", ["session", "opaque", "access", "Refresh"])
def test_the_secret_of_another_kind_of_credential_is_no_refresh_token(
    app: Flask, client: FlaskClient, kind: str
) -> None:
    with app.app_context():
        secret = grants.new_secret()
        grants.create(ada(), kind, secret, DAY)
    assert_no_refresh(send(client, secret))
    with app.app_context():
        assert grants.find(secret, kind)


def test_logout_ends_the_refresh_token(client: FlaskClient, login: Login) -> None:
    client.post("/logout", headers={"Authorization": f"Bearer {login['token']}"})
    assert_no_refresh(refresh(client, login))


def test_logout_with_the_earlier_access_token_ends_the_newer_refresh_token(
    client: FlaskClient, login: Login
) -> None:
    newer = refreshed(client, login)
    client.post("/logout", headers={"Authorization": f"Bearer {login['token']}"})
    assert_refused(ask(client, newer["token"]))
    assert_no_refresh(refresh(client, newer))


def test_a_disabled_users_refresh_token_waits_unspent(
    app: Flask, client: FlaskClient, login: Login
) -> None:
    for disabled in (True, False):
        with app.app_context():
            ada().disabled = disabled
            db.session.commit()
        if disabled:
            assert_no_refresh(refresh(client, login))
    refreshed(client, login)


def test_a_deleted_users_refresh_token_is_401(
    app: Flask, client: FlaskClient, login: Login
) -> None:
    with app.app_context():
        db.session.delete(ada())
        db.session.commit()
    assert_no_refresh(refresh(client, login))


@pytest.mark.parametrize("body", INCOMPLETE.values(), ids=INCOMPLETE)
def test_a_body_without_a_token_is_400(client: FlaskClient, body: Any) -> None:
    answer = client.post("/token/refresh", json=body)
    assert answer.status_code == 400
    assert answer.json == {"error": "Missing required fields"}


@pytest.mark.parametrize("body", INVALID.values(), ids=INVALID)
def test_anything_but_one_plain_text_is_400(client: FlaskClient, body: bytes) -> None:
    answer = client.post("/token/refresh", data=body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json == {"error": "Invalid request"}


def test_a_form_is_415(client: FlaskClient, login: Login) -> None:
    answer = client.post("/token/refresh", data={"refresh_token": login["refresh_token"]})
    assert answer.status_code == 415
    assert answer.is_json
    refreshed(client, login)


def test_a_token_in_another_place_is_not_read(client: FlaskClient, login: Login) -> None:
    token = login["refresh_token"]
    client.set_cookie("refresh_token", token)
    answer = client.post(
        "/token/refresh",
        query_string={"refresh_token": token},
        headers={"Authorization": f"Bearer {token}", "refresh_token": token},
        json={},
    )
    assert answer.status_code == 400


def test_no_refused_token_is_echoed(client: FlaskClient) -> None:
    for token in ("made-up", "made-up\0", "made-up" * 40):
        answer = send(client, token)
        assert "made-up" not in answer.text + str(answer.headers)


def test_guessing_is_slowed_and_refreshing_is_not(client: FlaskClient, login: Login) -> None:
    for _ in range(7):
        login = refreshed(client, login)
    statuses = [send(client, "a guess").status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]
    answer = refresh(client, login)
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0


def log_in(client: FlaskClient) -> Login:
    answer: Login = client.post("/login", json=LOGIN).get_json()
    return answer


def send(client: FlaskClient, refresh_token: str) -> TestResponse:
    return client.post("/token/refresh", json={"refresh_token": refresh_token})


def refresh(client: FlaskClient, login: Login) -> TestResponse:
    return send(client, login["refresh_token"])


def refreshed(client: FlaskClient, login: Login) -> Login:
    answer = refresh(client, login)
    assert answer.status_code == 200
    fresh: Login = answer.get_json()
    return fresh


def assert_no_refresh(answer: TestResponse) -> None:
    assert answer.status_code == 401
    assert answer.json == {"error": "Invalid refresh token"}
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def ada() -> User:
    user = users.find(USERNAME)
    assert user is not None
    return user


def test_each_login_is_refreshed_as_itself(app: Flask, client: FlaskClient, login: Login) -> None:
    with app.app_context():
        users.create("bob", PASSWORD)
    other: Login = client.post("/login", json={**LOGIN, "username": "bob"}).get_json()
    assert_accepted(ask(client, refreshed(client, other)["token"]), "bob")


def test_an_expired_one_raises_no_alarm(production: FlaskClient, lines: Lines, wait: Wait) -> None:
    login = log_in(production)
    wait(LIFETIME)
    assert_no_refresh(refresh(production, login))
    assert [line["event"] for line in lines()] == ["authn_login_success"]
