"""Access: every route is closed unless it is marked, and reading changes nothing."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import testing

from tests.conftest import BROWSER, PROGRAM, log_in, stored_rows
from tests.probes import CLOSED, UNMARKED

# 401 for a program; a page for a 401 of yours may lead a visitor to the login.
REFUSED = (401, 302, 303)


def status(client: FlaskClient, route: testing.Route) -> int:
    return client.open(route.path, method=route.method, headers=PROGRAM).status_code


def test_every_route_is_closed_to_visitors_unless_it_is_marked_public(
    app: Flask, client: FlaskClient
) -> None:
    before = stored_rows(app)
    closed = [route for route in testing.routes(app) if not route.public]
    assert [route for route in closed if status(client, route) not in REFUSED] == []
    assert stored_rows(app) == before


@pytest.mark.parametrize("path", [UNMARKED, CLOSED])
def test_a_view_that_nobody_marked_is_closed(probes: FlaskClient, path: str) -> None:
    assert probes.get(path, headers=PROGRAM).status_code in REFUSED
    assert log_in(probes.application).get(path).text == "in"


def test_a_browser_is_led_to_the_login_page(probes: FlaskClient) -> None:
    response = probes.get(CLOSED, headers=BROWSER)
    app = probes.application
    login_page = testing.path_of(app, app.config["LOGIN_PAGE"])
    assert response.status_code in REFUSED
    # A page of yours for 401 may stay where it is.
    assert response.location in (f"{login_page}?next={CLOSED}", None)


def test_a_view_for_a_role_is_closed_to_other_users(probe_app: Flask) -> None:
    ada = log_in(probe_app)
    closed = [route for route in testing.routes(probe_app) if route.roles and not route.public]
    assert [route for route in closed if status(ada, route) != 403] == []


def rows_after_reading(client: FlaskClient, path: str) -> dict[str, list[str]]:
    for method in ("GET", "HEAD", "OPTIONS"):
        client.open(path, method=method)
    return stored_rows(client.application)


def test_reading_changes_nothing(app: Flask, ada: FlaskClient) -> None:
    before = stored_rows(app)
    ada.get("/a-page-that-is-not-there")
    assert stored_rows(app) == before, "A function that runs for each request changes the database."
    paths = sorted({route.path for route in testing.routes(app)})
    changing = next((path for path in paths if rows_after_reading(ada, path) != before), None)
    assert changing is None, f"GET {changing} changes the database: let it take POST."
    assert ada.get(testing.path_of(app, "account.me")).status_code == 200


@pytest.mark.parametrize("name", ["Authorization", "Cookie"])
@pytest.mark.parametrize("value", ["", "x", "Bearer", "Bearer x", "Bearer a.b.c", "dev-session=x"])
def test_a_made_up_credential_opens_nothing(probes: FlaskClient, name: str, value: str) -> None:
    response = probes.get(CLOSED, headers={name: value, **PROGRAM})
    assert response.status_code in REFUSED
