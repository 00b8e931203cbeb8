"""Every response carries the security headers of the policy: page, error, redirect and file."""

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import testing

from tests.conftest import BROWSER, log_in
from tests.probes import JSON, MOVED, PAGE, RESPONSES


@pytest.mark.parametrize("path", RESPONSES)
def test_each_kind_of_response_carries_the_headers_of_the_policy(
    probes: FlaskClient, path: str
) -> None:
    response = probes.get(path, headers=BROWSER)
    assert response.status_code == RESPONSES[path]
    assert probes.application.config["HEADERS"].items() <= dict(response.headers).items()
    assert "Content-Security-Policy" in response.headers
    assert "Referrer-Policy" in response.headers


def test_a_static_file_carries_them_too(app: Flask, client: FlaskClient) -> None:
    folder = Path(app.root_path, "static")
    files = [file for file in sorted(folder.rglob("*")) if file.is_file() and file.name[0] != "."]
    if not files:
        pytest.skip("app/static/ is empty.")
    name = files[0].relative_to(folder).as_posix()
    response = client.get(testing.path_of(app, "static", filename=name))
    assert response.status_code == 200
    assert app.config["HEADERS"].keys() <= {name for name, _ in response.headers}


def test_every_page_of_the_app_carries_them(app: Flask, ada: FlaskClient) -> None:
    for route in testing.routes(app):
        if route.method == "GET":
            response = ada.get(route.path, headers=BROWSER)
            missing = app.config["HEADERS"].keys() - {name for name, _ in response.headers}
            assert not missing, route.path


def test_pages_and_other_responses_have_headers_of_their_own(probes: FlaskClient) -> None:
    for path, name in ((PAGE, "PAGE_HEADERS"), (JSON, "OTHER_HEADERS"), (MOVED, "PAGE_HEADERS")):
        response = probes.get(path)
        assert probes.application.config[name].items() <= dict(response.headers).items(), path


def test_no_browser_guesses_the_type_of_a_response(client: FlaskClient) -> None:
    # Else an uploaded text could run as a script.
    assert client.get("/").headers["X-Content-Type-Options"] == "nosniff"


def test_no_cache_keeps_what_a_user_sees(probe_app: Flask) -> None:
    ada = log_in(probe_app)
    for path in (PAGE, testing.path_of(probe_app, "account.me")):
        assert ada.get(path).cache_control.no_store


def test_a_browser_that_came_by_https_comes_back_by_https(
    production: FlaskClient, client: FlaskClient
) -> None:
    sent = production.get("/").headers["Strict-Transport-Security"]
    assert sent == production.application.config["STRICT_TRANSPORT_SECURITY"]
    assert "max-age=0" not in sent
    assert "Strict-Transport-Security" not in client.get("/").headers


def test_plain_http_is_redirected_to_https_in_production(production: FlaskClient) -> None:
    response = production.get("/", base_url="http://localhost")
    assert (response.status_code, response.location) == (308, "https://localhost/")
