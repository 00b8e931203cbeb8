"""Errors, as a person with a browser, a program or an attacker reads them."""

import re
from contextlib import nullcontext
from typing import Any

import pytest
from flask import Blueprint, Flask, Response, abort, render_template_string, request
from flask.testing import FlaskClient
from jinja2 import ChoiceLoader, DictLoader
from secure_flask.auth.access import login_required, public
from secure_flask.auth.logins import LAST_USED_STEP
from secure_flask.auth.users import Role, stored_roles
from secure_flask.database import db
from secure_flask.state import begin_app_state
from secure_flask.web import errors
from secure_flask.web.audit import WARNING_RATE_LIMIT
from secure_flask.web.errors import error_response, field_error, translated_text
from secure_flask.web.rate_limits import limited
from secure_flask.web.validation import Body, validated
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException, ImATeapot, NotFound, ServiceUnavailable
from werkzeug.test import Client, TestResponse

from core import routes
from core.conftest import LOGIN, OWN_PAGE, Configure, MakeApp, Wait, away, log_in, protect

SECRET = "what-nobody-may-see"


def fail(name: str) -> str:
    if name == "crash":
        raise RuntimeError(SECRET)
    if name == "argument":
        return request.args[SECRET]
    if name == "busy":
        raise ServiceUnavailable(retry_after=7)
    if name == "overflow":
        raise OverflowError
    if name == "stale":
        raise StaleDataError
    if name == "away":
        raise OperationalError(SECRET, {}, OSError(SECRET))
    if name == "members":
        raise field_error(400, "seats", "Required")
    if name == "unknown":
        error = error_response(401, "Unknown or invalid passkey")
        error.members = {"unknown": True}
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
    app.config.update(TEXTS={}, TOKEN_SCHEMES=["Bearer"])
    begin_app_state(app)
    errors.init_app(app)
    return with_views(app)


@pytest.mark.asvs("16.5.1")
@pytest.mark.parametrize("debug", [False, True])
def test_an_error_without_a_page_is_its_name_in_json(client: FlaskClient, debug: bool) -> None:
    client.application.debug = debug
    # Flask would show a missing field in its debugger.
    client.application.config["TRAP_BAD_REQUEST_ERRORS"] = False
    expected = {
        "crash": (500, {"error": "Internal Server Error"}),
        "418": (418, {"error": ImATeapot().name}),
        "argument": (400, {"error": "Bad Request"}),
        "post/it": (405, {"error": "Method Not Allowed"}),
        f"nowhere/{SECRET}": (404, {"error": "Not Found"}),
        "refused": (409, {"error": "Already there"}),
        "members": (400, {"error": "Required", "fields": {"seats": "Required"}}),
        "unknown": (401, {"error": "Unknown or invalid passkey", "unknown": True}),
    }
    answers = {name: client.get(f"/_test/{name}") for name in expected}
    assert {name: (each.status_code, each.json) for name, each in answers.items()} == expected


def test_an_error_keeps_the_headers_that_a_client_needs(client: FlaskClient) -> None:
    expected = {
        ("post/it", "Allow"): ["OPTIONS", "POST"],
        ("busy", "Retry-After"): ["7"],
        ("401", "WWW-Authenticate"): ["Bearer"],
        ("refused", "Retry-After"): ["1"],
        ("refused", "Content-Type"): ["application/json"],
    }
    assert expected == {
        (name, header): sorted(client.get(f"/_test/{name}").headers[header].split(", "))
        for name, header in expected
    }


def test_doubled_slashes_are_redirected_nowhere(whole: FlaskClient) -> None:
    answer = whole.get("/_test//busy", headers={"Host": "localhost:8000"})
    assert (answer.status_code, "Location" in answer.headers) == (404, False)


