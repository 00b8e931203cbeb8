"""`flask access`: who may call which route, as it follows from the marks and the policy."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.views import MethodView
from secure_flask.auth import access, route_table
from secure_flask.auth.access import (
    login_required,
    public,
    recent_login,
    roles_required,
)
from secure_flask.auth.route_table import Row
from secure_flask.keys.requests import keys_allowed
from secure_flask.web.csrf import csrf_exempt
from secure_flask.web.forms import consumes_form
from secure_flask.web.rate_limits import limited
from secure_flask.web.responses import consumes
from werkzeug.routing import Rule

from core.conftest import MakeApp
from core.routes import LOGIN

Wrap = Callable[[Any], Any]

USERS = "logged-in users"
# Marks of a view, the lowest first, and what the table says: who may call it, and by which mark.
MARKS: list[tuple[list[Wrap], str, str]] = [
    ([public], "everybody", "@public"),
    ([login_required], USERS, "@login_required"),
    ([recent_login(minutes=5)], f"{USERS}, recent login 5 min", "@recent_login"),
    ([roles_required("a", "b")], f"{USERS} with the roles a and b", "@roles_required"),
    ([], USERS, "no mark"),
    ([keys_allowed], USERS, "@login_required, @keys_allowed"),
    (
        [keys_allowed, roles_required("a")],
        f"{USERS} with the role a",
        "@roles_required, @keys_allowed",
    ),
    # No key writes here, and none is a recent login.
    ([keys_allowed(read_only=True)], USERS, "@login_required"),
    ([keys_allowed, recent_login(minutes=5)], f"{USERS}, recent login 5 min", "@recent_login"),
]


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """One that each test here may add views to."""
    return make_app(PUBLIC_ENDPOINTS={"opened": "A test opens it."})


def rows_of(app: Flask, route: str) -> list[Row]:
    with app.app_context():
        return [row for row in route_table.access_rows(app) if row.route == route]


def row_of(app: Flask, *marks: Wrap, method: str = "POST", endpoint: str = "probe") -> Row:
    """The row of a view with these marks."""

    def view() -> str:
        return ""

    for mark in marks:
        view = mark(view)
    app.add_url_rule(f"/{endpoint}", endpoint, view, methods=[method])
    [row] = rows_of(app, f"/{endpoint}")
    return row


def test_marks_say_who_may_call_and_where_a_key_counts(
    app: Flask, subtests: pytest.Subtests
) -> None:
    for number, (marks, who, mark) in enumerate(MARKS):
        with subtests.test(number=number, marks=marks, who=who, mark=mark):
            row = row_of(app, *marks, endpoint=f"probe{number}")
            shown = (row.method, row.endpoint, row.who, row.mark)
            assert shown == ("POST", f"probe{number}", who, mark)


def test_bodies_and_limits_of_a_view_are_named(app: Flask) -> None:
    marks = (login_required, consumes_form, consumes("image/png"), csrf_exempt)
    rows = [row_of(app, mark, endpoint=f"{number}") for number, mark in enumerate(marks)]
    assert [row.bodies for row in rows] == [["JSON"], ["form"], ["image/png"], ["*/*"]]
    assert row_of(app, login_required, method="GET", endpoint="read").bodies == []
    row = row_of(app, limited("7 per hour"), access.takes_credentials)
    assert row.limits == ["7 per hour", "LOGIN_RATE_LIMIT"]


def test_the_policy_opens_a_view_without_a_mark_and_no_other(make_app: MakeApp, app: Flask) -> None:
    opened = row_of(app, endpoint="opened")
    assert (opened.who, opened.mark) == ("everybody", "PUBLIC_ENDPOINTS")
    closed = row_of(make_app(PUBLIC_ENDPOINTS={"opened": "No."}), login_required, endpoint="opened")
    assert (closed.who, closed.mark) == (USERS, "@login_required")


def test_methods_of_a_class_may_differ_and_head_counts_as_get(app: Flask) -> None:
    marks = {"get": public, "put": recent_login(minutes=5), "delete": roles_required("probe-chief")}
    methods = {name: mark(lambda self: "") for name, mark in marks.items()}
    decorators = [roles_required("probe-boss")]
    probe: Any = type("Probe", (MethodView,), {"decorators": decorators, **methods})
    app.add_url_rule("/probe", view_func=probe.as_view("probe"))
    assert {row.method: row.who for row in rows_of(app, "/probe")} == {
        "GET": "everybody",
        "PUT": f"{USERS} with the role probe-boss, recent login 5 min",
        "DELETE": f"{USERS} with the roles probe-boss and probe-chief",
    }
    assert route_table.demanded_roles(app) == {"probe-boss", "probe-chief"}


def test_each_method_that_leads_to_a_view_is_a_row(app: Flask) -> None:
    app.add_url_rule("/own", "own", lambda: "", methods=["OPTIONS"])
    app.add_url_rule("/head", "head", lambda: "", methods=["HEAD"])
    app.url_map.add(Rule("/every", endpoint="own"))
    app.url_map.add(Rule("/address", endpoint="own", build_only=True))
    methods = {"/own": ["OPTIONS"], "/head": ["HEAD"], "/every": ["any"], "/address": []}
    assert {route: [row.method for row in rows_of(app, route)] for route in methods} == methods


@pytest.mark.asvs("8.1.1")
def test_routes_stand_below_those_who_may_call_them(make_app: MakeApp) -> None:
    app = make_app(rate_limit="300 per minute")
    app.add_url_rule("/unmarked", "unmarked", lambda: "")
    result = app.test_cli_runner().invoke(args=["access"])
    assert result.exit_code == 0
    lines = [line.split("  ") for line in result.output.splitlines()]
    cells = [[cell.strip() for cell in line if cell] for line in lines]
    everybody, users = cells.index(["Everybody:"]), cells.index(["Logged-in users:"])
    assert everybody < cells.index(["POST", LOGIN, "@public", "LOGIN_RATE_LIMIT", "JSON, form"])
    assert cells.index(["GET", "/unmarked", "no mark", "-", "-"]) > users
    assert "Endpoints without a mark, so closed: unmarked" in result.output
    assert "one address: 5 per minute" in result.output
    assert "all but probes: 300 per minute" in result.output
