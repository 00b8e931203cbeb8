"""Errors, as a person with a browser, a program or an attacker reads them."""

import re
from typing import Any

import pytest
from flask import Flask, abort, render_template_string, request
from flask.testing import FlaskClient
from jinja2 import DictLoader
from secure_flask.auth.access import login_required, public
from secure_flask.database import db
from secure_flask.web import errors
from secure_flask.web.errors import error_response
from secure_flask.web.rate_limits import limited
from secure_flask.web.validation import Body, validated
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import ServiceUnavailable
from werkzeug.test import TestResponse

from core.conftest import OWN_PAGE, MakeApp, log_in

SECRET = "what-nobody-may-see"


def fail(name: str) -> str:
    if name == "crash":
        raise RuntimeError(SECRET)
    if name == "argument":
        return request.args[SECRET]
    if name == "busy":
        raise ServiceUnavailable(retry_after=7)
    if name == "away":
        raise OperationalError(SECRET, {}, OSError(SECRET))
    if name == "members":
        error = error_response(400, "Invalid request")
        error.fields = {"seats": "Required"}
        raise error
    if name == "refused":
        raise error_response(409, "Already there", Retry_After="1")
    abort(int(name), SECRET)


def with_views(app: Flask) -> FlaskClient:
    app.config["PROPAGATE_EXCEPTIONS"] = False  # a crash is answered, as in production
    app.add_url_rule("/_test/<name>", view_func=public(fail))
    app.add_url_rule("/_test/post/it", view_func=public(lambda: ""), methods=["POST"])
    return app.test_client()


@pytest.fixture
def client() -> FlaskClient:
    """An app with this protection alone."""
    app = Flask(__name__)
    app.config["TEXTS"] = {}
    errors.init_app(app)
    return with_views(app)


