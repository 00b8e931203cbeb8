"""What a client gets for a body that is not of the declared shape."""

import json
from typing import Annotated

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import Field

from app.security.bodies import INVALID
from app.security.validation import MISSING, Body, PlainText, validated
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
