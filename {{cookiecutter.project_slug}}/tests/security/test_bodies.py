"""What a client gets for a body that is cut off or too long, and that no view sees half of it."""

from io import BytesIO
from types import SimpleNamespace

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue

from app.security.bodies import INVALID, body_stream
from app.security.responses import consumes
from app.security.validation import MISSING
from tests.conftest import MakeApp


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """One that each test here may add views to."""
    return make_app()


def send(client: FlaskClient, body: bytes) -> tuple[int, str]:
    answer = client.post("/login", data=body, content_type="application/json")
    assert isinstance(answer.json, dict)
    return answer.status_code, answer.json.get("error", "")


def test_a_body_that_breaks_off_is_refused(client: FlaskClient) -> None:
    def broken(size: int) -> bytes:
        raise ArithmeticError("a chunk of no length")  # servers have exceptions of their own

    stream = SimpleNamespace(read=broken, readinto=broken, readline=broken)
    sent = {"wsgi.input": stream, "CONTENT_LENGTH": "9", "CONTENT_TYPE": "application/json"}
    answer = client.post("/login", environ_overrides=sent)
    assert (answer.status_code, answer.json) == (400, {"error": INVALID})


def test_a_body_that_ends_early_is_refused(client: FlaskClient) -> None:
    """As gunicorn gives it when the client is gone."""
    sent = {"CONTENT_LENGTH": "99", "wsgi.input_terminated": True}
    answer = client.post("/login", json={"name": "Ada"}, environ_overrides=sent)
    assert (answer.status_code, answer.json) == (400, {"error": INVALID})


@pytest.mark.parametrize("size", [-1, 1_000, 60_000])
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"CONTENT_LENGTH": "70000"}, 400),
        ({"CONTENT_LENGTH": "60000"}, 200),
        ({"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}, 200),
    ],
    ids=["cut off", "whole", "in chunks"],
)
def test_a_view_that_reads_in_parts_gets_the_whole_or_none(
    app: Flask, size: int, sent: dict[str, str], status: int
) -> None:
    @app.post("/files")
    @consumes("application/octet-stream")
    def store() -> ResponseReturnValue:
        request.max_content_length = 100_000
        source = body_stream()
        return str(sum(map(len, iter(lambda: source.read(size), b""))))

    answer = app.test_client().post(
        "/files",
        input_stream=BytesIO(b"x" * 60_000),
        content_type="application/octet-stream",
        environ_overrides={"wsgi.input_terminated": True, **sent},
    )
    assert answer.status_code == status
    assert status != 200 or answer.text == "60000"


def test_a_body_beyond_the_limit_is_not_read(client: FlaskClient) -> None:
    assert send(client, b" " * (64 * 1024 + 1)) == (413, "Request Entity Too Large")


def test_a_body_as_long_as_the_limit_is_read(client: FlaskClient) -> None:
    assert send(client, b'{"count": 1}'.ljust(64 * 1024)) == (400, MISSING)


def test_a_body_in_chunks_that_is_too_large_is_413(client: FlaskClient) -> None:
    body = BytesIO(b"{}" + b" " * 70_000)
    answer = client.post(
        "/login",
        input_stream=body,
        content_type="application/json",
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
    )
    assert answer.status_code == 413
