"""A view behind `@login_required`, as strangers and users reach it."""

from collections.abc import Callable

import pytest
from flask import Flask, g
from flask.testing import FlaskClient

from app.auth import tokens, users
from app.auth.access import login_required
from app.auth.users import User
from app.db import db
from tests.conftest import PASSWORD, USERNAME, MakeApp, log_in, stored_user

MADE_UP = ["", "x", "Bearer", "Bearer ", "Basic YWRhOmE=", "a" * 90, "é", "\x7f", "null"]
PRIVATE = "/probe/diary"


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """One that each test here may add views to."""
    return make_app()


@pytest.fixture
def reached(app: Flask) -> list[str]:
    """Who came through to the views at `/probe/…`."""
    names: list[str] = []

    @app.route("/probe/<page>", methods=["GET", "POST"])
    @login_required
    def private(page: str) -> str:
        names.append(g.user.name)
        return f"{page} of {g.user.name} by {g.grant.kind}"

    return names


@pytest.mark.asvs("7.2.1")
def test_a_stranger_gets_401_and_no_further(
    client: FlaskClient, reached: list[str], subtests: pytest.Subtests
) -> None:
    for method in ("GET", "HEAD", "POST"):
        with subtests.test(method):
            answer = client.open(PRIVATE, method=method)
            assert answer.status_code == 401
            # `Basic` would make browsers ask for a password.
            assert answer.headers.get("WWW-Authenticate") == "Bearer", (
                "RFC 9110 asks for `WWW-Authenticate: Bearer` with each 401: add it to yours."
            )
    assert reached == []


@pytest.mark.asvs("7.2.1")
def test_a_made_up_credential_is_401(
    client: FlaskClient, reached: list[str], subtests: pytest.Subtests
) -> None:
    for name in {tokens.HEADER, "Authorization", "Cookie"}:
        for sent in MADE_UP:
            with subtests.test(name, sent=sent):
                for method in ("GET", "POST"):
                    answer = client.open(PRIVATE, method=method, headers={name: sent})
                    assert answer.status_code == 401
    assert reached == []


def test_the_view_knows_user_login_and_its_arguments(
    app: Flask, client: FlaskClient, reached: list[str]
) -> None:
    with app.app_context():
        users.create("bob", PASSWORD)
    bob = app.test_client()
    for_bob, for_ada = log_in(bob, username="bob"), log_in(client)
    assert bob.post(PRIVATE, headers=for_bob).text.startswith("diary of bob by ")
    answer = client.get(PRIVATE, headers=for_ada)
    assert answer.text.startswith(f"diary of {USERNAME} by ")
    assert answer.status_code == 200
    assert reached == ["bob", USERNAME]


@pytest.mark.asvs("7.4.2")
def test_a_disabled_or_deleted_user_is_out_at_once(
    app: Flask, client: FlaskClient, reached: list[str], subtests: pytest.Subtests
) -> None:
    changes: dict[str, Callable[[User], None]] = {
        "disabled": lambda user: setattr(user, "disabled", True),
        "deleted": lambda user: db.session.delete(user),
    }
    for case, change in changes.items():
        with app.app_context():
            users.create(case, PASSWORD)
        credentials = log_in(client, username=case)
        with subtests.test(case):
            with stored_user(app, case) as user:
                change(user)
            assert client.get(PRIVATE, headers=credentials).status_code == 401
    assert reached == []


@pytest.mark.asvs("14.2.2", "14.3.2")
def test_the_answer_is_kept_in_no_cache(client: FlaskClient, reached: list[str]) -> None:
    assert client.get(PRIVATE, headers=log_in(client)).cache_control.no_store
    assert reached
