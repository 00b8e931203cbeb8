"""A new password: who may set one, and that nothing of the old one lives on."""

import logging
from threading import BoundedSemaphore
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from app.accounts import password_change
from app.auth import grants, password_rules, passwords, throttle, tokens, users
from app.auth.grants import Grant
from app.auth.passwords import TooBusy
from app.db import db
from tests.conftest import LOGIN, PASSWORD, USERNAME

NEW, WRONG = "seven owls in a well of ink", "a wrong long password"
OTHER = "bob"

CHANGE = {"current_password": PASSWORD, "new_password": NEW}

Credentials = dict[str, str]


@pytest.fixture
def app(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """An app with two users, whose name no password here contains."""
    monkeypatch.setitem(app.config, "PROJECT_NAME", "Garden Shed")
    with app.app_context():
        users.create(OTHER, PASSWORD)
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client that keeps no cookie: what it sends is in `headers`, for each login apart."""
    return app.test_client(use_cookies=False)


@pytest.fixture
def credentials(client: FlaskClient) -> Credentials:
    return credentials_in(log_in(client))


def log_in(client: FlaskClient, **body: str) -> TestResponse:
    return client.post("/login", json={**LOGIN, **body})


def credentials_in(answer: TestResponse) -> Credentials:
    """All that a client needs to show this login, whichever the kind of token."""
    assert answer.status_code == 200
    assert isinstance(answer.json, dict)
    cookie = answer.headers.get("Set-Cookie", "").partition(";")[0]
    return {tokens.HEADER: tokens.PREFIX + answer.json["token"], "Cookie": cookie}


def change(client: FlaskClient, credentials: Credentials, **body: Any) -> TestResponse:
    return client.post("/password", json={**CHANGE, **body}, headers=credentials)


def alive(client: FlaskClient, *logins: Credentials) -> list[bool]:
    return [client.get("/me", headers=login).status_code == 200 for login in logins]


def assert_nothing_changed(client: FlaskClient, credentials: Credentials) -> None:
    assert alive(client, credentials) == [True]
    assert log_in(client).status_code == 200
    assert log_in(client, password=NEW).status_code == 401


@pytest.mark.asvs("6.2.2")
def test_the_new_one_logs_in_and_the_old_one_does_not(
    client: FlaskClient, credentials: Credentials
) -> None:
    assert change(client, credentials).status_code == 200
    assert log_in(client, password=NEW).status_code == 200
    assert log_in(client).status_code == 401


@pytest.mark.asvs("7.2.4")
def test_this_client_gets_a_new_credential_for_its_old_one(
    client: FlaskClient, credentials: Credentials
) -> None:
    answer = change(client, credentials)
    assert alive(client, credentials, credentials_in(answer)) == [False, True]


def test_the_answer_is_that_of_a_login(client: FlaskClient, credentials: Credentials) -> None:
    answer = change(client, credentials)
    assert answer.get_json().keys() == log_in(client, password=NEW).get_json().keys()
    assert answer.headers["Cache-Control"] == "no-store, max-age=0"


@pytest.mark.asvs("7.4.3")
def test_all_other_logins_end_at_once_and_nobody_elses(
    client: FlaskClient, credentials: Credentials
) -> None:
    first, second = (credentials_in(log_in(client)) for _ in range(2))
    theirs = credentials_in(log_in(client, username=OTHER))
    change(client, credentials)
    assert alive(client, first, second, theirs) == [False, False, True]


def test_nothing_of_the_old_logins_is_left(
    app: Flask, client: FlaskClient, credentials: Credentials
) -> None:
    with app.app_context():
        before = set(db.session.scalars(select(Grant.family)))
    log_in(client)
    change(client, credentials)
    with app.app_context():
        (left,) = db.session.scalars(select(Grant.family))
    assert left not in before


def test_the_new_credential_can_change_it_again(
    client: FlaskClient, credentials: Credentials
) -> None:
    fresh = credentials_in(change(client, credentials))
    again = change(client, fresh, current_password=NEW, new_password=PASSWORD)
    assert alive(client, fresh, credentials_in(again)) == [False, True]


@pytest.mark.asvs("6.2.3", "7.5.1")
def test_without_the_current_one_nothing_changes(
    client: FlaskClient, credentials: Credentials
) -> None:
    answer = change(client, credentials, current_password=WRONG)
    assert (answer.status_code, answer.json) == (403, {"error": "Wrong current password"})
    assert_nothing_changed(client, credentials)


def test_anothers_current_password_does_not_serve(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        users.create("carol", "carol's very own one")
    carol = credentials_in(log_in(client, username="carol", password="carol's very own one"))
    assert change(client, carol).status_code == 403


REFUSED = {
    "short": ("x" * 11, "A password has 12 to 1024 characters"),
    "user's name": (
        f"for {USERNAME.upper()} alone",
        "A password must not contain your name or the name of this service",
    ),
    "project's name": (
        "in the garden shed",
        "A password must not contain your name or the name of this service",
    ),
}


@pytest.mark.asvs("6.2.1")
@pytest.mark.parametrize(("password", "words"), REFUSED.values(), ids=REFUSED)
def test_a_poor_one_is_refused_in_words(
    client: FlaskClient, credentials: Credentials, password: str, words: str
) -> None:
    answer = change(client, credentials, new_password=password)
    assert (answer.status_code, answer.json) == (400, {"error": words})
    assert_nothing_changed(client, credentials)


@pytest.mark.asvs("6.2.4", "6.2.12")
def test_a_breached_one_is_refused_in_words(
    client: FlaskClient, credentials: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(password_rules, "is_breached", lambda password: password == NEW)
    answer = change(client, credentials)
    words = "This password is on a list of breached ones: choose another"
    assert (answer.status_code, answer.json) == (400, {"error": words})
    assert_nothing_changed(client, credentials)


def test_who_does_not_know_the_current_one_learns_no_rule(
    client: FlaskClient, credentials: Credentials
) -> None:
    answer = change(client, credentials, current_password=WRONG, new_password="x")
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"current_password": None}, "Missing required fields"),
        ({"new_password": " "}, "Missing required fields"),
        ({"new_password": 123456789012}, "Invalid request"),
        ({"new_password": "x" * 1025}, "Invalid request"),
        ({"new_password": "tab\tin the midst"}, "Invalid request"),
        ({"new_password": "\ud800" * 12}, "Invalid request"),
        ({"username": OTHER}, "Invalid request"),
    ],
    ids=["null", "blank", "number", "too-long", "tab", "lone-surrogate", "another-member"],
)
def test_anything_but_two_plain_strings_is_400(
    client: FlaskClient, credentials: Credentials, body: dict[str, Any], words: str
) -> None:
    answer = change(client, credentials, **body)
    assert (answer.status_code, answer.json) == (400, {"error": words})
    assert_nothing_changed(client, credentials)


@pytest.mark.asvs("6.2.8")
@pytest.mark.parametrize(
    ("exact", "similar"),
    [
        ("  seven owls  ", "seven owls"),
        ("Seven Owls Flew", "seven owls flew"),
        ("caf\u00e9 at the corner", "cafe\u0301 at the corner"),
        ("\ufb01ne old whiskey", "fine old whiskey"),
    ],
    ids=["spaces", "case", "accent", "ligature"],
)
def test_it_is_kept_exactly_as_received(
    client: FlaskClient, credentials: Credentials, exact: str, similar: str
) -> None:
    change(client, credentials, new_password=exact)
    assert log_in(client, password=similar).status_code == 401
    assert log_in(client, password=exact).status_code == 200


def test_a_crowd_is_asked_to_come_back(
    client: FlaskClient, credentials: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        full.setattr(passwords, "MAX_WAIT", 0)
        full.setattr(passwords, "_in_flight", BoundedSemaphore(0))
        answer = change(client, credentials)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert_nothing_changed(client, credentials)


def test_many_changes_of_one_user_at_once_leave_places_to_others(
    client: FlaskClient, credentials: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting, statuses = iter(range(12)), list[int]()

    def start_others() -> None:
        statuses.extend(change(client, credentials).status_code for _ in waiting)

    class Slow(PasswordHasher):
        """While it hashes a new password, all the others arrive."""

        def hash(self, *arguments: Any, **options: Any) -> str:
            start_others()
            return super().hash(*arguments, **options)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(passwords, "hasher", Slow(1, 8, 1))
        start_others()
    assert statuses.count(429) == 12 - throttle.AT_ONCE


@pytest.mark.parametrize("step", ["verify", "hash"])
def test_a_password_changed_meanwhile_is_not_overwritten(
    app: Flask,
    client: FlaskClient,
    credentials: Credentials,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    hasher = PasswordHasher(1, 8, 1)

    def changed_meanwhile(*args: Any) -> Any:
        meanwhile.setattr(passwords, "hasher", hasher)
        with app.app_context():
            user = users.find(USERNAME)
            assert user is not None
            password_change.set_password(user, "the owner was quicker")
        return getattr(hasher, step)(*args)

    class Slow(PasswordHasher):
        """Takes so long for one step that somebody else is quicker."""

    setattr(Slow, step, staticmethod(changed_meanwhile))
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(passwords, "hasher", Slow(1, 8, 1))
        assert change(client, credentials).status_code == 403
    assert log_in(client, password="the owner was quicker").status_code == 200
    assert log_in(client, password=NEW).status_code == 401


def away(*arguments: object, **options: object) -> None:
    raise OperationalError("DELETE", {}, OSError("no route to host"))


def too_busy(password: str) -> str:
    raise TooBusy


@pytest.mark.asvs("16.5.3")
@pytest.mark.parametrize(
    ("module", "name", "failing"),
    [(password_change, "hash_password", too_busy), (grants, "end_all", away)],
    ids=["new-hash", "end-of-logins"],
)
def test_both_are_done_or_neither(
    client: FlaskClient,
    credentials: Credentials,
    monkeypatch: pytest.MonkeyPatch,
    module: Any,
    name: str,
    failing: Any,
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(module, name, failing)
        assert change(client, credentials).status_code == 503
    assert_nothing_changed(client, credentials)


def test_it_needs_a_login(client: FlaskClient) -> None:
    answer = change(client, {})
    assert (answer.status_code, answer.json) == (401, {"error": "Authentication required"})


def test_no_password_is_in_an_answer_or_a_log(
    client: FlaskClient, credentials: Credentials, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    bodies: list[dict[str, Any]] = [{"current_password": WRONG}, {"new_password": [NEW]}, {}]
    for body in bodies:
        answer = change(client, credentials, **body)
        said = answer.text + str(answer.headers) + caplog.text
        assert not any(password in said for password in (PASSWORD, NEW, WRONG))
