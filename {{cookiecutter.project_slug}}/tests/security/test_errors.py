"""Errors, as a client or an attacker reads them."""

import pytest
from flask import Flask, abort, request
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import ServiceUnavailable

from app.security.errors import error_response
from tests.conftest import MakeApp

SECRET = "what nobody may see"


@pytest.fixture(scope="module")
def app(make_app: MakeApp) -> Flask:
    app = make_app()
    app.config["PROPAGATE_EXCEPTIONS"] = False  # a crash is answered, as in production

    @app.get("/crash")
    def crash() -> str:
        raise RuntimeError(SECRET)

    @app.get("/abort/<int:status>")
    def stop(status: int) -> str:
        abort(status, SECRET)

    @app.get("/form")
    def form() -> str:
        return request.args["what-is-not-there"]

    @app.get("/busy")
    def busy() -> ResponseReturnValue:
        raise ServiceUnavailable(retry_after=7)

    @app.get("/refused")
    def refused() -> str:
        raise error_response(409, "Already there")

    @app.get("/unavailable")
    def away() -> ResponseReturnValue:
        raise error_response(503, "Away", Retry_After="1")

    return app


@pytest.mark.asvs("16.5.1", "16.5.4")
@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/crash", 500, "Internal Server Error"),
        ("/abort/400", 400, "Bad Request"),
        ("/abort/404", 404, "Not Found"),
        ("/abort/418", 418, "I'm a teapot"),
        ("/form", 400, "Bad Request"),
        ("/login", 405, "Method Not Allowed"),
        (f"/{SECRET}", 404, "Not Found"),
    ],
)
def test_an_error_is_its_name_and_nothing_else(
    client: FlaskClient, path: str, status: int, words: str
) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json) == (status, {"error": words})


@pytest.mark.asvs("16.5.4")
def test_a_crash_is_logged_for_the_developer(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    client.get("/crash")
    assert SECRET in caplog.text


def test_doubled_slashes_are_redirected_nowhere(client: FlaskClient) -> None:
    answer = client.get("/static//page.css", headers={"Host": "localhost:99999"})
    assert (answer.status_code, answer.json) == (404, {"error": "Not Found"})


def test_debug_mode_answers_no_more(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "debug", True)
    assert client.get("/form").json == {"error": "Bad Request"}


@pytest.mark.parametrize(
    ("path", "header", "value"),
    [
        ("/login", "Allow", "OPTIONS, POST"),
        ("/busy", "Retry-After", "7"),
        ("/abort/401", "WWW-Authenticate", "Bearer"),
        ("/unavailable", "Retry-After", "1"),
    ],
)
def test_what_a_client_needs_to_go_on_stays(
    client: FlaskClient, path: str, header: str, value: str
) -> None:
    [got] = client.get(path).headers.getlist(header)
    assert sorted(got.split(", ")) == value.split(", ")


def test_a_view_refuses_in_its_own_words(client: FlaskClient) -> None:
    answer = client.get("/refused")
    assert (answer.status_code, answer.json) == (409, {"error": "Already there"})


def test_an_error_page_of_the_owner_takes_its_place(make_app: MakeApp) -> None:
    app = make_app()
    app.register_error_handler(401, lambda error: (f"<h1>{error.message}</h1>", 401))
    answer = app.test_client().get("/me")
    assert (answer.status_code, answer.text) == (401, "<h1>Authentication required</h1>")
