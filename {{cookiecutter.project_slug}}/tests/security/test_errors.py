"""Errors, as a client or an attacker reads them."""

import pytest
from flask import Flask, abort, request
from flask.testing import FlaskClient
from werkzeug.exceptions import ServiceUnavailable

from app.security import errors
from app.security.errors import error_response
from tests.conftest import MakeApp

SECRET = "what-nobody-may-see"


def fail(name: str) -> str:
    if name == "crash":
        raise RuntimeError(SECRET)
    if name == "argument":
        return request.args[SECRET]
    if name == "busy":
        raise ServiceUnavailable(retry_after=7)
    if name == "refused":
        raise error_response(409, "Already there", Retry_After="1")
    abort(int(name), SECRET)


def with_views(app: Flask) -> FlaskClient:
    app.config["PROPAGATE_EXCEPTIONS"] = False  # a crash is answered, as in production
    app.add_url_rule("/_test/<name>", view_func=fail)
    app.add_url_rule("/_test/post/it", view_func=lambda: "", methods=["POST"])
    return app.test_client()


@pytest.fixture
def site(make_app: MakeApp) -> FlaskClient:
    """The project's app, with its error pages."""
    return with_views(make_app())


@pytest.fixture
def client() -> FlaskClient:
    """An app that has no error pages."""
    app = Flask(__name__)
    errors.init_app(app)
    return with_views(app)


@pytest.mark.asvs("16.5.1", "16.5.4")
def test_an_error_page_shows_nothing_of_an_exception(site: FlaskClient) -> None:
    for name in ("crash", "argument"):
        text = site.get(f"/_test/{name}").text
        assert SECRET not in text, "An error page shows the exception: let it show fixed words."


@pytest.mark.asvs("16.5.4")
def test_a_crash_is_500_and_logged(site: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    assert site.get("/_test/crash").status_code == 500
    assert SECRET in caplog.text


@pytest.mark.asvs("16.5.1")
def test_an_error_without_a_page_is_its_name_in_json(client: FlaskClient) -> None:
    for name, status, words in (
        ("crash", 500, "Internal Server Error"),
        ("418", 418, "I'm a teapot"),
        ("argument", 400, "Bad Request"),
        ("post/it", 405, "Method Not Allowed"),
        (f"nowhere/{SECRET}", 404, "Not Found"),
        ("refused", 409, "Already there"),
    ):
        answer = client.get(f"/_test/{name}")
        assert (answer.status_code, answer.json) == (status, {"error": words})


def test_debug_mode_answers_no_more(client: FlaskClient) -> None:
    client.application.debug = True
    assert client.get("/_test/argument").json == {"error": "Bad Request"}


def test_an_error_keeps_the_headers_that_a_client_needs(client: FlaskClient) -> None:
    for name, header, value in (
        ("post/it", "Allow", {"OPTIONS", "POST"}),
        ("busy", "Retry-After", {"7"}),
        ("401", "WWW-Authenticate", {"Bearer"}),
        ("refused", "Retry-After", {"1"}),
        ("refused", "Content-Type", {"application/json"}),
    ):
        [sent] = client.get(f"/_test/{name}").headers.getlist(header)
        assert set(sent.split(", ")) == value


def test_doubled_slashes_are_redirected_nowhere(site: FlaskClient) -> None:
    answer = site.get("/_test//busy", headers={"Host": "localhost:99999"})
    assert (answer.status_code, "Location" in answer.headers) == (404, False)


def test_a_page_of_the_owner_takes_the_place_of_json(client: FlaskClient) -> None:
    handle = client.application.register_error_handler
    handle(409, lambda error: (f"<h1>{error.message}</h1>", 409))
    answer = client.get("/_test/refused")
    assert (answer.status_code, answer.text) == (409, "<h1>Already there</h1>")


def test_a_page_of_the_owner_for_401_still_names_the_scheme(client: FlaskClient) -> None:
    client.application.register_error_handler(401, lambda error: ("<h1>Log in first</h1>", 401))
    assert client.get("/_test/401").headers["WWW-Authenticate"] == "Bearer"
