"""Who may call which route, as it follows from the marks and the policy."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.views import MethodView
from secure_flask.auth import access, route_table
from secure_flask.auth.access import login_required, public, recent_login, roles_required
from secure_flask.auth.route_table import Row
from secure_flask.web.csrf import exempt
from secure_flask.web.forms import consumes_form
from secure_flask.web.rate_limits import limited
from secure_flask.web.responses import consumes
from secure_flask.web.view_options import FORM_TYPES
from werkzeug.routing import Rule

from core.conftest import MakeApp

USERS = "logged-in users"
MARKS = {
    "@public": (public, "everybody"),
    "@login_required": (login_required, USERS),
    "@recent_login": (recent_login(minutes=5), f"{USERS}, recent login 5 min"),
    "@roles_required": (roles_required("admin", "boss"), f"{USERS} with the roles admin and boss"),
    "no mark": (lambda view: view, USERS),
}

Wrap = Callable[[Any], Any]


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """One that each test here may add views to."""
    return make_app(PUBLIC_ENDPOINTS={"opened": "A test opens it."})


def rows_of(app: Flask, route: str) -> list[Row]:
    with app.app_context():
        return [row for row in route_table.rows(app) if row.route == route]


def row_of(app: Flask, *marks: Wrap, method: str = "POST", endpoint: str = "probe") -> Row:
    """The row of a view with these marks."""

    def view() -> str:
        return ""

    for mark in marks:
        view = mark(view)
    app.add_url_rule(f"/{endpoint}", endpoint, view, methods=[method])
    [row] = rows_of(app, f"/{endpoint}")
    return row


@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_says_who_may_call(app: Flask, mark: str) -> None:
    decorator, who = MARKS[mark]
    row = row_of(app, decorator)
    assert (row.method, row.endpoint, row.who, row.mark) == ("POST", "probe", who, mark)


def test_the_policy_opens_a_view_without_a_mark_and_no_other(make_app: MakeApp, app: Flask) -> None:
    opened = row_of(app, endpoint="opened")
    assert (opened.who, opened.mark) == ("everybody", "PUBLIC_ENDPOINTS")
    closed = row_of(make_app(PUBLIC_ENDPOINTS={"opened": "No."}), login_required, endpoint="opened")
    assert (closed.who, closed.mark) == (USERS, "@login_required")


def test_methods_of_a_class_may_differ_and_head_counts_as_get(app: Flask) -> None:
    class Probe(MethodView):
        @public
        def get(self) -> str:
            return ""

        @recent_login()
        def delete(self) -> str:
            return ""

    app.add_url_rule("/probe", view_func=Probe.as_view("probe"))
    found = {row.method: row.who for row in rows_of(app, "/probe")}
    assert found == {"GET": "everybody", "DELETE": f"{USERS}, recent login 15 min"}


def test_a_role_and_a_recent_login_are_both_named(app: Flask) -> None:
    row = row_of(app, roles_required("probe-boss"), recent_login(minutes=5))
    assert row.who == f"{USERS} with the role probe-boss, recent login 5 min"
    assert row.roles == ["probe-boss"]


def test_the_roles_that_views_demand_are_known(app: Flask) -> None:
    class Probe(MethodView):
        decorators = [roles_required("probe-boss")]  # noqa: RUF012 (Flask's own way)

        @public
        def get(self) -> str:
            return ""

        @roles_required("probe-chief")
        def delete(self) -> str:
            return ""

    app.add_url_rule("/probe", view_func=Probe.as_view("probe"))
    roles = {row.method: row.roles for row in rows_of(app, "/probe")}
    assert roles == {"GET": [], "DELETE": ["probe-boss", "probe-chief"]}
    assert {"probe-boss", "probe-chief"} <= route_table.demanded_roles(app)


def test_only_options_that_a_view_answers_is_a_row(app: Flask) -> None:
    app.add_url_rule("/own", "own", lambda: "", methods=["OPTIONS"])
    app.add_url_rule("/head", "head", lambda: "", methods=["HEAD"])
    assert [row.method for row in rows_of(app, "/own")] == ["OPTIONS"]
    assert [row.method for row in rows_of(app, "/head")] == ["HEAD"]


def test_a_rule_that_only_makes_addresses_is_no_row(app: Flask) -> None:
    app.url_map.add(Rule("/probe", endpoint="probe", build_only=True))
    assert rows_of(app, "/probe") == []


def test_a_rule_for_every_method_is_a_row(app: Flask) -> None:
    app.url_map.add(Rule("/probe", endpoint="probe"))
    app.view_functions["probe"] = lambda: ""
    [row] = rows_of(app, "/probe")
    assert (row.method, row.who) == ("any", USERS)


def test_each_body_type_that_is_not_refused_is_named(app: Flask, subtests: pytest.Subtests) -> None:
    cases: list[tuple[Wrap, list[str]]] = [
        (login_required, ["application/json"]),
        (consumes_form, [*FORM_TYPES]),
        (consumes("image/png"), ["image/png"]),
        (exempt, ["*/*"]),
    ]
    for number, (mark, bodies) in enumerate(cases):
        with subtests.test(bodies=bodies):
            assert row_of(app, mark, endpoint=f"probe{number}").bodies == bodies
    assert row_of(app, consumes_form, method="GET").bodies == []


def test_limits_of_a_view_are_named(app: Flask) -> None:
    marks = (limited("7 per hour"), access.credentials)
    assert row_of(app, *marks).limits == ["7 per hour", "LOGIN_RATE_LIMIT"]
    assert row_of(app, login_required, endpoint="other").limits == []
