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


def with_view(app: Flask) -> FlaskClient:
    """A client of the app with a view that repeats an order, and the words of errors as text."""

    @app.post("/_test/orders")
    @validated(Order)
    def order(order: Order) -> dict[str, object]:
        return order.model_dump()

    app.register_error_handler(400, lambda error: (error.message, 400))
    return app.test_client()


@pytest.fixture
def client(make_app: MakeApp) -> FlaskClient:
    return with_view(make_app())


def send(client: FlaskClient, body: bytes | str) -> tuple[int, str]:
    answer = client.post("/_test/orders", data=body, content_type="application/json")
    assert REFUSED not in f"{answer.headers} {answer.text}"
    return answer.status_code, answer.text


def test_the_view_gets_what_was_sent(client: FlaskClient) -> None:
    arabic, astronaut = "\u0645\u0631\u062d\u0628\u0627", "\U0001f469\u200d\U0001f680"
    for name in ("Ada", "O'Brien <b>", "x" * 20, arabic, astronaut):
        answer = client.post("/_test/orders", json={"name": name, "count": 2})
        assert answer.json == {"name": name, "count": 2}


LACKING = r'{} {"count":2} {"name":null} {"name":""} {"name":"\t"} {"name":"\u3000"}'


def test_a_missing_field_is_reported(client: FlaskClient, subtests: pytest.Subtests) -> None:
    for body in LACKING.split():
        with subtests.test(body):
            assert send(client, body) == (400, MISSING)


OTHER_SLIPS = r"""
{ ["x"] null NaN name=x {"name":"a","name":"b"} {"name":["x"]} {"name":true} {"name":1}
{"name":"x","count":"2"} {"name":"x","count":true} {"name":"x","count":1.5} {"name":"x","other":1}
{"name":"xxxxxxxxxxxxxxxxxxxxx"} {"name":"x\n"} {"name":"x\u0000"} {"name":"x\u007f"}
{"name":"\ud800"} {"count":{"x":1,"x":2},"name":"a"}
"""
UNREADABLE: list[bytes | str] = [b"", b"\xff", b"[" * 60_000, b"1" * 5000]


def test_any_other_slip_is_not_explained(client: FlaskClient, subtests: pytest.Subtests) -> None:
    for body in UNREADABLE + OTHER_SLIPS.split():
        with subtests.test(str(body[:60])):
            assert send(client, body) == (400, INVALID)


def test_only_development_logs_slips(make_app: MakeApp, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    for changes, reported in (({}, 1), (PRODUCTION, 0)):
        caplog.clear()
        send(with_view(make_app(**changes)), json.dumps({"name": [REFUSED], REFUSED: 1}))
        lines = [record.getMessage() for record in caplog.records]
        found = [line for line in lines if "refused body" in line]
        assert len(found) == reported
        assert not found or "name" in found[0]
        assert REFUSED not in str(lines)
