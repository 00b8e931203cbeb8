"""What a client gets for a body that is cut off or too long, and that no view sees half of it."""

from collections.abc import Callable
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, Request, request
from flask.testing import FlaskClient
from markupsafe import escape
from secure_flask.auth.access import public, takes_credentials
from secure_flask.web.bodies import body_stream
from secure_flask.web.forms import consumes_form
from secure_flask.web.origins import PolicyError
from secure_flask.web.responses import consumes
from secure_flask.web.validation import Body, validated
from werkzeug.test import TestResponse

from core import routes
from core.conftest import OWN_PAGE, PRODUCTION, Lines, MakeApp, protect

OCTETS, JSON = "application/octet-stream", "application/json"
IN_CHUNKS = {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}


WAYS: dict[str, Callable[[], int]] = {
    "data": lambda: len(request.get_data() and request.get_data()),  # the second time it is there
    "json": lambda: len(request.get_data()) if request.get_json(force=True) else 0,
    "lines": lambda: sum(map(len, request.stream)),
    "whole": lambda: len(body_stream().read()),
    "small parts": lambda: sum(map(len, iter(lambda: body_stream().read(1000), b""))),
    "large parts": lambda: sum(map(len, iter(lambda: body_stream().read(60_000), b""))),
    "no bytes": lambda: sum(len(body_stream().read(size)) for size in (3, 0, -1)),
}


@pytest.fixture(scope="module")
def app(make_app: MakeApp) -> Flask:
    """An app with a view that says how long the body is that it gets, for each way to read it."""
    app = make_app()
    view = public(consumes(OCTETS)(lambda way: str(WAYS[way]())))
    app.add_url_rule("/_test/<way>", view_func=view, methods=["POST"])
    return app


def send(client: FlaskClient, way: str, body: bytes, **environ: object) -> str:
    """Post a body as gunicorn hands it on: it ends where the client was gone."""
    environ = {"wsgi.input": BytesIO(body), "wsgi.input_terminated": True, **environ}
    environ = {"CONTENT_LENGTH": str(len(body)), "CONTENT_TYPE": OCTETS, **environ}
    answer = client.post(f"/_test/{way}", environ_overrides=environ)
    if answer.status_code == 200:
        return answer.text
    # Development adds a hint.
    return f"{answer.status_code} { {'error': answer.get_json()['error']} }"


CUT_OFF = "400 {'error': 'Invalid request'}"
TOO_LARGE = "413 {'error': 'Too large: at most 64 kB'}"


def broken(size: int) -> bytes:
    raise ArithmeticError("a chunk of no length")  # servers have exceptions of their own


@pytest.mark.parametrize("way", WAYS)
def test_a_view_gets_the_whole_body_or_none(client: FlaskClient, way: str) -> None:
    limit = client.application.config["MAX_CONTENT_LENGTH"]
    fitting, long = (b"[1,\n" + b"1," * (limit // 2 - 4) + end for end in (b"111]", b"1111]"))
    assert (len(fitting), send(client, way, fitting)) == (limit, str(limit))
    assert send(client, way, long) == TOO_LARGE
    # What came would be JSON too.
    assert send(client, way, b"[1]", CONTENT_LENGTH="60001") == CUT_OFF
    stream = SimpleNamespace(read=broken, readinto=broken, readline=broken)
    assert send(client, way, b"[1]", **{"wsgi.input": stream}) == CUT_OFF
    assert send(client, way, b"[1]", **IN_CHUNKS) == "3"
    assert send(client, way, fitting, **IN_CHUNKS) == str(limit)
    assert send(client, way, long, **IN_CHUNKS) == TOO_LARGE


def test_an_error_of_the_server_in_a_body_leaves_its_class_in_the_log(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    stream = SimpleNamespace(read=broken, readinto=broken, readline=broken)
    assert send(client, "data", b"[1]", **{"wsgi.input": stream}) == CUT_OFF
    [line] = caplog.records
    assert "ArithmeticError" in line.getMessage()
    assert "a chunk of no length" not in caplog.text


class Page(Body):
    text: str


def with_limited_views(app: Flask) -> FlaskClient:
    """A client of an app with a view for each kind of body, with the limit of the policy."""
    views: dict[str, Callable[..., str]] = {
        "form": consumes_form(lambda: "read"),
        "json": validated(Page)(lambda page: "read"),
        "octets": consumes(OCTETS)(lambda: str(len(request.get_data()))),
        "secret": takes_credentials(validated(Page)(lambda page: "read")),
    }
    for name, view in views.items():
        app.add_url_rule(f"/_limit/{name}", name, public(view), methods=["POST"])
    return app.test_client()


def post_much(client: FlaskClient, name: str, **headers: str) -> TestResponse:
    """Send a view more than it takes, of the type that it takes."""
    bodies: dict[str, dict[str, Any]] = {
        "form": {"data": {"file": (BytesIO(b"a" * 70_000), "a.txt")}},
        "octets": {"data": b"a" * 70_000, "content_type": OCTETS},
    }
    sent = bodies.get(name, {"json": {"text": "a" * 70_000}})
    return client.post(f"/_limit/{name}", headers={**OWN_PAGE, **headers}, **sent)


MARKS = {
    "form": "@consumes_form(max_size=…)",
    "json": '@consumes("application/json", max_size=…)',
    "octets": f'@consumes("{OCTETS}", max_size=…)',
}


def test_development_says_how_a_view_takes_a_larger_body(
    make_app: MakeApp,
    caplog: pytest.LogCaptureFixture,
    subtests: pytest.Subtests,
) -> None:
    client = with_limited_views(make_app())
    for name, mark in MARKS.items():
        with subtests.test(name=name, mark=mark):
            caplog.clear()
            answer, page = post_much(client, name), post_much(client, name, Accept="text/html")
            assert (answer.status_code, page.status_code) == (413, 413)
            assert mark in answer.get_json()["hint"]
            assert escape(mark) in page.text
            assert mark in caplog.text
    # A body of secrets gets no advice.
    assert post_much(client, "secret").get_json().keys() == {"error"}


def test_production_says_no_more_of_a_large_body_than_the_limit(
    make_app: MakeApp, lines: Lines
) -> None:
    client = with_limited_views(make_app(**PRODUCTION))
    lines()
    answers = [post_much(client, name) for name in MARKS]
    assert [f"{answer.status_code} {answer.json}" for answer in answers] == [TOO_LARGE] * 3
    assert lines() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("MAX_CONTENT_LENGTH", None), ("MAX_CONTENT_LENGTH", 10**9)],
        *[("MAX_FORM_PARTS", None), ("MAX_FORM_MEMORY_SIZE", None)],
    ],
)
def test_a_line_that_takes_a_limit_away_is_refused(
    make_app: MakeApp, name: str, value: int | None
) -> None:
    config = make_app(fill=False).config
    before = config[name]
    with pytest.raises(PolicyError, match=name):
        config[name] = value
    assert config[name] == before


