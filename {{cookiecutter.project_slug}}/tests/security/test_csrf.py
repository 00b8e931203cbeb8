"""Whose pages may write: what another site's form or script gets for trying."""

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue

from app.security.csrf import SENT_BY_FORMS, exempt
from app.security.responses import consumes
from tests.conftest import MakeApp

OWN, FRIEND, STRANGER = "http://localhost", "https://app.example", "https://evil.example"
WRITE, UPLOAD, OPEN = "/_test/write", "/_test/upload", "/_test/open"
LARGE = b"\x89" * 100_000  # more than a body may hold elsewhere


@pytest.fixture(scope="module")
def app(make_app: MakeApp) -> Flask:
    """An app with a view that writes, one that takes other types, and one that anybody may call."""
    app = make_app(CORS_ORIGINS=[FRIEND])

    @app.route(WRITE, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    def write() -> ResponseReturnValue:
        return "", 204

    @app.post(UPLOAD)
    @consumes("application/octet-stream", "image/png")
    def upload() -> ResponseReturnValue:
        request.max_content_length = 200_000
        return request.stream.read(), 200

    @app.post(OPEN)
    @exempt
    def anybody() -> ResponseReturnValue:
        return "", 204

    return app


def status(client: FlaskClient, method: str = "POST", **headers: str) -> int:
    """What a write without a body gets: `status(client, Origin="null")`."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.open(WRITE, method=method, headers=sent).status_code


def test_pages_of_this_site_and_of_listed_origins_write(client: FlaskClient) -> None:
    for origin in (OWN, FRIEND):
        assert status(client, Origin=origin, Sec_Fetch_Site="cross-site") == 204


STRANGERS = f"""
null * {STRANGER} https://localhost http://localhost:8000 http://localhost.evil.example
http://sub.localhost http://localhost/ https://app.example.evil.example http://app.example
""".split()


@pytest.mark.asvs("3.5.1")
def test_other_origins_write_nothing(client: FlaskClient, subtests: pytest.Subtests) -> None:
    for stranger in (*STRANGERS, "", f"{OWN}, {STRANGER}"):
        with subtests.test(stranger):
            assert status(client, Origin=stranger, Sec_Fetch_Site="same-origin") == 403


@pytest.mark.asvs("3.5.1")
def test_every_method_that_writes_is_guarded_and_reading_is_not(client: FlaskClient) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert status(client, method, Origin=STRANGER) == 403
    assert status(client, "GET", Origin=STRANGER) == 204


def test_without_origin_the_browsers_own_word_counts(client: FlaskClient) -> None:
    words = {"same-origin": 204, "none": 204, "same-site": 403, "cross-site": 403, "odd": 403}
    assert {word: status(client, Sec_Fetch_Site=word) for word in words} == words


def test_a_program_that_is_no_browser_writes(client: FlaskClient) -> None:
    assert status(client) == 204


def status_of_type(client: FlaskClient, path: str, content_type: str) -> int:
    return client.post(path, data=b"{}", content_type=content_type).status_code


@pytest.mark.asvs("3.5.2")
def test_a_body_that_is_no_json_is_refused(client: FlaskClient, subtests: pytest.Subtests) -> None:
    boundary = "multipart/form-data; boundary=x"
    others = ["application/jsonp", "text/plain; application/json", "image/png"]
    for content_type in (*SENT_BY_FORMS, boundary, *others):
        with subtests.test(content_type):
            assert status_of_type(client, WRITE, content_type) == 415
    assert status(client, Transfer_Encoding="chunked", Content_Type="text/plain") == 415
    assert status_of_type(client, WRITE, "Application/JSON; charset=utf-8") == 204


def test_a_view_gets_what_it_consumes(client: FlaskClient, subtests: pytest.Subtests) -> None:
    for content_type in ("application/octet-stream", "image/png"):
        answer = client.post(UPLOAD, data=LARGE, content_type=content_type)
        assert (answer.status_code, answer.data) == (200, LARGE)
    for content_type in (*SENT_BY_FORMS, "application/json", "image/pngx"):
        with subtests.test(content_type):
            assert status_of_type(client, UPLOAD, content_type) == 415


@pytest.mark.asvs("3.5.2")
def test_no_view_consumes_a_type_that_a_plain_form_can_send(subtests: pytest.Subtests) -> None:
    for media_type in ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain"):
        with (
            subtests.test(media_type),
            pytest.raises(ValueError, match="a form of any site can send that"),
        ):
            consumes("image/png", media_type)


def test_an_exempt_view_takes_all(client: FlaskClient) -> None:
    headers = {"Origin": STRANGER, "Sec-Fetch-Site": "cross-site"}
    answer = client.post(OPEN, headers=headers, data=b"x", content_type="text/plain")
    assert answer.status_code == 204