@pytest.mark.parametrize("kind", [HTTPException, Exception])
@pytest.mark.parametrize("registered_first", [False, True])
def test_a_handler_of_the_owner_for_every_error_gets_every_error(
    kind: type[Exception], registered_first: bool
) -> None:
    def show(error: Any) -> tuple[str, int]:
        return error.__class__.__name__, getattr(error, "code", 500)

    app, blueprint = Flask("shop", static_folder=None), Blueprint("shop", __name__)
    blueprint.register_error_handler(kind, lambda error: "of its own views")
    blueprint.add_url_rule("/_shop/<name>", view_func=public(fail))
    if registered_first:
        app.register_error_handler(kind, show)
    client = with_views(protect(app))
    app.register_blueprint(blueprint)
    if not registered_first:
        app.register_error_handler(kind, show)
    # An error of another kind is one of HTTP for who handles those alone.
    as_http = kind is HTTPException
    expected = {
        "nowhere": "NotFound",
        "_test/418": "ImATeapot",
        "_test/refused": "Error409",
        "_test/busy": "ServiceUnavailable",
        "_test/away": "Error503" if as_http else "OperationalError",
        "_test/stale": "Error409" if as_http else "StaleDataError",
        "_test/overflow": "InternalServerError" if as_http else "OverflowError",
        "_test/crash": "InternalServerError" if as_http else "RuntimeError",
        "_shop/404": "of its own views",
    }
    assert {path: client.get(f"/{path}").text for path in expected} == expected


@pytest.mark.parametrize(
    ("name", "debug", "config", "is_trapped"),
    [
        ("argument", False, {}, False),
        ("argument", True, {}, True),
        ("argument", True, {"TRAP_BAD_REQUEST_ERRORS": False}, False),
        ("400", True, {}, False),
        ("400", False, {"TRAP_BAD_REQUEST_ERRORS": True}, True),
        ("refused", False, {"TRAP_BAD_REQUEST_ERRORS": True}, False),
        ("refused", False, {"TRAP_HTTP_EXCEPTIONS": True}, True),
        ("404", False, {"TRAP_HTTP_EXCEPTIONS": True}, True),
    ],
)
def test_errors_that_the_app_traps_are_raised_as_in_plain_flask(
    client: FlaskClient, name: str, debug: bool, config: dict[str, bool], is_trapped: bool
) -> None:
    client.application.debug = debug
    client.application.config.update(config)
    # They are answered as a crash where the app does not let them through to the debugger.
    trapped = client.get(f"/_test/{name}")
    assert (trapped.json == {"error": "Internal Server Error"}) == is_trapped
    client.application.config["PROPAGATE_EXCEPTIONS"] = True
    with pytest.raises(HTTPException) if is_trapped else nullcontext():
        client.get(f"/_test/{name}")


def test_the_traceback_of_a_crash_ends_in_the_view(client: FlaskClient) -> None:
    client.application.config["PROPAGATE_EXCEPTIONS"] = True
    with pytest.raises(RuntimeError) as crash:
        client.get("/_test/crash")
    assert crash.traceback[-1].name == "fail"
    assert crash.value.__context__ is None


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


@pytest.mark.asvs("16.5.1", "16.5.4")
@pytest.mark.parametrize("status", REFUSED)
def test_a_program_gets_json_and_a_browser_a_page(
    whole: FlaskClient,
    caplog: pytest.LogCaptureFixture,
    status: int,
    subtests: pytest.Subtests,
) -> None:
    program, browser = refuse(whole, status), refuse(whole, status, Accept=AS_BROWSERS)
    assert (program.status_code, browser.status_code) == (status, status)
    assert (program.mimetype, browser.mimetype) == ("application/json", "text/html")
    # Development adds a hint to some.
    assert (program.json or {}).keys() - {"hint"} == {"error"}
    assert (program.json or {})["error"] in browser.text
    assert browser.headers["X-Request-ID"] in browser.text
    for answer in (program, browser):
        with subtests.test(answer=answer):
            assert SECRET not in answer.text + str(answer.headers)
            assert "evil.example" not in answer.text
            assert "Accept" in ", ".join(answer.headers.getlist("Vary")).split(", ")
            assert answer.cache_control.no_store
            assert ("Retry-After" in answer.headers) == (status in (429, 503))
    # The page says how long to wait.
    assert re.search(rf"\b{browser.headers.get('Retry-After', '')}\b", browser.text)
    assert (SECRET in caplog.text) == (status in (500, 503))


