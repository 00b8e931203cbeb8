"""Errors: no page crashes, and an error shows nothing of the code."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import testing

from tests.conftest import BROWSER, PROGRAM, open_all
from tests.probes import CRASH, ERROR, KEEP_STATUS, SECRET


@pytest.mark.parametrize("who", ["client", "ada"])
def test_no_page_crashes(app: Flask, who: str, request: pytest.FixtureRequest) -> None:
    """A view that is public by mistake crashes too: it expects a `current_user`."""
    responses = open_all(request.getfixturevalue(who))
    crashed = [path for path, response in responses.items() if response.status_code == 500]
    assert not crashed, f"{crashed}: see the log for the cause"


@pytest.mark.parametrize("accept", [BROWSER, PROGRAM], ids=["browser", "program"])
def test_a_crash_shows_nothing_of_the_code(production: FlaskClient, accept: dict[str, str]) -> None:
    response = production.get(CRASH, headers=accept)
    assert response.status_code == 500
    words = (SECRET, "Traceback", "ZeroDivisionError", "Werkzeug", ".py")
    assert [word for word in words if word in response.text] == []


def test_a_browser_gets_a_page(probes: FlaskClient) -> None:
    response = probes.get(ERROR, headers=BROWSER)
    assert response.status_code == 404, KEEP_STATUS
    assert response.mimetype == "text/html"


def test_each_function_of_error_bodies_makes_a_body(app: Flask) -> None:
    assert testing.failing_error_bodies(app) == []


def test_no_request_is_sent_back(app: Flask, client: FlaskClient) -> None:
    paths = {route.path for route in testing.routes(app)}
    headers = {"X-Secret": SECRET}
    answers = {path: client.open(path, method="TRACE", headers=headers) for path in paths}
    assert [path for path, answer in answers.items() if SECRET in answer.text] == []


def test_a_name_that_is_not_the_sites_is_refused(production: FlaskClient) -> None:
    assert production.get("/", base_url="https://evil.example").status_code == 400
