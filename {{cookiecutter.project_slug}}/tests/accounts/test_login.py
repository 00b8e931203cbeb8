"""Logging in and out, as a client sees it, whatever a login gives."""

import json
import logging
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from app.accounts import password_change
from app.auth import passwords, users
from app.db import db
from app.settings import Settings
from tests.conftest import LOGIN, PASSWORD, SECRETS, USERNAME, MakeApp, Wait, log_in

WRONG = {**LOGIN, "password": "a wrong long password"}
STRANGER = {**LOGIN, "username": "nobody"}

INCOMPLETE: dict[str, Any] = {
    "neither": {},
    "no-username": {"password": PASSWORD},
    "no-password": {"username": USERNAME},
    "null-username": {**LOGIN, "username": None},
    "null-password": {**LOGIN, "password": None},
    "empty-username": {**LOGIN, "username": ""},
    "empty-password": {**LOGIN, "password": ""},
    "blank-username": {**LOGIN, "username": " \u00a0\u2003"},
    "blank-password": {**LOGIN, "password": "  "},
    "other-names": {"user": USERNAME, "pass": PASSWORD},
}

INVALID = {
    "nothing": b"",
    "broken": b'{"username": "ada", "password": ',
    "no-json": b"username=ada&password=secret",
    "list": json.dumps([USERNAME, PASSWORD]).encode(),
    "string": b'"ada"',
    "number": b"1",
    "null": b"null",
    "not-a-number": b'{"username": NaN, "password": Infinity}',
    "username-a-number": json.dumps({**LOGIN, "username": 1}).encode(),
    "password-a-number": json.dumps({**LOGIN, "password": 123456789012}).encode(),
    "password-a-boolean": json.dumps({**LOGIN, "password": True}).encode(),
    "password-a-list": json.dumps({**LOGIN, "password": [PASSWORD]}).encode(),
    "username-an-object": json.dumps({**LOGIN, "username": {"$ne": ""}}).encode(),
    "another-member": json.dumps({**LOGIN, "admin": True}).encode(),
    "another-member-null": json.dumps({**LOGIN, "admin": None}).encode(),
    "nul": json.dumps({**LOGIN, "username": "ada\0"}).encode(),
    "line-break": json.dumps({**LOGIN, "username": "ada\nadmin"}).encode(),
    "delete": json.dumps({**LOGIN, "password": PASSWORD + "\x7f"}).encode(),
    "lone-surrogate": json.dumps({**LOGIN, "password": "\ud800" * 12}).encode(),
    "username-too-long": json.dumps({**LOGIN, "username": "a" * 151}).encode(),
    "password-too-long": json.dumps({**LOGIN, "password": "a" * 1025}).encode(),
    "latin-1": '{"username": "adé", "password": "a"}'.encode("latin-1"),
    "utf-16": json.dumps(LOGIN).encode("utf-16"),
    "very-deep": b"[" * 30_000,
}

OTHER_TYPES = {
    "form": {"data": LOGIN},
    "upload": {"data": LOGIN, "content_type": "multipart/form-data"},
    "text": {"data": json.dumps(LOGIN), "content_type": "text/plain"},
    "untyped": {"data": json.dumps(LOGIN)},
}


def assert_refused(answer: TestResponse, status: int, words: str) -> None:
    assert answer.status_code == status
    assert answer.json == {"error": words}
    challenge = "Bearer" if status == 401 else None
    assert answer.headers.get("WWW-Authenticate") == challenge
    assert "Set-Cookie" not in answer.headers


def test_a_good_login_gives_a_token(client: FlaskClient) -> None:
    answer = client.post("/login", json=LOGIN)
    assert answer.status_code == 200
    assert answer.is_json
    assert isinstance(answer.json, dict)
    assert isinstance(answer.json["token"], str)
    assert isinstance(answer.json["token_type"], str)
    assert answer.json["expires_in"] > 0
    assert answer.headers["Cache-Control"] == "no-store, max-age=0"


