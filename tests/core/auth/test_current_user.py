"""`current_user`: the logged-in user, and falsy where nobody is."""

import pytest
from flask import Flask, render_template_string
from flask.testing import FlaskClient
from secure_flask import current_user, log_out, reauthenticate
from secure_flask.auth.access import login_required, public
from secure_flask.database import db

from core.conftest import (
    OWN_PAGE,
    PASSWORD,
    USERNAME,
    MakeApp,
    every_token_type,
    log_in,
    log_in_by_form,
)
from core.users import User

PAGE = "{{ current_user.name if current_user else 'nobody' }}"


@pytest.fixture
def app(make_app: MakeApp, token_type: str) -> Flask:
    """An app with pages that say who is logged in, as Python and as a template know it."""
    app = make_app(TOKEN_TYPE=token_type)

    def who() -> str:
        name = current_user.name if current_user else "nobody"
        return f"{name} {render_template_string(PAGE)}"

    def leave() -> str:
        log_out()
        return who()

    def delete() -> str:
        db.session.delete(db.session.get(User, current_user.id))
        db.session.commit()
        return ""

    def enter_password() -> str:
        reauthenticate(PASSWORD)
        return who()

    app.add_url_rule("/probe/public", "public", public(who))
    app.add_url_rule("/probe/closed", "closed", login_required(lambda: who()))
    app.add_url_rule("/probe/leave", "leave", login_required(leave))
    app.add_url_rule("/probe/delete", "delete", login_required(delete))
    app.add_url_rule("/probe/again", "again", login_required(enter_password))
    return app


HABIT = "{% if current_user.is_authenticated %}in{% else %}out{% endif %}"


def test_a_template_may_ask_whether_the_user_is_authenticated(app: Flask) -> None:
    app.add_url_rule("/probe/habit", "habit", public(lambda: render_template_string(HABIT)))
    client = app.test_client()
    assert client.get("/probe/habit").text == "out"
    assert client.get("/probe/habit", headers=log_in(client)).text == "in"


def by_form(client: FlaskClient) -> dict[str, str]:
    log_in_by_form(client)
    return OWN_PAGE


@every_token_type
@pytest.mark.parametrize("by", [log_in, by_form])
def test_it_is_the_user_where_logged_in_and_falsy_for_nobody(client: FlaskClient, by: type) -> None:
    assert client.get("/probe/public").text == "nobody nobody"
    credentials = by(client)
    pages = ("/probe/public", "/probe/closed", "/probe/again")
    shown = {page: client.get(page, headers=credentials).text for page in pages}
    assert shown == dict.fromkeys(pages, f"{USERNAME} {USERNAME}")
    # Of two clients each has its own.
    assert client.application.test_client().get("/probe/public").text == "nobody nobody"


def test_after_the_user_was_deleted_it_is_nobody(
    client: FlaskClient, credentials: dict[str, str]
) -> None:
    assert client.get("/probe/delete", headers=credentials).status_code == 200
    assert client.get("/probe/public", headers=credentials).text == "nobody nobody"


@every_token_type
def test_after_a_logout_it_is_nobody_at_once_and_no_alarm(
    client: FlaskClient, credentials: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    assert client.get("/probe/leave", headers=credentials).text == "nobody nobody"
    assert "use_after_expire" not in caplog.text
    assert client.get("/probe/public", headers=credentials).text == "nobody nobody"


@pytest.mark.parametrize("path", ["/probe/public", "/healthz", "/nowhere"])
def test_a_test_may_ask_after_the_response_who_was_logged_in(
    client: FlaskClient, path: str
) -> None:
    credentials = log_in(client)
    with client:
        client.get(path, headers=credentials)
        assert current_user.name == USERNAME
