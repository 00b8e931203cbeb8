"""The headers that every answer carries, as a browser receives them."""

import pytest
from flask import Flask, Response, abort, redirect, request
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue

from app.security.origins import PolicyError
from tests.conftest import PRODUCTION, MakeApp

PAGE = "text/html"


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
        return Response("by itself") if request.path == "/extension" else None

    @app.get("/crash")
    def crash() -> str:
        raise ZeroDivisionError

    @app.get("/forbidden")
    def forbidden() -> str:
        abort(403)

    @app.get("/moved")
    def moved() -> ResponseReturnValue:
        return redirect("/")

    @app.get("/stream")
    def stream() -> Response:
        return Response(iter(["a", "b"]))

    @app.get("/own")
    def own() -> Response:
        return Response("", headers=request.args.to_dict())

    return app


@pytest.mark.asvs("3.4.3", "3.4.4")
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/healthz", 200),
        ("/static/page.css", 200),
        ("/stream", 200),
        ("/extension", 200),
        ("/moved", 302),
        ("/forbidden", 403),
        ("/nowhere", 404),
        ("/login", 405),
        ("/crash", 500),
    ],
)
def test_no_answer_goes_without(client: FlaskClient, path: str, status: int) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.headers["X-Everywhere"] == "yes"
    assert "Content-Security-Policy" in answer.headers


def test_a_refused_upload_carries_them(client: FlaskClient) -> None:
    answer = client.post("/login", data=b" " * 70_000, content_type="application/json")
    assert answer.status_code == 413
    assert answer.headers["X-Everywhere"] == "yes"


def test_a_revalidated_file_carries_them(client: FlaskClient) -> None:
    tag = client.get("/static/page.css").headers["ETag"]
    answer = client.get("/static/page.css", headers={"If-None-Match": tag})
    assert answer.status_code == 304
    assert answer.headers["X-Everywhere"] == "yes"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Content-Security-Policy", "default-src 'none'; sandbox"),
        ("X-Frame-Options", "DENY"),
        ("x-frame-options", "DENY"),
        ("Referrer-Policy", "no-referrer"),
        ("Cache-Control", "private, max-age=60"),
        ("X-Everywhere", "mine"),
    ],
)
def test_what_a_view_sets_itself_stands_alone(client: FlaskClient, name: str, value: str) -> None:
    own = {"Content-Type": PAGE, name: value}
    answer = client.get("/own", query_string=own)
    assert answer.headers.getlist(name) == [value]


@pytest.mark.asvs("3.4.5")
def test_pages_and_the_rest_differ(client: FlaskClient) -> None:
    page, rest = client.get("/").headers, client.get("/healthz").headers
    assert ("X-On-Pages" in page, "X-On-The-Rest" in page) == (True, False)
    assert ("X-On-Pages" in rest, "X-On-The-Rest" in rest) == (False, True)


@pytest.mark.asvs("13.4.6")
def test_production_leaves_the_server_unnamed(make_app: MakeApp) -> None:
    assert "Server" not in make_app(**PRODUCTION).test_client().get("/").headers


@pytest.mark.parametrize("value", ["1\r\nX-Two: 2", "\u00e9", "\u20ac"])
def test_a_header_of_the_policy_that_is_no_line_of_ascii_stops_the_app(
    make_app: MakeApp, value: str
) -> None:
    with pytest.raises(PolicyError, match="X-One"):
        make_app(HEADERS={"X-One": value})


@pytest.mark.parametrize("name", ["", "X One", "X-One:", "X-One\r\nX-Two", "X-Öne"])
def test_so_does_a_name_that_is_none(make_app: MakeApp, name: str) -> None:
    with pytest.raises(PolicyError, match="no header is called"):
        make_app(HEADERS={name: "1"})


def test_an_answer_without_a_body_is_no_page(client: FlaskClient) -> None:
    answer = client.post("/csp-reports", json=[])
    assert answer.status_code == 204
    assert "X-On-The-Rest" in answer.headers
