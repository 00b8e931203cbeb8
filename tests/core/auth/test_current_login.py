"""The login of a request is found once, where something asks for it, and no view can change it."""

from collections.abc import Callable

import pytest
from flask import Flask, g, render_template_string, send_from_directory
from flask.ctx import _AppCtxGlobals
from flask.testing import FlaskClient
from secure_flask import (
    change_password,
    current_user,
    end_login,
    end_other_logins,
    is_recent,
    list_logins,
    log_out,
    login_required,
    public,
    reauthenticate,
)
from secure_flask.database import db

from core.conftest import PASSWORD, TOKEN_TYPES, USERNAME, MakeApp, log_in
from core.statements import counted_statements

NEW = "another good long password"
WHO = "{{ current_user.name if current_user else 'nobody' }}"

each_type = pytest.mark.parametrize("token_type", TOKEN_TYPES)

ASKED: dict[str, Callable[[], object]] = {
    "log_out": log_out,
    "list_logins": list_logins,
    "end_other_logins": end_other_logins,
    "reauthenticate": lambda: reauthenticate(PASSWORD),
    "change_password": lambda: change_password(PASSWORD, NEW),
    "end_login": lambda: end_login("0" * 32),
}


@pytest.fixture
def app(make_app: MakeApp, token_type: str) -> Flask:
    """An app that each test adds views to."""
    return make_app(TOKEN_TYPE=token_type)


def statements_of(client: FlaskClient, path: str, credentials: dict[str, str]) -> int:
    with client.application.app_context():
        engine = db.engine
    with counted_statements(engine) as counted:
        assert client.get(path, headers=credentials).status_code == 200
    return len(counted.statements)


@each_type
def test_a_page_that_asks_three_times_looks_it_up_once(app: Flask) -> None:
    def three_times() -> str:
        again = render_template_string(WHO)
        return f"{current_user.name} {is_recent()} {again}"

    app.add_url_rule("/probe/once", "once", login_required(lambda: ""))
    app.add_url_rule("/probe/often", "often", login_required(three_times))
    client = app.test_client()
    credentials = log_in(client)
    once = statements_of(client, "/probe/once", credentials)
    assert statements_of(client, "/probe/often", credentials) == once


def test_a_public_file_and_page_that_ask_for_nobody_look_nothing_up(app: Flask) -> None:
    app.add_url_rule("/probe/plain", "plain", public(lambda: "plain"))
    app.add_url_rule(
        "/probe/file", "file", public(lambda: send_from_directory(app.root_path, "site.py"))
    )
    client = app.test_client()
    credentials = log_in(client)
    assert statements_of(client, "/probe/plain", credentials) == 0
    assert statements_of(client, "/probe/file", credentials) == 0


class Attributes(_AppCtxGlobals):
    """A `g` that has attributes and nothing else, as an app may define it."""

    __contains__ = get = pop = None  # type: ignore[assignment]


@each_type
@pytest.mark.parametrize("globals_class", [_AppCtxGlobals, Attributes])
def test_what_a_view_puts_into_g_changes_nothing(
    app: Flask, globals_class: type[_AppCtxGlobals]
) -> None:
    app.app_ctx_globals_class = globals_class

    @app.before_request
    def load_logged_in_user() -> None:
        # As in Flask's tutorial.
        g.user = None
        g.login = None
        g.user_id = None

    def who() -> str:
        return f"{current_user.name} {render_template_string(WHO)}"

    def change() -> dict[str, object]:
        return change_password(PASSWORD, NEW)

    app.add_url_rule("/probe/who", "who", login_required(who))
    app.add_url_rule("/probe/change", "change", login_required(change))
    client = app.test_client()
    credentials = log_in(client)
    assert client.get("/probe/who", headers=credentials).text == f"{USERNAME} {USERNAME}"
    assert client.get("/probe/change", headers=credentials).status_code == 200


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_a_public_view_that_needs_a_login_answers_401_to_a_visitor(
    app: Flask, asked: Callable[[], object]
) -> None:
    app.add_url_rule("/probe/asked", "asked", public(lambda: {"answer": asked()}))
    assert app.test_client().get("/probe/asked").status_code == 401


@pytest.mark.parametrize("name", ["list_logins", "log_out"])
def test_and_serves_a_user(app: Flask, name: str) -> None:
    app.add_url_rule("/probe/asked", "asked", public(lambda: {"answer": ASKED[name]()}))
    client = app.test_client()
    assert client.get("/probe/asked", headers=log_in(client)).status_code == 200


def test_a_visitor_is_not_recent(app: Flask) -> None:
    app.add_url_rule("/probe/recent", "recent", public(lambda: {"is_recent": is_recent()}))
    client = app.test_client()
    assert client.get("/probe/recent").get_json() == {"is_recent": False}
    assert client.get("/probe/recent", headers=log_in(client)).get_json() == {"is_recent": True}


def test_outside_a_request_nobody_is_logged_in(app: Flask) -> None:
    with app.app_context():
        assert not current_user
        assert render_template_string(WHO) == "nobody"
