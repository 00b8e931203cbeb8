"""Whose pages may write: what another site's form or script gets for trying."""

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue

from app.security.csrf import SENT_BY_FORMS, exempt
from app.security.responses import consumes
from tests.conftest import MakeApp

OWN, FRIEND = "http://localhost", "https://app.example"
LARGE = b"\x89" * 100_000  # more than a body may hold elsewhere
REFUSED = {"error": "Cross-site request refused"}


@pytest.fixture(scope="module")
def app(make_app: MakeApp) -> Flask:
    """An app with one view that writes, and one that anybody may call."""
    app = make_app(CORS_ORIGINS=[FRIEND])

    @app.route("/write", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    def write() -> ResponseReturnValue:
        return "", 204

    @app.post("/upload")
    @consumes("application/octet-stream", "image/png")
    def upload() -> ResponseReturnValue:
        request.max_content_length = 200_000
        return request.stream.read(), 200

    @app.post("/open")
    @exempt
    def anybody() -> ResponseReturnValue:
        return "", 204

    return app


def test_own_pages_and_friends_write(client: FlaskClient) -> None:
    for origin in (OWN, FRIEND):
        headers = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
        assert client.post("/write", headers=headers).status_code == 204


STRANGERS = [
    "null",
    "",
    "*",
    "https://evil.example",
    "https://localhost",
    "http://localhost:8000",
    "http://localhost.evil.example",
    "http://sub.localhost",
    "http://localhost/",
    "https://app.example.evil.example",
    "http://app.example",
    f"{OWN}, https://evil.example",
]


@pytest.mark.asvs("3.5.1")
def test_other_pages_do_not(client: FlaskClient) -> None:
    for stranger in STRANGERS:
        headers = {"Origin": stranger, "Sec-Fetch-Site": "same-origin"}
        answer = client.post("/write", headers=headers)
        assert (stranger, answer.status_code, answer.json) == (stranger, 403, REFUSED)


@pytest.mark.asvs("3.5.1")
def test_every_method_that_writes_is_guarded(client: FlaskClient) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = client.open("/write", method=method, headers={"Origin": "https://evil.example"})
        assert (method, answer.status_code) == (method, 403)


def test_reading_is_not(client: FlaskClient) -> None:
    assert client.get("/write", headers={"Origin": "https://evil.example"}).status_code == 204


@pytest.mark.parametrize(
    ("site", "status"),
    [("same-origin", 204), ("none", 204), ("same-site", 403), ("cross-site", 403), ("odd", 403)],
)
def test_without_origin_the_browsers_own_word_counts(
    client: FlaskClient, site: str, status: int
) -> None:
    assert client.post("/write", headers={"Sec-Fetch-Site": site}).status_code == status


def test_a_program_that_is_no_browser_writes(client: FlaskClient) -> None:
    assert client.post("/write").status_code == 204


NOT_JSON = [
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/jsonp",
    "text/plain; application/json",
    "",
]


@pytest.mark.asvs("3.5.2")
def test_a_body_that_a_plain_form_can_send_is_refused(client: FlaskClient) -> None:
    for content_type in NOT_JSON:
        answer = client.post("/write", data=b"{}", content_type=content_type)
        assert (content_type, answer.status_code) == (content_type, 415)
        assert answer.json == {"error": "Content-Type must be application/json"}


def test_so_is_one_of_unknown_length(client: FlaskClient) -> None:
    headers = {"Transfer-Encoding": "chunked", "Content-Type": "text/plain"}
    assert client.post("/write", headers=headers).status_code == 415


def test_json_is_read_whatever_its_parameters(client: FlaskClient) -> None:
    answer = client.post("/write", data=b"{}", content_type="Application/JSON; charset=utf-8")
    assert answer.status_code == 204


def test_a_view_gets_the_types_that_it_takes(client: FlaskClient) -> None:
    for content_type in ("application/octet-stream", "image/png"):
        answer = client.post("/upload", data=LARGE, content_type=content_type)
        assert (answer.status_code, answer.data) == (200, LARGE)


@pytest.mark.asvs("3.5.2")
@pytest.mark.parametrize("media_type", sorted(SENT_BY_FORMS))
def test_none_of_them_is_one_that_a_plain_form_can_send(media_type: str) -> None:
    with pytest.raises(ValueError, match="a form of any site can send that"):
        consumes("image/png", media_type)


def test_a_view_gets_no_other(client: FlaskClient) -> None:
    for content_type in (*NOT_JSON, "application/json"):
        answer = client.post("/upload", data=b"{}", content_type=content_type)
        assert (content_type, answer.status_code) == (content_type, 415)
        assert answer.json == {
            "error": "Content-Type must be application/octet-stream or image/png"
        }


def test_an_exempt_view_takes_all(client: FlaskClient) -> None:
    headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    answer = client.post("/open", headers=headers, data=b"x", content_type="text/plain")
    assert answer.status_code == 204