def test_me_names_the_user_and_nothing_secret(client: FlaskClient) -> None:
    answer = client.get("/me", headers=log_in(client))
    assert answer.status_code == 200
    assert isinstance(answer.json, dict)
    assert answer.json["username"] == USERNAME
    assert answer.json.keys() <= {"id", "username", "email", "csrf_token"}
    assert answer.headers["Cache-Control"] == "no-store, max-age=0"


@pytest.mark.asvs("7.2.2")
def test_no_token_is_given_twice(client: FlaskClient) -> None:
    tokens = {client.post("/login", json=LOGIN).get_json()["token"] for _ in range(3)}
    assert len(tokens) == 3


@pytest.mark.asvs("6.2.5", "6.2.9")
@pytest.mark.parametrize(
    ("name", "password"),
    [("zoë", "пароль, довольно длинный 🔑"), ("n" * 150, "p" * 1024), ("a b", "\"\\'<>{}; -- ")],
    ids=["unicode", "longest", "punctuation"],
)
def test_any_plain_text_serves(app: Flask, client: FlaskClient, name: str, password: str) -> None:
    with app.app_context():
        users.create(name, password)
    body = {"username": name, "password": password}
    assert client.post("/login", json=body).status_code == 200


@pytest.mark.parametrize("body", INCOMPLETE.values(), ids=INCOMPLETE)
def test_an_incomplete_login_is_400(client: FlaskClient, body: Any) -> None:
    assert_refused(client.post("/login", json=body), 400, "Missing required fields")


@pytest.mark.parametrize("body", INVALID.values(), ids=INVALID)
def test_anything_but_two_plain_strings_is_400(client: FlaskClient, body: bytes) -> None:
    answer = client.post("/login", data=body, content_type="application/json")
    assert_refused(answer, 400, "Invalid request")


@pytest.mark.asvs("6.3.8")
@pytest.mark.parametrize("body", [WRONG, STRANGER], ids=["wrong-password", "unknown"])
def test_bad_credentials_are_401(client: FlaskClient, body: Any) -> None:
    assert_refused(client.post("/login", json=body), 401, "Invalid credentials")


@pytest.mark.parametrize("name", ["Ada", "ada ", " ada", "ad\u0430", "ada' OR '1'='1"])
def test_a_name_counts_exactly_as_written(client: FlaskClient, name: str) -> None:
    answer = client.post("/login", json={**LOGIN, "username": name})
    assert_refused(answer, 401, "Invalid credentials")


def test_a_disabled_user_is_told_the_same(app: Flask, client: FlaskClient) -> None:
    disable(app)
    assert_refused(client.post("/login", json=LOGIN), 401, "Invalid credentials")


