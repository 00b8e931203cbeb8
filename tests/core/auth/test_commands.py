"""`flask access`, as people and programs read it, and `flask logins`."""

import json

import pytest
from flask import Flask
from secure_flask.auth import logins
from secure_flask.auth.access import login_required, public, recent_login, roles_required
from secure_flask.web.forms import consumes_form
from secure_flask.web.rate_limits import limited
from secure_flask.web.responses import consumes

from core.conftest import MakeApp, Wait, is_logged_in, log_in, stored_user
from core.routes import LOGIN, ME

USERS = "Logged-in users:"
LONG = "/" + "long/" * 30  # than a line of the table


def shown(app: Flask, *options: str) -> str:
    result = app.test_cli_runner().invoke(args=["access", *options])
    assert result.exit_code == 0, result.output
    return str(result.stdout)


def section_of(text: str, *words: str) -> str:
    """The title above the line that begins with these words."""
    title = ""
    for line in text.splitlines():
        title = line if line.endswith(":") else title
        if line.split()[: len(words)] == [*words]:
            return title
    raise AssertionError(f"no line begins with {words}")


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """One with a view of each kind."""
    app = make_app(rate_limit="300 per minute")
    form = limited("7 per hour")(consumes_form(public(lambda: "")))
    app.add_url_rule("/form", "form", form, methods=["POST"])
    app.add_url_rule("/unmarked", "unmarked", lambda: "")
    app.add_url_rule("/recent", "recent", recent_login(minutes=3)(lambda: ""))
    app.add_url_rule("/staff", "staff", roles_required("editor", "admin")(lambda: ""))
    pictures = consumes("image/png", "image/gif")(login_required(lambda: ""))
    app.add_url_rule(LONG, "long", pictures, methods=["POST"])
    return app


def test_routes_stand_below_those_who_may_call_them(app: Flask) -> None:
    text = shown(app)
    assert section_of(text, "POST", LOGIN) == section_of(text, "POST", "/form") == "Everybody:"
    assert section_of(text, "GET", ME) == section_of(text, "GET", "/unmarked") == USERS
    assert section_of(text, "GET", "/recent") == f"{USERS[:-1]}, recent login 3 min:"
    staff = f"{USERS[:-1]} with the roles admin and editor:"
    assert section_of(text, "GET", "/staff") == staff


def test_a_line_names_mark_limit_and_body_types(app: Flask) -> None:
    lines = [line.split("  ") for line in shown(app).splitlines()]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    assert ["POST", "/form", "@public", "7 per hour", "form"] in cells
    assert ["GET", "/unmarked", "no mark", "-", "-"] in cells
    assert [row[:4] for row in cells if row[:2] == ["POST", LOGIN]] == [
        ["POST", LOGIN, "@public", "LOGIN_RATE_LIMIT"]
    ]


def test_a_route_that_is_longer_than_a_line_stays_on_one(app: Flask) -> None:
    [line] = [line for line in shown(app).splitlines() if LONG in line]
    assert line.endswith("  image/png, image/gif")


def test_limits_of_all_routes_and_unmarked_endpoints_stand_below(app: Flask) -> None:
    text = " ".join(shown(app).split())
    assert "LOGIN_RATE_LIMIT, failures of one address: 5 per minute" in text
    assert "RATE_LIMIT, requests of one address to all routes but probes: 300 per minute" in text
    assert "Endpoints without a mark, so closed: unmarked" in text


def test_what_does_not_apply_is_left_out(make_app: MakeApp) -> None:
    text = shown(make_app())
    assert "\nRATE_LIMIT" not in text


def test_programs_get_json(app: Flask) -> None:
    found = json.loads(shown(app, "--format", "json"))
    [form] = [row for row in found["routes"] if row["route"] == "/form"]
    assert form == {
        "method": "POST",
        "route": "/form",
        "endpoint": "form",
        "who": "everybody",
        "mark": "@public",
        "roles": [],
        "bodies": ["application/x-www-form-urlencoded", "multipart/form-data"],
        "limits": ["7 per hour"],
    }
    [staff] = [row for row in found["routes"] if row["route"] == "/staff"]
    assert (staff["mark"], staff["roles"]) == ("@roles_required", ["admin", "editor"])
    limits = {"RATE_LIMIT": "300 per minute", "LOGIN_RATE_LIMIT": "5 per minute"}
    assert found["limits"] == limits


def test_a_purge_says_how_many_it_deleted_and_keeps_the_rest(
    app: Flask, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = app.test_client()
    credentials = log_in(client)
    with stored_user(app) as user, monkeypatch.context() as short:
        short.setitem(app.config, "LOGIN_LIFETIME", 1)
        for secret in ("one", "two"):
            logins.start(user, "session", secret)
    wait(1)
    said = [app.test_cli_runner().invoke(args=["logins", "purge"]).output for _ in range(2)]
    assert said == ["Deleted 2 expired\n", "Deleted 0 expired\n"]
    assert is_logged_in(client, credentials)
