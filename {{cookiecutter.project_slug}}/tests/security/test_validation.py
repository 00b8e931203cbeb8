"""What a client gets for a body that is not of the declared shape."""

import json
from io import BytesIO
from types import SimpleNamespace
from typing import Annotated

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue
from pydantic import Field

from app.security.answers import takes
from app.security.validation import INVALID, MISSING, Body, PlainText, body_stream, validated
from tests.conftest import PRODUCTION, MakeApp

REFUSED = "do-not-repeat-me"


class Order(Body):
    name: Annotated[PlainText, Field(max_length=20)]
    count: int = 1


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    app = make_app()

    @app.post("/orders")
    @validated(Order)
    def order(order: Order) -> dict[str, object]:
        return order.model_dump()

    return app


def send(client: FlaskClient, body: bytes | str) -> tuple[int, str]:
    answer = client.post("/orders", data=body, content_type="application/json")
    assert isinstance(answer.json, dict)
    assert REFUSED not in answer.text
    return answer.status_code, answer.json.get("error", "")


def test_the_view_gets_what_was_sent(client: FlaskClient) -> None:
    arabic, astronaut = "\u0645\u0631\u062d\u0628\u0627", "\U0001f469\u200d\U0001f680"
    for name in ("Ada", "O'Brien <b>", "x" * 20, arabic, astronaut):
        answer = client.post("/orders", json={"name": name, "count": 2})
        assert answer.json == {"name": name, "count": 2}


LACKING = {
    "no field": "{}",
    "another field": '{"count": 2}',
    "null": '{"name": null}',
    "empty": '{"name": ""}',
    "blank": '{"name": " \\t"}',
    "blank elsewhere": '{"name": "\\u3000"}',
}


def test_a_field_that_lacks_is_told(client: FlaskClient) -> None:
    got = {slip: send(client, body) for slip, body in LACKING.items()}
    assert got == dict.fromkeys(LACKING, (400, MISSING))


SLIPS: dict[str, bytes | str] = {
    "empty": b"",
    "cut off": b"{",
    "a list": b'["x"]',
    "text": b'"x"',
    "null": b"null",
    "NaN": b"NaN",
    "no UTF-8": b"\xff",
    "a form": b"name=x",
    "nested deeply": b"[" * 60_000,
    "a huge number": b"1" * 5000,
    "list for text": json.dumps({"name": ["x"]}),
    "object for text": json.dumps({"name": {"x": 1}}),
    "truth for text": json.dumps({"name": True}),
    "number for text": json.dumps({"name": 1}),
    "text for number": json.dumps({"name": "x", "count": "2"}),
    "truth for number": json.dumps({"name": "x", "count": True}),
    "fraction for number": json.dumps({"name": "x", "count": 1.5}),
    "a member twice": '{"name": "a", "name": "b"}',
    "a member twice, deep down": '{"name": "a", "count": {"x": 1, "x": 2}}',
    "unknown member": json.dumps({"name": "x", REFUSED: 1}),
    "too long": json.dumps({"name": "x" * 21}),
    "newline": json.dumps({"name": f"{REFUSED}\n"}),
    "NUL": json.dumps({"name": "x\0"}),
    "delete": json.dumps({"name": "x\x7f"}),
    "lone surrogate": json.dumps({"name": "\ud800"}),
}


def test_any_other_slip_is_not_explained(client: FlaskClient) -> None:
    got = {slip: send(client, body) for slip, body in SLIPS.items()}
    assert got == dict.fromkeys(SLIPS, (400, INVALID))


def test_a_body_that_breaks_off_is_refused(client: FlaskClient) -> None:
    def broken(size: int) -> bytes:
        raise ArithmeticError("a chunk of no length")  # servers have exceptions of their own

    stream = SimpleNamespace(read=broken, readinto=broken, readline=broken)
    sent = {"wsgi.input": stream, "CONTENT_LENGTH": "9", "CONTENT_TYPE": "application/json"}
    answer = client.post("/orders", environ_overrides=sent)
    assert (answer.status_code, answer.json) == (400, {"error": INVALID})


def test_a_body_that_ends_early_is_refused(client: FlaskClient) -> None:
    """As gunicorn gives it when the client is gone."""
    sent = {"CONTENT_LENGTH": "99", "wsgi.input_terminated": True}
    answer = client.post("/orders", json={"name": "Ada"}, environ_overrides=sent)
    assert (answer.status_code, answer.json) == (400, {"error": INVALID})


@pytest.mark.parametrize("size", [-1, 1, 60_000])
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
    @takes("application/octet-stream")
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


def test_a_developer_learns_what_was_wrong_and_production_logs_nothing_of_it(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    for changes, told in (({}, 1), (PRODUCTION, 0)):
        caplog.clear()
        client = make_app(**changes).test_client()
        client.post("/login", json={"username": "ada", "password": [REFUSED]})
        lines = [record.getMessage() for record in caplog.records]
        found = [line for line in lines if "refused body" in line]
        assert len(found) == told
        assert not found or "password" in found[0]
        assert REFUSED not in str(lines)


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