@pytest.mark.asvs("6.3.8")
def test_unknown_disabled_and_wrong_cost_the_same_hashes(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = count_hashes(monkeypatch)
    client.post("/login", json=STRANGER)
    unknown = work.copy()
    client.post("/login", json=WRONG)
    disable(app)
    client.post("/login", json=LOGIN)
    assert work == unknown * 3


@pytest.mark.asvs("11.2.2")
def test_a_login_renews_a_hash_of_other_parameters(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stored_hash(app)
    monkeypatch.setattr(passwords, "hasher", PasswordHasher(2, 8, 1))
    assert client.post("/login", json=WRONG).status_code == 401
    assert stored_hash(app) == before
    assert client.post("/login", json=LOGIN).status_code == 200
    renewed = stored_hash(app)
    assert "t=2" in renewed
    assert client.post("/login", json=LOGIN).status_code == 200
    assert stored_hash(app) == renewed


@pytest.mark.parametrize(
    ("step", "time_cost"),
    [("verify", 1), ("verify", 2), ("hash", 2)],
    ids=["checked", "checked-and-rehashed", "rehashed"],
)
def test_a_password_changed_while_it_is_worked_on_lets_nobody_in(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, step: str, time_cost: int
) -> None:
    hasher = PasswordHasher(time_cost, 8, 1)

    def changed_meanwhile(*args: Any) -> Any:
        meanwhile.setattr(passwords, "hasher", hasher)
        set_password(app, "another long password")
        return getattr(hasher, step)(*args)

    class Slow(PasswordHasher):
        """Takes so long for one step that somebody else is quicker."""

    setattr(Slow, step, staticmethod(changed_meanwhile))
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(passwords, "hasher", Slow(time_cost, 8, 1))
        assert_refused(client.post("/login", json=LOGIN), 401, "Invalid credentials")
    assert client.post("/login", json=LOGIN).status_code == 401


def test_a_body_that_is_too_large_is_413(client: FlaskClient) -> None:
    answer = client.post("/login", json={**LOGIN, "password": "a" * 70_000})
    assert_refused(answer, 413, "Request Entity Too Large")


@pytest.mark.parametrize("request_options", OTHER_TYPES.values(), ids=OTHER_TYPES)
def test_a_body_that_is_not_json_is_415(client: FlaskClient, request_options: Any) -> None:
    answer = client.post("/login", **request_options)
    assert_refused(answer, 415, "Content-Type must be application/json")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_other_methods_are_405(client: FlaskClient, method: str) -> None:
    assert_refused(client.open("/login", method=method), 405, "Method Not Allowed")


@pytest.mark.parametrize("body", [WRONG, STRANGER], ids=["known", "unknown"])
def test_five_failures_and_the_address_waits(client: FlaskClient, body: Any, wait: Wait) -> None:
    for _ in range(5):
        assert_refused(client.post("/login", json=body), 401, "Invalid credentials")
    answer = client.post("/login", json=LOGIN)
    assert_refused(answer, 429, "Too many requests")
    seconds = int(answer.headers["Retry-After"])
    assert 0 < seconds <= 60
    wait(seconds)
    assert client.post("/login", json=LOGIN).status_code == 200


def test_another_address_need_not_wait(client: FlaskClient) -> None:
    for _ in range(6):
        client.post("/login", json=WRONG)
    elsewhere = {"REMOTE_ADDR": "192.0.2.1"}
    assert client.post("/login", json=LOGIN, environ_overrides=elsewhere).status_code == 200


def test_successes_and_malformed_requests_do_not_count(client: FlaskClient) -> None:
    for _ in range(8):
        assert client.post("/login", json={}).status_code == 400
        assert client.post("/login", json=LOGIN).status_code == 200


@pytest.mark.asvs("16.5.3")
def test_a_crowd_of_logins_is_asked_to_come_back(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        full.setattr(passwords, "MAX_WAIT", 0)
        full.setattr(passwords, "_in_flight", BoundedSemaphore(0))
        for _ in range(6):
            answer = client.post("/login", json=WRONG)
            assert_refused(answer, 503, "Too many logins at once")
            assert int(answer.headers["Retry-After"]) > 0
    assert client.post("/login", json=LOGIN).status_code == 200


@pytest.mark.asvs("16.2.5")
@pytest.mark.parametrize(
    "body",
    [
        json.dumps(LOGIN),
        json.dumps({**LOGIN, "username": "nobody"}),
        json.dumps({**LOGIN, "admin": True}),
        json.dumps({**LOGIN, "username": 1}),
        json.dumps({**LOGIN, "password": [PASSWORD]}),
        json.dumps({**LOGIN, "password": PASSWORD + "\0"}),
        json.dumps({**LOGIN, "password": PASSWORD * 100}),
        json.dumps({PASSWORD: PASSWORD}),
        json.dumps(PASSWORD),
        PASSWORD,
    ],
    ids=[
        "good",
        "unknown",
        "another-member",
        "username-a-number",
        "password-a-list",
        "control-character",
        "too-long",
        "password-as-name",
        "string",
        "no-json",
    ],
)
def test_a_password_is_in_no_answer_and_no_log(
    client: FlaskClient, caplog: pytest.LogCaptureFixture, body: str
) -> None:
    caplog.set_level(logging.DEBUG)
    answer = client.post("/login", data=body, content_type="application/json")
    assert PASSWORD not in answer.text
    assert PASSWORD not in str(answer.headers)
    assert PASSWORD not in caplog.text


@pytest.mark.asvs("14.2.1")
def test_a_login_in_the_address_is_not_read(client: FlaskClient) -> None:
    answer = client.post("/login", query_string=LOGIN, json={})
    assert_refused(answer, 400, "Missing required fields")


@pytest.mark.asvs("3.7.2")
def test_a_login_leads_nowhere_else(client: FlaskClient) -> None:
    answer = client.post("/login", query_string={"next": "https://evil.example/"}, json=LOGIN)
    assert answer.status_code == 200
    assert "Location" not in answer.headers
    assert "evil" not in answer.text


@pytest.mark.asvs("7.4.1")
def test_logout_ends_the_login_at_once(client: FlaskClient) -> None:
    credentials = log_in(client)
    answer = client.post("/logout", headers=credentials)
    assert answer.status_code == 204
    assert answer.data == b""
    assert client.get("/me", headers=credentials).status_code == 401


@pytest.mark.asvs("14.3.1")
def test_logout_clears_the_browser_but_no_sibling_sites_cookies(client: FlaskClient) -> None:
    answer = client.post("/logout", headers=log_in(client))
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'


def test_logout_leaves_the_users_other_logins(app: Flask, client: FlaskClient) -> None:
    other = app.test_client()
    credentials = log_in(other)
    client.post("/logout", headers=log_in(client))
    assert other.get("/me", headers=credentials).status_code == 200


def test_logout_needs_a_login(client: FlaskClient) -> None:
    assert_refused(client.post("/logout"), 401, "Authentication required")


def test_me_needs_a_login(client: FlaskClient) -> None:
    assert_refused(client.get("/me"), 401, "Authentication required")


def test_it_works_in_production(production: FlaskClient) -> None:
    credentials = log_in(production)
    assert production.get("/me", headers=credentials).status_code == 200
    assert production.post("/logout", headers=credentials).status_code == 204


def test_the_limit_is_a_setting(make_app: MakeApp) -> None:
    client = make_app(login_rate_limit="1 per hour").test_client()
    assert client.post("/login", json=WRONG).status_code == 401
    assert client.post("/login", json=WRONG).status_code == 429


def disable(app: Flask) -> None:
    with app.app_context():
        user = users.find(USERNAME)
        assert user is not None
        user.disabled = True
        db.session.commit()


def test_a_login_outlives_a_restart(make_app: MakeApp, tmp_path: Path) -> None:
    settings: dict[str, Any] = {**SECRETS, "database_url": f"sqlite:///{tmp_path}/app.db"}
    client = make_app(**settings).test_client()
    credentials = log_in(client)
    restarted = create_app(Settings(app_env="development", **settings))
    client.application = restarted
    assert client.get("/me", headers=credentials).status_code == 200
    with restarted.app_context():
        db.engine.dispose()


def set_password(app: Flask, password: str) -> None:
    with app.app_context():
        user = users.find(USERNAME)
        assert user is not None
        password_change.set_password(user, password)


def stored_hash(app: Flask) -> str:
    with app.app_context():
        user = users.find(USERNAME)
        assert user is not None
        return user.password_hash


def count_hashes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A list that grows with each hash computed, to make one or to check one."""
    work: list[str] = []

    class Counting(PasswordHasher):
        def hash(self, *args: Any, **kwargs: Any) -> str:
            work.append("hash")
            return super().hash(*args, **kwargs)

        def verify(self, *args: Any, **kwargs: Any) -> Any:
            work.append("verify")
            return super().verify(*args, **kwargs)

    monkeypatch.setattr(passwords, "hasher", Counting(1, 8, 1))
    return work
