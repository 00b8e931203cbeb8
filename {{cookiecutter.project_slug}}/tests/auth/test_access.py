"""A view behind `@login_required`, as strangers and users reach it."""

from collections.abc import Callable

import pytest
from flask import Flask, g
from flask.testing import FlaskClient

from app.auth import tokens, users
from app.auth.access import login_required
from app.auth.users import User
from app.db import db
from tests.conftest import USERNAME, MakeApp, log_in

CREDENTIALS = ["", "x", "Bearer", "Bearer ", "Basic YWRhOmE=", "a" * 90, "é", "\x7f", "null"]


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """One that each test here may add views to."""
    return make_app()


@pytest.fixture
def reached(app: Flask) -> list[str]:
    """Who came through to the views at `/private/…`."""
    names: list[str] = []

    @app.route("/private/<page>", methods=["GET", "POST"])
    @login_required
    def private(page: str) -> str:
        names.append(g.user.name)
        return f"{page} of {g.user.name} by {g.grant.kind}"

    return names


@pytest.mark.asvs("7.2.1")
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_stranger_gets_401_and_no_further(
    client: FlaskClient, reached: list[str], method: str
) -> None:
    answer = client.open("/private/diary", method=method)
    assert answer.status_code == 401
    assert answer.is_json
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert reached == []


@pytest.mark.asvs("7.2.1")
@pytest.mark.parametrize("name", [tokens.HEADER, "Authorization", "Cookie"])
def test_a_made_up_credential_is_401(client: FlaskClient, reached: list[str], name: str) -> None:
    for sent in CREDENTIALS:
        for method in ("GET", "POST"):
            answer = client.open("/private/diary", method=method, headers={name: sent})
            assert (sent, answer.status_code) == (sent, 401)
    assert reached == []


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_view_knows_user_login_and_its_arguments(
    client: FlaskClient, reached: list[str], method: str
) -> None:
    answer = client.open("/private/diary", method=method, headers=log_in(client))
    assert answer.status_code == 200
    assert answer.text.startswith(f"diary of {USERNAME} by ")
    assert reached == [USERNAME]


def test_one_users_login_is_not_anothers(
    app: Flask, client: FlaskClient, reached: list[str]
) -> None:
    with app.app_context():
        users.create("bob", "another long password")
    bob = app.test_client()
    for_bob = log_in(bob, username="bob", password="another long password")
    for_ada = log_in(client)
    bob.get("/private/diary", headers=for_bob)
    client.get("/private/diary", headers=for_ada)
    assert reached == ["bob", USERNAME]


@pytest.mark.asvs("7.4.2")
def test_a_disabled_user_is_out_at_once(
    app: Flask, client: FlaskClient, reached: list[str]
) -> None:
    credentials = log_in(client)
    change(app, lambda user: setattr(user, "disabled", True))
    assert client.get("/private/diary", headers=credentials).status_code == 401
    assert reached == []


@pytest.mark.asvs("7.4.2")
def test_a_deleted_user_is_out_at_once(app: Flask, client: FlaskClient, reached: list[str]) -> None:
    credentials = log_in(client)
    change(app, lambda user: db.session.delete(user))
    assert client.get("/private/diary", headers=credentials).status_code == 401
    assert reached == []


@pytest.mark.asvs("14.2.2", "14.3.2")
def test_the_answer_is_kept_in_no_cache(client: FlaskClient, reached: list[str]) -> None:
    answer = client.get("/private/diary", headers=log_in(client))
    assert answer.headers["Cache-Control"] == "no-store, max-age=0"


def test_the_view_keeps_its_name(app: Flask, reached: list[str]) -> None:
    assert "private" in app.view_functions


def change(app: Flask, do: Callable[[User], None]) -> None:
    with app.app_context():
        user = users.find(USERNAME)
        assert user is not None
        do(user)
        db.session.commit()
