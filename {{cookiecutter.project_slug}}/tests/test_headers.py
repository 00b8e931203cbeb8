"""Every response carries the security headers of the policy: page, error, redirect and file."""

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import testing

from tests.conftest import BROWSER, MakeApp, log_in, open_all
from tests.probes import JSON, KEEP_STATUS, PAGE, RESPONSES

# Without these a response is an attack surface, whatever the policy changes.
PROTECTING = {"Content-Security-Policy", "Referrer-Policy", "X-Content-Type-Options"}


@pytest.mark.parametrize("path", RESPONSES)
def test_each_kind_of_response_carries_the_headers_of_the_policy(
    probes: FlaskClient, path: str
) -> None:
    response = probes.get(path, headers=BROWSER)
    assert response.status_code == RESPONSES[path], KEEP_STATUS
    assert {name for name, _ in response.headers} >= PROTECTING


def test_a_static_file_carries_them_too(app: Flask, client: FlaskClient) -> None:
    folder = Path(app.root_path, "static")
    files = [file for file in sorted(folder.rglob("*")) if file.is_file() and file.name[0] != "."]
    if not files:
        pytest.skip("app/static/ is empty.")
    name = files[0].relative_to(folder).as_posix()
    response = client.get(testing.path_of(app, "static", filename=name))
    assert response.status_code == 200
    assert {name for name, _ in response.headers} >= PROTECTING


def test_every_answer_of_the_app_carries_those_of_the_policy(app: Flask, ada: FlaskClient) -> None:
    of_pages = testing.page_headers(app).keys()
    missing = [
        f"{path}: {name}"
        for path, response in open_all(ada).items()
        for name in (of_pages if response.mimetype == "text/html" else PROTECTING)
        if name not in response.headers
    ]
    assert missing == []


def test_a_page_carries_the_values_of_the_policy(probes: FlaskClient) -> None:
    sent = dict(probes.get(PAGE).headers)
    assert testing.page_headers(probes.application).items() <= sent.items()


def test_a_change_of_the_policy_replaces_adds_and_removes_headers(make_app: MakeApp) -> None:
    changes = {
        "Cross-Origin-Opener-Policy": "unsafe-none",
        "X-Added": "1",
        "X-XSS-Protection": None,
    }
    sent = make_app(HEADER_CHANGES=changes).test_client().get("/").headers
    assert (sent["Cross-Origin-Opener-Policy"], sent["X-Added"]) == ("unsafe-none", "1")
    assert "X-XSS-Protection" not in sent


def test_what_is_no_page_sends_other_sites_no_address(probes: FlaskClient) -> None:
    assert probes.get(JSON).headers["Referrer-Policy"] == "no-referrer"


def test_no_browser_guesses_the_type_of_a_response(client: FlaskClient) -> None:
    # Else an uploaded text could run as a script.
    assert client.get("/").headers["X-Content-Type-Options"] == "nosniff"


def test_no_cache_keeps_what_a_user_sees(probe_app: Flask) -> None:
    ada = log_in(probe_app)
    paths = (PAGE, testing.path_of(probe_app, "account.me"))
    assert [path for path in paths if not ada.get(path).cache_control.no_store] == []


def test_a_browser_that_came_by_https_comes_back_by_https(
    production: FlaskClient, client: FlaskClient
) -> None:
    sent = production.get("/").headers["Strict-Transport-Security"]
    assert int(sent.split("max-age=")[1].split(";")[0]) > 0
    assert "Strict-Transport-Security" not in client.get("/").headers


def test_plain_http_is_redirected_to_https_in_production(production: FlaskClient) -> None:
    response = production.get("/", base_url="http://localhost")
    assert (response.status_code, response.location) == (308, "https://localhost/")
