"""Cross-site request forgery: no page of another site changes data with a user's login.

Browsers say where a request comes from, in Origin and Sec-Fetch-Site; there is no token.
"""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import testing

from tests.conftest import NAME, OTHER_SITE, PASSWORD, open_all, stored_rows
from tests.probes import KEEP_STATUS

# How a browser shows that the page of another site sends a request. The own Origin beside another
# site comes from a proxy that replaced it.
FOREIGN: dict[str, dict[str, str]] = {
    "other": {"Origin": OTHER_SITE},
    "null": {"Origin": "null"},
    "other-port": {"Origin": "http://localhost:81", "Sec-Fetch-Site": "same-site"},
    "sibling": {"Origin": "http://sibling.localhost", "Sec-Fetch-Site": "same-site"},
    "cross-site": {"Origin": OTHER_SITE, "Sec-Fetch-Site": "cross-site"},
    "sandboxed": {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    "replaced": {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
    "no-origin": {"Sec-Fetch-Site": "cross-site"},
    "nothing": {},
}
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


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
def test_another_site_writes_nothing(
    app: Flask, ada_on_pages: FlaskClient, headers: dict[str, str]
) -> None:
    del ada_on_pages.environ_base["HTTP_ORIGIN"]
    before = stored_rows(app)
    answers = {
        f"{route.method} {route.path} with {body}": ada_on_pages.open(
            route.path, method=route.method, headers=headers, **body
        )
        for route in writes(app)
        for body in BODIES
    }
    assert [sent for sent, answer in answers.items() if answer.status_code != 403] == []
    assert stored_rows(app) == before


@pytest.mark.parametrize("kind", ["json", "data"])
def test_another_site_logs_nobody_in(app: Flask, client: FlaskClient, kind: str) -> None:
    sent: dict[str, Any] = {kind: {"username": NAME, "password": PASSWORD}}
    path = testing.path_of(app, "login.login")
    response = client.post(path, headers={"Origin": OTHER_SITE}, **sent)
    assert response.status_code == 403
    assert "Set-Cookie" not in response.headers


def test_no_script_that_was_uploaded_becomes_a_service_worker(app: Flask, ada: FlaskClient) -> None:
    # A worker turns the forms of other sites into the site's own.
    ada.environ_base["HTTP_SERVICE_WORKER"] = "script"
    served = {path for path, response in open_all(ada).items() if response.status_code != 404}
    uploaded = served - {*app.config["SERVICE_WORKERS"]}
    assert not uploaded, f"{KEEP_STATUS} ({uploaded})"


def test_the_apps_own_pages_write(app: Flask, ada_on_pages: FlaskClient) -> None:
    # The client was logged in with the Origin of the app, which it goes on to send.
    assert ada_on_pages.post(testing.path_of(app, "login.logout")).status_code == 204


def test_a_program_writes_without_an_origin(app: Flask, client: FlaskClient) -> None:
    body = {"username": NAME, "password": PASSWORD}
    assert client.post(testing.path_of(app, "login.login"), json=body).status_code == 200
