"""`current_user`: the logged-in user, and falsy where nobody is."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import secure_flask
from flask import Flask, make_response, render_template_string
from flask.testing import FlaskClient
from secure_flask import (
    csrf_exempt,
    current_user,
    has_recent_login,
    keys_allowed,
    list_logins,
    log_in_user,
    log_out,
    reauthenticate,
    roles_required,
)
from secure_flask.auth.access import login_required, public
from werkzeug.exceptions import HTTPException

from core.conftest import (
    PASSWORD,
    USERNAME,
    MakeApp,
    add_user,
    every_token_type,
    give_roles,
    log_in,
    log_in_by_form,
)
from core.keys.made_keys import ask, new_key
from core.users import User

PAGE = "{{ current_user.name if current_user.is_authenticated else 'nobody' }}"


def who() -> str:
    """Who is logged in, as Python and as a template know it."""
    return f"{current_user.name if current_user else 'nobody'} {render_template_string(PAGE)}"


@pytest.fixture
def app(make_app: MakeApp, token_type: str) -> Flask:
    """An app with pages that say who is logged in."""
    app = make_app(TOKEN_TYPE=token_type)

    def leave() -> str:
        log_out()
        return who()

    def enter_password() -> str:
        reauthenticate(PASSWORD)
        return who()

    app.add_url_rule("/probe/public", "public", public(lambda: who()))
    app.add_url_rule("/probe/closed", "closed", login_required(lambda: who()))
    app.add_url_rule("/probe/leave", "leave", login_required(leave))
    app.add_url_rule("/probe/again", "again", login_required(enter_password))
    return app


@every_token_type
@pytest.mark.parametrize("by_form", [False, True])
def test_it_is_the_user_where_logged_in_and_falsy_for_nobody(
    client: FlaskClient, by_form: bool
) -> None:
    assert client.get("/probe/public").text == "nobody nobody"
    credentials = {} if by_form and log_in_by_form(client) else log_in(client)
    pages = ("/probe/public", "/probe/closed", "/probe/again")
    shown = {page: client.get(page, headers=credentials).text for page in pages}
    assert shown == dict.fromkeys(pages, f"{USERNAME} {USERNAME}")
    # Of two clients each has its own.
    assert client.application.test_client().get("/probe/public").text == "nobody nobody"


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


# A login that begins in the request itself. Ada sends it, and Bob is logged in.

BOB = "bob"


def add_login(app: Flask, log_in_bob: Callable[[], object], *marks: Any) -> Flask:
    """A view that logs Bob in and says who is logged in before and after."""

    def switch() -> Any:
        before = who()
        log_in_bob()
        response = make_response({"before": before, "after": who()})
        response.headers["Cache-Control"] = "private, max-age=60"
        return response

    view = public(switch)
    for mark in marks:
        view = mark(view)
    app.add_url_rule("/probe/switch", "switch", view, methods=["GET", "POST"])
    add_user(app, BOB)
    return app


BY: dict[str, Callable[[], object]] = {
    "log_in": lambda: secure_flask.log_in(BOB, PASSWORD),
    "log_in_user": lambda: log_in_user(User.find(BOB), provider="https://id.example.org"),
}
by_each_way = pytest.mark.parametrize("log_in_bob", BY.values(), ids=BY)


@pytest.mark.asvs("14.3.2")
@every_token_type
@by_each_way
@pytest.mark.parametrize("sender", ["nobody", USERNAME])
def test_after_a_login_it_is_that_user_in_the_same_request_whose_answer_no_cache_keeps(
    app: Flask, log_in_bob: Callable[[], object], sender: str
) -> None:
    client = add_login(app, log_in_bob).test_client()
    credentials = log_in(client) if sender == USERNAME else {}
    answer = client.post("/probe/switch", headers=credentials)
    assert answer.json == {"before": f"{sender} {sender}", "after": f"{BOB} {BOB}"}
    assert answer.headers.getlist("Cache-Control") == ["no-store, max-age=0"]


@every_token_type
def test_the_functions_of_the_user_act_for_the_new_one(app: Flask) -> None:
    def act() -> dict[str, object]:
        secure_flask.log_in(BOB, PASSWORD)
        shown = {
            "current": [each["current"] for each in list_logins()],
            "recent": has_recent_login(),
        }
        log_out()
        return {**shown, "after": who()}

    add_user(app, BOB)
    app.add_url_rule("/probe/act", "act", public(act), methods=["POST"])
    client = app.test_client()
    credentials = log_in(client)
    answer = client.post("/probe/act", headers=credentials)
    assert answer.json == {"current": [True], "recent": True, "after": "nobody nobody"}
    if "Authorization" in credentials:
        assert client.get("/probe/public", headers=credentials).text == f"{USERNAME} {USERNAME}"


@every_token_type
def test_a_mark_that_another_user_met_is_asked_of_the_new_one(app: Flask) -> None:
    @roles_required("baker")
    def bake() -> str:
        return "bread"

    def switch() -> str:
        secure_flask.log_in(BOB, PASSWORD)
        return bake()

    add_user(app, BOB)
    give_roles(app, "baker")
    app.add_url_rule("/probe/bake", "bake", roles_required("baker")(switch), methods=["POST"])
    client = app.test_client()
    assert client.post("/probe/bake", headers=log_in(client)).status_code == 403


@by_each_way
def test_a_view_that_any_site_may_call_stays_with_nobody(
    app: Flask, log_in_bob: Callable[[], object]
) -> None:
    client = add_login(app, log_in_bob, csrf_exempt).test_client()
    log_in(client)
    answer = client.post("/probe/switch")
    assert answer.json == {"before": "nobody nobody", "after": "nobody nobody"}
    assert answer.headers["Cache-Control"] == "no-store, max-age=0"


def test_a_key_still_limits_what_the_request_may_do(make_app: MakeApp) -> None:
    def switch() -> dict[str, object]:
        ada = current_user.role_names
        secure_flask.log_in(BOB, PASSWORD)
        with suppress(HTTPException):
            list_logins()
            return {"refused": False}
        again = User.find(USERNAME)
        return {
            "before": ada,
            "after": [current_user.name, current_user.role_names],
            "key's user": again and again.role_names,
        }

    app = make_app(TOKEN_TYPE="opaque")
    add_user(app, BOB)
    give_roles(app, "baker", "boss")
    give_roles(app, "baker", "boss", to=BOB)
    view = keys_allowed(login_required(switch))
    app.add_url_rule("/probe/switch", "switch", view, methods=["POST"])
    answer = ask(app.test_client(), new_key(app, "baker"), "/probe/switch", method="POST", json={})
    assert answer.json == {
        "before": ["baker"],
        "after": [BOB, ["baker"]],
        "key's user": ["baker"],
    }
