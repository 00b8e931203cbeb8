"""The headers that every answer carries, as a browser receives them."""

import pytest
from flask import Flask, Response, abort, redirect, request
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue
from secure_flask.auth.access import public
from secure_flask.web.origins import PolicyError

from core.conftest import MakeApp

# A path below /_test/ and what it is answered with.
STATUSES = {
    "answer": 200,
    "stream": 200,
    "extension": 200,
    "moved": 302,
    "unmodified": 304,
    "no/route": 404,
    "forbidden": 403,
    "crash": 500,
}


@pytest.fixture(scope="module")
def app(make_app: MakeApp) -> Flask:
    """An app with an answer of every kind."""
    app = make_app(
        HEADERS={"X-Everywhere": "yes", "Cache-Control": "no-store, max-age=0"},
        PAGE_HEADERS={"X-On-Pages": "yes"},
        OTHER_HEADERS={"X-On-The-Rest": "yes"},
    )
    app.config["PROPAGATE_EXCEPTIONS"] = False  # a crash is answered, as in production

    @app.before_request
    def extension() -> Response | None:
        return Response("by itself") if request.path == "/_test/extension" else None

    @app.get("/_test/answer")
    @public
    def answer() -> Response:
        return Response("", request.args.get("status", 200), request.args.to_dict())

    @app.get("/_test/<name>")
    @public
    def view(name: str) -> ResponseReturnValue:
        if name == "crash":
            raise ZeroDivisionError
        if name == "forbidden":
            abort(403)
        unmodified, stream = Response(status=304), Response(iter(["a", "b"]))
        return {"stream": stream, "moved": redirect("/"), "unmodified": unmodified}[name]

    return app


def test_no_answer_goes_without_the_headers(client: FlaskClient, subtests: pytest.Subtests) -> None:
    for name, status in STATUSES.items():
        with subtests.test(name):
            answer = client.get(f"/_test/{name}")
            assert answer.status_code == status
            assert answer.headers["X-Everywhere"] == "yes"
            assert status == 304 or "Content-Security-Policy" in answer.headers


def test_an_answer_with_a_body_names_its_type_and_a_text_its_characters(
    client: FlaskClient, subtests: pytest.Subtests
) -> None:
    for name in STATUSES:
        for accept in ("text/html", "application/json"):
            with subtests.test(name, accept=accept):
                answer = client.get(f"/_test/{name}", headers={"Accept": accept})
                kind = answer.mimetype or ""
                assert kind or not answer.data
                assert not kind.startswith("text/") or "charset" in answer.mimetype_params


def test_what_a_view_sets_itself_stands_alone(client: FlaskClient) -> None:
    for name, value in (
        ("Content-Security-Policy", "default-src 'none'; sandbox"),
        ("x-frame-options", "DENY"),
        ("Cache-Control", "private, max-age=60"),
        ("X-Everywhere", "mine"),
    ):
        own = {"Content-Type": "text/html", name: value}
        answer = client.get("/_test/answer", query_string=own)
        assert answer.headers.getlist(name) == [value]


def test_pages_and_the_rest_differ(client: FlaskClient) -> None:
    for content_type, status, is_page in (
        ("text/html", "200", True),
        ("application/json", "200", False),
        ("text/html", "204", False),
    ):
        sent = {"Content-Type": content_type, "status": status}
        headers = client.get("/_test/answer", query_string=sent).headers
        assert ("X-On-Pages" in headers, "X-On-The-Rest" in headers) == (is_page, not is_page)


def test_a_malformed_header_stops_the_app(make_app: MakeApp, subtests: pytest.Subtests) -> None:
    for name in ("", "X One", "X-One:", "X-One\r\nX-Two", "X-Öne"):
        with subtests.test(name), pytest.raises(PolicyError, match="no header is called"):
            make_app(HEADERS={name: "1"})
    for value in ("1\r\nX-Two: 2", "\u00e9", "\u20ac"):
        with subtests.test(value), pytest.raises(PolicyError, match="X-One holds"):
            make_app(HEADERS={"X-One": value})