def test_an_app_without_a_page_for_errors_sends_json_and_logs_nothing(
    whole: FlaskClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = protect(Flask("shop", template_folder=None)).test_client()
    answer = client.get("/nowhere", headers={"Accept": AS_BROWSERS})
    assert (answer.status_code, answer.json) == (404, {"error": "Not Found"})
    assert caplog.text == ""
    # So does one whose page fails itself, as when a file that it names is deleted.
    loader = DictLoader({"error.html": "{% extends 'gone.html' %}"})
    monkeypatch.setattr(whole.application.jinja_env, "loader", loader)
    answer = refuse(whole, 404, Accept=AS_BROWSERS)
    assert (answer.status_code, answer.json) == (404, {"error": "Not Found"})
    assert "TemplateNotFound: gone.html" in caplog.text


# A page of the owner, which says who is logged in.
PAGE = '{% extends "page.html" %}{% block content %}Mine: {{ status }}{% endblock %}'


def mine(error: Any) -> tuple[str, int]:
    return render_template_string(PAGE, status=error.code), error.code


@pytest.mark.asvs("16.5.2")
@pytest.mark.parametrize("database_is_away", [False, True])
def test_a_page_of_the_owner_takes_the_place_of_any_error(
    whole: FlaskClient,
    monkeypatch: pytest.MonkeyPatch,
    database_is_away: bool,
    subtests: pytest.Subtests,
) -> None:
    for status in REFUSED:
        whole.application.register_error_handler(status, mine)
    credentials = {}
    if database_is_away:
        # A browser sends its cookie with each request, and the page asks who is logged in.
        credentials = log_in(whole)
        monkeypatch.setattr(db.session, "scalar", away)
    for status in REFUSED:
        with subtests.test(status=status):
            answer = refuse(whole, status, Accept=AS_BROWSERS, **credentials)
            assert (answer.status_code, f"Mine: {status}" in answer.text) == (status, True)
            assert answer.cache_control.no_store
    # Without a database nobody knows whether the login page would help.
    status = 503 if database_is_away else 401
    answer = whole.get("/_test/of/private", headers={"Accept": AS_BROWSERS, **credentials})
    assert (answer.status_code, f"Mine: {status}" in answer.text) == (status, True)


def pass_through(error: Exception) -> Any:
    """A handler of Flask's documentation, "Generic Exception Handlers"."""
    return error if isinstance(error, HTTPException) else ("crash", 500)


def with_another_body(error: Exception) -> Any:
    """Another one of that page."""
    assert isinstance(error, HTTPException)
    response: Any = error.get_response()
    response.data = f"{error.code}: {error.description}"
    response.content_type = "text/plain"
    return response


# The errors that the core raises; `abort(401)` and the like are answered by Werkzeug.
OF_THE_CORE = [400, 403, 413, 415, 429]


@pytest.mark.parametrize("status", OF_THE_CORE)
def test_an_error_that_a_handler_returns_is_answered_as_without_it(
    whole: FlaskClient, status: int
) -> None:
    whole.application.register_error_handler(Exception, pass_through)
    program, browser = refuse(whole, status), refuse(whole, status, Accept=AS_BROWSERS)
    assert (program.status_code, browser.status_code) == (status, status)
    assert (program.mimetype, browser.mimetype) == ("application/json", "text/html")
    assert (program.json or {})["error"] in browser.text
    assert browser.headers["X-Request-ID"] in browser.text
    waits = [answer.headers.get("Retry-After") for answer in (program, browser)]
    assert [wait is not None for wait in waits] == [status == 429] * 2


@pytest.mark.parametrize("handler", [pass_through, with_another_body])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_handler_of_every_error_leaves_the_way_to_the_login_page(
    whole: FlaskClient, configure: Configure, handler: Any, method: str
) -> None:
    configure(whole.application, LOGIN_PAGE="site.page")
    whole.application.register_error_handler(Exception, handler)
    page = whole.open("/_test/of/private", method=method, headers={"Accept": AS_BROWSERS})
    login_page = "/login?next=/_test/of/private"
    assert (page.status_code, page.headers.get("Location")) == (303, login_page)
    assert whole.get("/_test/of/private").status_code == 401


def test_a_view_may_return_an_error_that_it_catches(whole: FlaskClient) -> None:
    caught = public(lambda: error_response(409, "Already there", Retry_After="1"))
    whole.application.add_url_rule("/_test/caught", "caught", caught)
    answer, head = whole.get("/_test/caught"), whole.head("/_test/caught")
    assert (answer.status_code, answer.json) == (409, {"error": "Already there"})
    assert answer.headers["Retry-After"] == "1"
    assert (head.status_code, head.data, head.mimetype) == (409, b"", "application/json")


def test_an_error_with_a_response_is_answered_by_that(
    client: FlaskClient, subtests: pytest.Subtests
) -> None:
    response = Response("theirs", status=410, headers={"X-Theirs": "yes"})

    def refuse(own: int) -> str:
        if own:
            error = error_response(409, "Already there")
            error.response = response
            raise error
        raise NotFound(response=response)

    client.application.add_url_rule("/theirs/<int:own>", view_func=public(refuse))
    for answer in (client.get("/theirs/0"), client.get("/theirs/1")):
        with subtests.test(answer=answer):
            given = (answer.status_code, answer.text, answer.headers["X-Theirs"])
            assert given == (410, "theirs", "yes")
    # An error is an answer outside of a request too.
    outside = Client(error_response(409, "Already there", Retry_After="1")).get("/")
    assert (outside.status_code, outside.headers["Retry-After"]) == (409, "1")


@pytest.mark.parametrize("status", REFUSED)
def test_the_page_of_an_error_says_who_is_logged_in_if_that_asks_no_failing_database(
    whole: FlaskClient, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    whole.application.add_url_rule("/_test/mine", "mine", lambda: fail("crash"))
    credentials = log_in(whole)
    page = refuse(whole, status, Accept=AS_BROWSERS, **credentials)
    # The client sends no cookie to the wrong host of the 400.
    assert ("<p>ada</p>" in page.text) == (status not in (400, 429, 500, 503))
    # A crash does too where the view knew the user.
    page = whole.get("/_test/mine", headers={"Accept": AS_BROWSERS, **credentials})
    assert (page.status_code, "<p>ada</p>" in page.text) == (500, True)
    monkeypatch.setattr(db.session, "scalar", away)
    page = refuse(whole, status, Accept=AS_BROWSERS, **credentials)
    assert (page.status_code, page.mimetype) == (status, "text/html")
    assert "<p>ada</p>" not in page.text


def test_the_page_of_an_error_stands_alone_where_the_page_around_it_fails(
    whole: FlaskClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    env = whole.application.jinja_env
    broken = ChoiceLoader([DictLoader({"page.html": "{{ 1 / 0 }}"}), env.loader or DictLoader({})])
    monkeypatch.setattr(env, "loader", broken)
    monkeypatch.setattr(env, "cache", {})
    page = refuse(whole, 404, Accept=AS_BROWSERS)
    assert (page.status_code, "<h1>Not Found</h1>" in page.text) == (404, True)
    # Nobody fills the log by addresses that are not there.
    for _ in range(WARNING_RATE_LIMIT.amount):
        whole.get("/_test/no", headers={"Accept": AS_BROWSERS})
    failed = [line for line in caplog.records if line.levelname == "ERROR"]
    assert len(failed) == WARNING_RATE_LIMIT.amount


def test_what_a_refusing_view_began_is_not_stored_by_the_page_of_its_error(
    whole: FlaskClient, wait: Wait
) -> None:
    def begin() -> str:
        db.session.add(Role(name="half-done"))
        abort(409)

    whole.application.add_url_rule("/_test/begin", view_func=public(begin))
    credentials = log_in(whole)
    # Long enough for the lookup of the login to note a new use.
    wait(LAST_USED_STEP)
    page = whole.get("/_test/begin", headers={"Accept": AS_BROWSERS, **credentials})
    assert (page.status_code, "<p>ada</p>" in page.text) == (409, True)
    with whole.application.app_context():
        assert stored_roles() == []


TEXTS = {"Not Found": "<b>fehlt</b>", "Invalid credentials": "Falsch", "Required": "Fehlt"}


def test_the_owners_words_replace_what_people_read_and_no_error_that_programs_compare(
    make_app: MakeApp,
) -> None:
    client = with_views(make_app(TEXTS=TEXTS))
    assert client.get("/_test/members").json == {"error": "Fehlt", "fields": {"seats": "Fehlt"}}
    browser, wrong = {"Accept": "text/html", **OWN_PAGE}, {**LOGIN, "password": "a wrong password"}
    assert client.get("/no").json == {"error": "<b>fehlt</b>"}
    page = client.get("/no", headers=browser).text
    assert "<h1>&lt;b&gt;fehlt&lt;/b&gt;</h1>" in page
    assert "Not Found" not in page
    refused = client.post(routes.LOGIN, json=wrong, headers=OWN_PAGE)
    assert refused.json == {"error": "Invalid credentials"}
    answer = client.post(routes.LOGIN, data=wrong, headers=browser)
    assert (answer.status_code, "<h1>Falsch</h1>" in answer.text) == (401, True)
    with client.application.app_context():
        assert error_response(404, "Not Found").description == TEXTS["Not Found"]
    assert str(error_response(404, "Not here")) == "404 Not Found: Not here"


def test_an_error_may_have_any_status_of_an_error(
    client: FlaskClient, subtests: pytest.Subtests
) -> None:
    def view(status: int) -> str:
        raise error_response(status, "Pay first", Retry_After="1")

    client.application.add_url_rule("/_status/<int:status>", view_func=public(view))
    for status, name in ((402, "Payment Required"), (425, "Too Early"), (420, ""), (507, "")):
        with subtests.test(status=status, name=name):
            answer = client.get(f"/_status/{status}")
            assert (answer.status_code, answer.json) == (status, {"error": "Pay first"})
            assert answer.headers["Retry-After"] == "1"
            assert str(error_response(status, "Pay first")).startswith(f"{status} {name}")
    for status in (0, 200, 302, 399, 600):
        with (
            subtests.test(status=status),
            pytest.raises(ValueError, match=f"{status} is no status of an error: write 400 to"),
        ):
            error_response(status, "Elsewhere")


class Lazy:
    """A text of the present request, as Flask-Babel's `lazy_gettext` gives one."""

    def __init__(self, **words: str) -> None:
        self.words = words

    def __str__(self) -> str:
        return self.words[request.accept_languages.best_match(self.words) or "en"]

    def __html__(self) -> str:
        return str(self)


CLIENT = "{browser} on {system}"
FIREFOX = {"browser": "Firefox", "system": "Linux"}
# The owner's words for it, a message, its values, and what people read.
SAID: list[tuple[str | None, str, dict[str, str], str]] = [
    ("Nicht erlaubt", "Not allowed", {}, "Nicht erlaubt"),
    ("{system}: {browser}", CLIENT, FIREFOX, "Linux: Firefox"),
    (None, "Not Found", {}, "Not Found"),
    # Braces in a value, and in a message without values.
    (None, CLIENT, {**FIREFOX, "browser": "{system}"}, "{system} on Linux"),
    (None, "Not allowed {0}", {}, "Not allowed {0}"),
    # Words with another placeholder leave the message as it is.
    *((words, CLIENT, FIREFOX, "Firefox on Linux") for words in ("{brwser}", "{}", "{browser")),
]


@pytest.mark.parametrize(("words", "message", "values", "said"), SAID)
def test_a_message_has_the_owners_words_and_its_values(
    words: str | None, message: str, values: dict[str, str], said: str
) -> None:
    app = Flask(__name__)
    app.config["TEXTS"] = {} if words is None else {message: words}
    with app.app_context():
        assert translated_text(message, **values) == said
    assert translated_text("Not allowed") == "Not allowed", "outside of an app"


LAZY: dict[str, object] = {
    "Not Found": Lazy(en="Not there", de="Nicht da"),
    "Too large: at most {limit}": Lazy(en="At most {limit}", de="Höchstens {limit}"),
}


@pytest.mark.parametrize(
    ("language", "words", "large"),
    [("de", "Nicht da", "Höchstens 10 bytes"), ("en", "Not there", "At most 10 bytes")],
)
def test_a_lazy_text_has_the_language_of_each_request(
    make_app: MakeApp, language: str, words: str, large: str
) -> None:
    client = make_app(TEXTS=LAZY, MAX_CONTENT_LENGTH=10).test_client()
    headers = {"Accept-Language": language}
    assert client.get("/nowhere", headers=headers).get_json() == {"error": words}
    assert words in client.get("/nowhere", headers={**headers, "Accept": "text/html"}).text
    refused = client.post("/login", json={"username": "a" * 99}, headers=headers)
    assert refused.get_json() == {"error": large}
