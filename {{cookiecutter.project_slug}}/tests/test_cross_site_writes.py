"""Cross-site request forgery: no page of another site changes data with a user's login."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import testing

from tests.conftest import NAME, OTHER_SITE, PASSWORD, stored_rows

# How a browser shows that the page of another site sends a request.
FOREIGN: list[dict[str, str]] = [
    {"Origin": OTHER_SITE},
    {"Origin": "null"},
    {"Origin": OTHER_SITE, "Sec-Fetch-Site": "cross-site"},
]
# What such a page can send without asking first.
BODIES: list[dict[str, Any]] = [
    {},
    {"data": {"title": "x"}},
    {"data": '{"title": "x"}', "content_type": "text/plain"},
]


def writes(app: Flask) -> list[testing.Route]:
    """Every route that changes something, but for those that authenticate nobody."""
    safe = {"GET", "HEAD", "OPTIONS"}
    return [each for each in testing.routes(app) if each.method not in safe and each.checks_origin]


@pytest.mark.parametrize("headers", FOREIGN, ids=["other", "null", "cross-site"])
def test_another_site_writes_nothing(app: Flask, ada: FlaskClient, headers: dict[str, str]) -> None:
    before = stored_rows(app)
    for route in writes(app):
        for body in BODIES:
            response = ada.open(route.path, method=route.method, headers=headers, **body)
            assert response.status_code == 403, f"{route.method} {route.path} with {body}"
    assert stored_rows(app) == before


def test_the_site_that_sent_a_request_is_believed_without_an_origin(
    app: Flask, ada: FlaskClient
) -> None:
    del ada.environ_base["HTTP_ORIGIN"]
    for route in writes(app):
        response = ada.open(
            route.path, method=route.method, headers={"Sec-Fetch-Site": "cross-site"}
        )
        assert response.status_code == 403, f"{route.method} {route.path}"


def test_another_site_logs_nobody_in(app: Flask, client: FlaskClient) -> None:
    path, body = testing.path_of(app, "login.login"), {"username": NAME, "password": PASSWORD}
    for sent in ({"json": body}, {"data": body}):
        response = client.post(path, headers={"Origin": OTHER_SITE}, **sent)
        assert response.status_code == 403
        assert "Set-Cookie" not in response.headers


def test_the_apps_own_pages_write(app: Flask, ada: FlaskClient) -> None:
    # `log_in` lets each request carry the Origin of the app.
    assert ada.post(testing.path_of(app, "login.logout")).status_code == 204