def test_flasks_default_of_no_limit_stands_for_the_limit_of_the_core(make_app: MakeApp) -> None:
    app = make_app(MAX_CONTENT_LENGTH=None)
    assert app.config["MAX_CONTENT_LENGTH"] == 64 * 1024
    long = b"{}".ljust(64 * 1024 + 1)
    sent = {"data": long, "content_type": "application/json", "headers": OWN_PAGE}
    answer = app.test_client().post(routes.LOGIN, **sent)
    assert f"{answer.status_code} {answer.json}" == TOO_LARGE


def test_the_policy_sets_the_limit_which_a_page_names_too(
    make_app: MakeApp, subtests: pytest.Subtests
) -> None:
    said = {3 * 2**20: "3 MB", 2**10: "1 kB", 1_500_000: "1,500 kB", 1001: "1,001 bytes"}
    texts = {"Too large: at most {limit}": "Höchstens {limit}"}
    sent: dict[str, Any] = {"content_type": "application/json"}
    as_page = {**OWN_PAGE, "Accept": "text/html"}
    for most, words in said.items():
        with subtests.test(most=most, words=words):
            client = make_app(MAX_CONTENT_LENGTH=most, TEXTS=texts).test_client()
            body = b'{"username": "x", "password": "x"}'.ljust(most)
            fitting = client.post(routes.LOGIN, headers=OWN_PAGE, data=body, **sent)
            assert fitting.status_code == 401
            answer = client.post(routes.LOGIN, headers=OWN_PAGE, data=body + b" ", **sent)
            assert answer.json == {"error": f"Höchstens {words}"}
            page = client.post(routes.LOGIN, headers=as_page, data=body + b" ", **sent)
            assert (page.status_code, f"<h1>Höchstens {words}</h1>" in page.text) == (413, True)


def test_a_kind_of_request_that_comes_later_is_refused_unless_it_builds_on_the_checked_one(
    make_app: MakeApp,
    subtests: pytest.Subtests,
) -> None:
    app = make_app(fill=False)
    app.request_class = type("Own", (app.request_class,), {})
    assert app.test_client().get("/").status_code == 200
    app.request_class = Request
    says = r"app\.request_class was replaced after"
    for number in range(2):
        with subtests.test(number=number), pytest.raises(PolicyError, match=says):
            app.test_client().get("/")


def test_an_app_keeps_its_own_kind_of_request_whose_bodies_are_as_complete() -> None:
    class Own(Request):
        own = "mine"

    class Shop(Flask):
        request_class = Own

    app = protect(Shop("shop"))
    view = public(consumes(OCTETS)(lambda: f"{request.own} {len(request.get_data())}"))  # type: ignore[attr-defined]
    app.add_url_rule("/_test/own", view_func=view, methods=["POST"])
    assert send(app.test_client(), "own", b"123") == "mine 3"
    assert send(app.test_client(), "own", b"123", CONTENT_LENGTH="4") == CUT_OFF
