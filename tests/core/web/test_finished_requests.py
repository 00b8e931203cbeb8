"""What is known of a request once its response was sent: bounded values, and nothing personal."""

from collections.abc import Iterator
from functools import partial

import pytest
from flask import Flask, Response, abort, request
from secure_flask.auth.access import public
from secure_flask.web import finished_requests
from secure_flask.web.finished_requests import NO_ROUTE, OTHER_METHOD, FinishedRequest
from werkzeug.exceptions import HTTPException

from core.conftest import PRODUCTION, MakeApp

SECRET = "hunter2"


@pytest.fixture(scope="module")
def shared_app(make_app: MakeApp) -> Flask:
    app = make_app(**PRODUCTION)
    ended = app.extensions["ended"] = list[str]()
    app.config["PROPAGATE_EXCEPTIONS"] = False  # a crash is answered, as in production

    @app.before_request
    def answer_early() -> Response | None:
        return Response("early", 418) if "early" in request.args else None

    @app.route("/_test/<kind>/<code>", methods=["GET", "POST", "BREW"])
    @public
    def respond(kind: str, code: str) -> Response:
        if kind == "crash":
            raise RuntimeError(code)
        if kind == "refuse":
            abort(409)
        response = Response(stream() if kind == "stream" else "12345")
        response.call_on_close(partial(ended.append, code))
        return response

    return app


def stream() -> Iterator[str]:
    yield "123"
    yield "é"


@pytest.fixture
def seen(app: Flask) -> list[FinishedRequest]:
    """Grows with each request that is finished."""
    noted = list[FinishedRequest]()
    finished_requests.register(app, noted.append)
    return noted


def test_a_command_may_leave_its_own_requests_out(app: Flask, seen: list[FinishedRequest]) -> None:
    client = app.test_client()
    with finished_requests.unobserved(app):
        client.get("/_test/plain/1")
    with pytest.raises(LookupError), finished_requests.unobserved(app):
        raise LookupError
    assert seen == []
    client.get("/_test/plain/1")
    assert len(seen) == 1


def test_each_end_of_a_request_is_seen_once(app: Flask, seen: list[FinishedRequest]) -> None:
    client, rule = app.test_client(), "/_test/<kind>/<code>"
    for method, path, expected in (
        ("GET", f"/_test/plain/{SECRET}", (rule, 200, 5)),
        ("HEAD", f"/_test/plain/{SECRET}", (rule, 200, 0)),
        ("GET", f"/_test/stream/{SECRET}", (rule, 200, 5)),
        ("BREW", f"/_test/plain/{SECRET}", (rule, 200, 5)),
        ("GET", f"/_test/refuse/{SECRET}", (rule, 409, None)),
        ("GET", f"/_test/crash/{SECRET}", (rule, 500, None)),
        ("GET", f"/_test/plain/{SECRET}?early={SECRET}", (rule, 418, 5)),
        ("GET", f"/_test/{SECRET}", (NO_ROUTE, 404, None)),
        ("DELETE", f"/_test/plain/{SECRET}", (NO_ROUTE, 405, None)),
    ):
        response = client.open(path, method=method)
        [finished] = seen
        body = len(response.data)
        assert (finished.route, finished.status, finished.bytes_sent) == (
            *expected[:2],
            body if expected[2] is None else expected[2],
        )
        assert finished.method == method
        assert finished.request_id == response.headers["X-Request-ID"]
        assert finished.seconds > 0
        assert SECRET not in str(finished)
        seen.clear()


def test_a_request_that_no_view_sees_is_seen(app: Flask, seen: list[FinishedRequest]) -> None:
    response = app.test_client().get("/_test/plain/x", headers={"Host": "evil.example"})
    assert response.status_code == 400
    assert [(each.route, each.status) for each in seen] == [("/_test/<kind>/<code>", 400)]


def test_a_method_that_a_client_makes_up_is_one_value(
    app: Flask, seen: list[FinishedRequest]
) -> None:
    for method in ("HUNTER2", "TRACE"):
        app.test_client().open("/_test/plain/x", method=method)
    assert [each.method for each in seen] == [OTHER_METHOD] * 2


def test_a_client_that_leaves_ends_the_request(app: Flask, seen: list[FinishedRequest]) -> None:
    response = app.test_client().get("/_test/stream/left", buffered=False)
    next(response.iter_encoded())
    assert seen == []
    response.close()
    assert [(each.status, each.bytes_sent) for each in seen] == [(200, 3)]
    assert "left" in app.extensions["ended"]


def test_an_error_outside_of_flask_is_seen_as_500(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, noted = make_app(**PRODUCTION), list[FinishedRequest]()

    def fail(environ: object, start_response: object) -> list[bytes]:
        raise HTTPException("out of order")

    monkeypatch.setattr(app, "wsgi_app", fail)
    finished_requests.register(app, noted.append)
    with pytest.raises(HTTPException):
        app.test_client().get("/")
    assert [(each.route, each.status) for each in noted] == [(NO_ROUTE, 500)]