def test_a_crash_is_500_and_logged(whole: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    assert whole.get("/_test/crash").status_code == 500
    assert SECRET in caplog.text


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


def test_an_error_about_a_body_names_its_members(client: FlaskClient) -> None:
    expected = {"error": "Invalid request", "fields": {"seats": "Required"}}
    assert client.get("/_test/members").json == expected


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


def test_doubled_slashes_are_redirected_nowhere(whole: FlaskClient) -> None:
    answer = whole.get("/_test//busy", headers={"Host": "localhost:99999"})
    assert (answer.status_code, "Location" in answer.headers) == (404, False)


def test_a_page_of_the_owner_takes_the_place_of_json(client: FlaskClient) -> None:
    handle = client.application.register_error_handler
    handle(409, lambda error: (f"<h1>{error.message}</h1>", 409))
    answer = client.get("/_test/refused")
    assert (answer.status_code, answer.text) == (409, "<h1>Already there</h1>")


def test_a_page_of_the_owner_for_401_still_names_the_scheme(client: FlaskClient) -> None:
    client.application.register_error_handler(401, lambda error: ("<h1>Log in first</h1>", 401))
    assert client.get("/_test/401").headers["WWW-Authenticate"] == "Bearer"


AS_BROWSERS = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"
ELSEWHERE = {"Origin": "https://evil.example"}
WRITE = {"path": "/_test/post/it", "method": "POST"}

# A refused request by its status; the first five come before any view.
REFUSED: dict[int, dict[str, Any]] = {
    400: {"path": "/_test/busy", "headers": {"Host": "evil.example"}},
    403: {**WRITE, "headers": ELSEWHERE},
    404: {"path": f"/_test/no/{SECRET}"},
    405: {"path": "/_test/post/it", "method": "DELETE"},
    415: {**WRITE, "headers": OWN_PAGE, "data": SECRET, "content_type": "text/plain"},
    401: {"path": "/_test/401"},
    413: {"path": "/_test/of/body", "method": "POST", "json": {"name": "a" * 100_000}},
    429: {"path": "/_test/of/limited"},
    500: {"path": "/_test/crash"},
    503: {"path": "/_test/away"},
}


class Named(Body):
    name: str


@pytest.fixture
def whole(make_app: MakeApp) -> FlaskClient:
    """The whole app with views that refuse everything."""
    app = make_app()
    views: dict[str, Any] = {
        "body": public(validated(Named)(lambda body: "")),
        "limited": public(limited("1 per day")(lambda: "")),
        "private": login_required(lambda: ""),
    }
    for name, view in views.items():
        app.add_url_rule(f"/_test/of/{name}", name, view, methods=["GET", "POST"])
    return with_views(app)


def refuse(client: FlaskClient, status: int, **headers: str) -> TestResponse:
    request = {"method": "GET", **REFUSED[status]}
    request["headers"] = {**request.get("headers", {}), **headers}
    # Twice, since a limit lets the first request pass.
    return [client.open(**request) for _ in range(2)][1]


def test_a_program_gets_json_and_a_browser_a_page(
    whole: FlaskClient, subtests: pytest.Subtests
) -> None:
    for status in REFUSED:
        with subtests.test(str(status)):
            program = refuse(whole, status)
            browser = refuse(whole, status, Accept=AS_BROWSERS)
            assert (program.status_code, browser.status_code) == (status, status)
            assert (program.mimetype, browser.mimetype) == ("application/json", "text/html")
            assert (program.json or {}).keys() == {"error"}
            assert (program.json or {})["error"] in browser.text
            assert browser.headers["X-Request-ID"] in browser.text
            for answer in (program, browser):
                assert SECRET not in answer.text + str(answer.headers)
                assert "evil" not in answer.text
                assert "Accept" in ", ".join(answer.headers.getlist("Vary")).split(", ")
                assert answer.cache_control.no_store
                assert ("Retry-After" in answer.headers) == (status in (429, 503))


def test_a_page_says_how_long_to_wait(whole: FlaskClient) -> None:
    answer = refuse(whole, 429, Accept=AS_BROWSERS)
    assert re.search(rf"\b{answer.headers['Retry-After']}\b", answer.text)


def test_a_page_that_fails_itself_leaves_the_error_in_json(
    whole: FlaskClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # As when a file that it names is deleted.
    monkeypatch.setattr(whole.application.jinja_env, "loader", DictLoader({}))
    answer = refuse(whole, 404, Accept=AS_BROWSERS)
    assert (answer.status_code, answer.json) == (404, {"error": "Not Found"})
    assert "TemplateNotFound: error.html" in caplog.text


def test_head_gets_the_headers_alone(whole: FlaskClient) -> None:
    for accept, mimetype in {"*/*": "application/json", AS_BROWSERS: "text/html"}.items():
        answer = whole.head("/_test/no/where", headers={"Accept": accept})
        assert (answer.status_code, answer.mimetype, answer.data) == (404, mimetype, b"")


# A page of the owner, which says who is logged in.
PAGE = '{% extends "page.html" %}{% block content %}Mine: {{ status }}{% endblock %}'


def with_pages(app: Flask) -> None:
    def page(error: Any) -> tuple[str, int]:
        return render_template_string(PAGE, status=error.code), error.code

    for status in REFUSED:
        app.register_error_handler(status, page)


def test_a_page_of_the_owner_takes_the_place_of_any_error(
    whole: FlaskClient, subtests: pytest.Subtests
) -> None:
    with_pages(whole.application)
    for status in REFUSED:
        with subtests.test(str(status)):
            answer = refuse(whole, status, Accept=AS_BROWSERS)
            assert (answer.status_code, f"Mine: {status}" in answer.text) == (status, True)
            assert answer.cache_control.no_store
    # Instead of the login page.
    answer = whole.get("/_test/of/private", headers={"Accept": AS_BROWSERS})
    assert (answer.status_code, "Mine: 401" in answer.text) == (401, True)


def test_a_page_of_the_owner_needs_no_database(
    whole: FlaskClient, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    def away(*arguments: Any, **options: Any) -> None:
        raise OperationalError("SELECT", {}, OSError("no route to host"))

    with_pages(whole.application)
    # A browser sends its cookie with each request, and the page asks who is logged in.
    credentials = log_in(whole)
    monkeypatch.setattr(db.session, "scalar", away)
    for status in REFUSED:
        with subtests.test(str(status)):
            answer = refuse(whole, status, Accept=AS_BROWSERS, **credentials)
            assert (answer.status_code, f"Mine: {status}" in answer.text) == (status, True)
    answer = whole.get("/_test/of/private", headers={"Accept": AS_BROWSERS, **credentials})
    assert (answer.status_code, "Mine: 503" in answer.text) == (503, True)


def test_a_page_for_a_wrong_method_says_what_the_address_takes(whole: FlaskClient) -> None:
    view = public(lambda: "")
    whole.application.add_url_rule("/_test/put/it", "put", view, methods=["PUT", "POST"])
    for path, methods in (("post/it", "POST"), ("put/it", "POST, PUT")):
        text = whole.get(f"/_test/{path}", headers={"Accept": AS_BROWSERS}).text
        assert re.search(rf"\b{methods}\b", text)
    text = whole.get("/_test/busy", headers={"Accept": AS_BROWSERS}).text
    assert not re.search(r"\bPOST\b", text)
