"""`POST /password`: who may set a new one, and that nothing of the old one lives on."""

import logging
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import db
from secure_flask.auth import passwords
from secure_flask.auth.logins import Login
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.login import MAX_PASSWORD
from core import routes
from views.conftest import (
    LOGIN,
    OWN_PAGE,
    PASSWORD,
    USERNAME,
    add_user,
    change_stored_password,
    every_token_type,
    grow_old,
    headers_of,
    is_logged_in,
    log_in_by_form,
    stored_user,
)

pytestmark = every_token_type

MIN_LENGTH = 12
OTHER, PROJECT = "bob", "Garden Shed"
NEW = "seven owls in a well of ink, and one that went for a walk before dawn"
WRONG = "a wrong long password"
QUICKER = f"the owner was quicker: {NEW}"

CHANGE = {"current_password": PASSWORD, "new_password": NEW}

Credentials = dict[str, str]


@pytest.fixture
def app(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """An app with two users, whose name no password here contains."""
    monkeypatch.setitem(app.config, "PROJECT_NAME", PROJECT)
    add_user(app, OTHER)
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client that keeps no cookie: what it sends is in `headers`, for each login separately."""
    return app.test_client(use_cookies=False)


@pytest.fixture
def credentials(client: FlaskClient) -> Credentials:
    return credentials_in(log_in(client))


def log_in(client: FlaskClient, **body: str) -> TestResponse:
    return client.post(routes.LOGIN, json={**LOGIN, **body})


def credentials_in(answer: TestResponse) -> Credentials:
    """All that a client needs to show this login, whichever the kind of token."""
    assert answer.status_code == 200
    cookies = [header.partition(";")[0] for header in answer.headers.getlist("Set-Cookie")]
    return {**headers_of(answer.get_json()), "Cookie": "; ".join(cookies)}


def change(client: FlaskClient, credentials: Credentials, **body: Any) -> TestResponse:
    return client.post(routes.PASSWORD, json={**CHANGE, **body}, headers=credentials)


def alive(client: FlaskClient, *logins: Credentials) -> list[bool]:
    return [is_logged_in(client, login) for login in logins]


def assert_nothing_changed(client: FlaskClient, credentials: Credentials) -> None:
    assert is_logged_in(client, credentials)
    assert log_in(client).status_code == 200
    assert log_in(client, password=NEW).status_code == 401


def test_the_new_one_logs_in_and_the_old_one_does_not(
    client: FlaskClient, credentials: Credentials
) -> None:
    assert change(client, credentials).status_code == 200
    assert log_in(client, password=NEW).status_code == 200
    assert log_in(client).status_code == 401


def test_this_client_gets_a_new_credential_for_its_old_one(
    client: FlaskClient, credentials: Credentials
) -> None:
    answer = change(client, credentials)
    fresh = credentials_in(answer)
    assert alive(client, credentials, fresh) == [False, True]
    assert answer.cache_control.no_store
    assert answer.get_json().keys() == log_in(client, password=NEW).get_json().keys()
    assert change(client, fresh, current_password=NEW, new_password=QUICKER).status_code == 200


def test_all_other_logins_end_at_once_and_nobody_elses(
    app: Flask, client: FlaskClient, credentials: Credentials
) -> None:
    first, second = (credentials_in(log_in(client)) for _ in range(2))
    theirs = credentials_in(log_in(client, username=OTHER))
    change(client, credentials)
    assert alive(client, first, second, theirs) == [False, False, True]
    with stored_user(app) as user:
        mine = select(Login.id).where(Login.user_id == user.id)
        assert len(db.session.scalars(mine).all()) == 1


def test_without_the_current_one_nothing_changes(
    client: FlaskClient, credentials: Credentials
) -> None:
    # A poor new one is no way to ask whether the current one is right.
    for new in (NEW, "x"):
        answer = change(client, credentials, current_password=WRONG, new_password=new)
        assert answer.status_code == 403
    assert_nothing_changed(client, credentials)


def test_anothers_current_password_does_not_serve(app: Flask, client: FlaskClient) -> None:
    add_user(app, "carol", "carol's very own one")
    carol = credentials_in(log_in(client, username="carol", password="carol's very own one"))
    assert change(client, carol).status_code == 403


def test_a_poor_one_is_refused(
    client: FlaskClient,
    credentials: Credentials,
    monkeypatch: pytest.MonkeyPatch,
    subtests: pytest.Subtests,
) -> None:
    monkeypatch.setattr(passwords, "_is_breached", lambda password: password == QUICKER)
    poor = {
        "short": "x" * (MIN_LENGTH - 1),
        "the user's name": f"{NEW} {USERNAME.upper()}",
        "the project's name": f"{NEW} {PROJECT}",
        "breached": QUICKER,
    }
    for case, password in poor.items():
        with subtests.test(case):
            assert change(client, credentials, new_password=password).status_code == 400
            assert_nothing_changed(client, credentials)


def test_anything_but_two_plain_texts_is_400(
    client: FlaskClient, credentials: Credentials, subtests: pytest.Subtests
) -> None:
    unusable: dict[str, dict[str, Any]] = {
        "null": {"current_password": None},
        "blank": {"new_password": " " * MIN_LENGTH},
        "too long": {"new_password": "x" * (MAX_PASSWORD + 1)},
        "a tab": {"new_password": f"{NEW}\t"},
        "another member": {"username": OTHER},
    }
    for case, body in unusable.items():
        with subtests.test(case):
            assert change(client, credentials, **body).status_code == 400
            assert_nothing_changed(client, credentials)


def test_it_is_kept_exactly_as_received(
    app: Flask, client: FlaskClient, subtests: pytest.Subtests
) -> None:
    similar = {
        "spaces": (f"  {NEW}  ", NEW),
        "case": (NEW.title(), NEW),
        "accent": (f"caf\u00e9 {NEW}", f"cafe\u0301 {NEW}"),
        "ligature": (f"\ufb01ne {NEW}", f"fine {NEW}"),
    }
    for case, (exact, other) in similar.items():
        with subtests.test(case):
            change_stored_password(app, PASSWORD)
            change(client, credentials_in(log_in(client)), new_password=exact)
            assert log_in(client, password=other).status_code == 401
            assert log_in(client, password=exact).status_code == 200


def test_an_old_login_changes_nothing_before_the_password_is_entered(
    app: Flask, client: FlaskClient, credentials: Credentials
) -> None:
    grow_old(app)
    assert change(client, credentials).status_code == 401
    assert_nothing_changed(client, credentials)


def test_it_needs_a_login(client: FlaskClient) -> None:
    assert change(client, {}).status_code == 401


def test_no_password_is_in_an_answer_or_a_log(
    client: FlaskClient, credentials: Credentials, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    bodies: list[dict[str, Any]] = [{"current_password": WRONG}, {"new_password": [NEW]}, {}]
    for body in bodies:
        answer = change(client, credentials, **body)
        said = answer.text + str(answer.headers) + caplog.text
        assert not any(password in said for password in (PASSWORD, NEW, WRONG))


def test_a_login_of_a_page_is_renewed_as_one_whatever_a_program_gets(app: Flask) -> None:
    page = log_in_by_form(app.test_client())
    for path, body in (
        (routes.REAUTHENTICATE, {"password": PASSWORD}),
        (routes.PASSWORD, CHANGE),
    ):
        answer = page.post(path, json=body, headers=OWN_PAGE)
        assert answer.get_json()["token_type"] == "session"
        assert "Set-Cookie" in answer.headers
        assert is_logged_in(page)
