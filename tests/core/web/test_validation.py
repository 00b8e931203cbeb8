"""What a client gets for a body that is not of the declared shape."""

import json
from datetime import date
from typing import Annotated, Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import AfterValidator, Field
from secure_flask.auth import access
from secure_flask.auth.access import public
from secure_flask.web.errors import PLAIN_MESSAGES
from secure_flask.web.validation import (
    MAX_REPORTED,
    MISSING,
    Body,
    MultilineText,
    PlainText,
    Reason,
    validated,
)

from core.conftest import PRODUCTION, MakeApp

REFUSED = "do-not-repeat-me"
ORDERS, CREDENTIALS = "/_test/orders", "/_test/credentials"


class Seat(Body):
    row: int


def only_even(number: int) -> int:
    if number == 7:
        raise Reason("Must not be seven")
    if number % 2:
        raise ValueError(REFUSED)
    return number


class Order(Body):
    name: Annotated[PlainText, Field(max_length=20)]
    count: int = 1
    notes: Annotated[MultilineText, Field(max_length=20)] = ""
    seats: list[Seat] = Field(default=[])
    prices: dict[str, int] = Field(default={})
    more: Annotated[list[int], AfterValidator(list), Field(max_length=1)] = Field(default=[])
    day: date = date(2026, 1, 1)
    even: Annotated[int, AfterValidator(only_even)] = 0


def with_views(app: Flask) -> FlaskClient:
    """A client of the app with views that repeat an order; one of them checks credentials."""
    # A page of your own for 400 is no matter of these tests.
    app.register_error_handler(
        400, lambda error: ({"error": error.message, "fields": error.fields}, 400)
    )

    def repeat(order: Order) -> dict[str, object]:
        return order.model_dump(include={"name", "count", "notes"})

    for path, mark in ((ORDERS, public), (CREDENTIALS, access.takes_credentials)):
        view = public(mark(validated(Order)(lambda order: repeat(order))))
        app.add_url_rule(path, path, view, methods=["POST"])
    return app.test_client()


@pytest.fixture(scope="module")
def client(make_app: MakeApp) -> FlaskClient:
    return with_views(make_app())


def send(client: FlaskClient, body: bytes | str, path: str = ORDERS) -> Any:
    answer = client.post(path, data=body, content_type="application/json")
    assert REFUSED not in f"{answer.headers} {answer.text}"
    assert answer.status_code == 400
    return answer.json


ARABIC, ASTRONAUT = "\u0645\u0631\u062d\u0628\u0627", "\U0001f469\u200d\U0001f680"


def test_the_view_gets_what_was_sent(client: FlaskClient, subtests: pytest.Subtests) -> None:
    for name in ("Ada", "O'Brien <b>", "x" * 20, ARABIC, ASTRONAUT):
        with subtests.test(name=name):
            body = {"name": name, "count": 2, "notes": "one\n\ttwo"}
            assert client.post(ORDERS, json=body).json == body


LACKING = r'{} {"count":2} {"name":null} {"name":""} {"name":"\t"} {"name":"\u3000"}'


def test_a_missing_field_is_reported(client: FlaskClient) -> None:
    expected = {"error": MISSING, "fields": {"name": "Required"}}
    assert [body for body in LACKING.split() if send(client, body) != expected] == []


UNREADABLE: list[bytes | str] = [
    *(b"", b"\xff", "{", "NaN", "name=x", "1" * 5000),
    '{"name":"a","name":"b"}',
    r'{"name":"\ud800"}',
]


@pytest.mark.asvs("15.3.7")
def test_what_is_no_json_is_refused_without_details(client: FlaskClient) -> None:
    expected = {"error": PLAIN_MESSAGES[400], "fields": None}
    assert [body for body in UNREADABLE if send(client, body) != expected] == []


CONTROLS = "Contains control characters"
NO_DATE = "Input should be a valid date"

# By body, the members that are wrong, and why.
WRONG: dict[str, dict[str, str]] = {
    r'{"name":"x\n"}': {"name": CONTROLS},
    r'{"name":"x\u0000"}': {"name": CONTROLS},
    '{"name":"x","more":[1,2]}': {
        "more": "Value should have at most 1 item after validation, not 2"
    },
    r'{"name":"x","notes":"\u001b"}': {"notes": CONTROLS},
    '{"name":["x"]}': {"name": "Input should be a valid string"},
    json.dumps({"name": "x" * 21}): {"name": "String should have at most 20 characters"},
    '{"name":"x","count":"2"}': {"count": "Input should be a valid integer"},
    '{"name":"x","count":true}': {"count": "Input should be a valid integer"},
    '{"name":"x","day":"2026-02-30"}': {
        "day": f"{NO_DATE} in the format YYYY-MM-DD, day value is outside expected range"
    },
    '{"name":"x","day":1}': {"day": NO_DATE},
    # A reason in words of your own may quote the value.
    '{"name":"x","even":1}': {"even": "Not valid"},
    '{"name":"x","even":7}': {"even": "Must not be seven"},
    '{"name":"x","seats":[{"row":1},{"row":"a"}]}': {
        "seats.1.row": "Input should be a valid integer"
    },
    '{"name":"x","count":"a","notes":1}': {
        "count": "Input should be a valid integer",
        "notes": "Input should be a valid string",
    },
    # The client chose these names, and each may be a password.
    json.dumps({"name": "x", REFUSED: 1}): {"": "Extra inputs are not permitted"},
    json.dumps({"name": "x", "seats": [{"row": 1, REFUSED: 1}]}): {
        "seats.0": "Extra inputs are not permitted"
    },
    json.dumps({"name": "x", "prices": {REFUSED: "a"}}): {
        "prices": "Input should be a valid integer"
    },
}


@pytest.mark.asvs("2.2.1", "8.2.3", "15.3.3", "15.3.5")
def test_each_wrong_member_is_reported_with_the_reason(client: FlaskClient) -> None:
    assert {body: send(client, body) for body in WRONG} == {
        body: {"error": PLAIN_MESSAGES[400], "fields": fields} for body, fields in WRONG.items()
    }
    no_objects = ("null", "1.5", '["x"]', '"x"', "1")
    assert [body for body in no_objects if send(client, body)["fields"].keys() != {""}] == []


def test_development_names_a_member_that_the_model_does_not_declare(
    make_app: MakeApp, subtests: pytest.Subtests
) -> None:
    secret = access.takes_credentials
    plain = {
        "error": PLAIN_MESSAGES[400],
        "fields": {"": "Extra inputs are not permitted"},
    }
    hint = {"hint": "Seat declares no member 'titel'."}
    none = {"error": PLAIN_MESSAGES[400]}
    cases: list[tuple[dict[str, Any], Any, Any]] = [
        ({}, public, plain | hint),
        (PRODUCTION, public, plain),
        ({}, secret, none),
    ]
    for changes, mark, expected in cases:
        with subtests.test(changes=changes, mark=mark, expected=expected):
            app, view = make_app(**changes), public(mark(validated(Seat)(lambda seat: "")))
            app.add_url_rule(ORDERS, "seats", view, methods=["POST"])
            answer = app.test_client().post(ORDERS, json={"row": 1, "titel": REFUSED})
            assert answer.json == expected


@pytest.mark.asvs("16.5.1")
def test_no_value_is_repeated(client: FlaskClient) -> None:
    for member in Order.model_fields:
        for value in (REFUSED, [REFUSED], {REFUSED: REFUSED}, [{REFUSED: 1}], [{"row": REFUSED}]):
            send(client, json.dumps({"name": 1, member: value, REFUSED: value}))


def test_a_body_of_credentials_gets_no_details(client: FlaskClient) -> None:
    # A password may be in the wrong member.
    expected: dict[bytes | str, tuple[str, None]] = {
        **dict.fromkeys([*WRONG, *UNREADABLE], (PLAIN_MESSAGES[400], None)),
        **dict.fromkeys(LACKING.split(), (MISSING, None)),
    }
    answers = {body: send(client, body, CREDENTIALS) for body in expected}
    assert {body: (each["error"], each["fields"]) for body, each in answers.items()} == expected


def test_a_policy_turns_what_a_model_refuses_into_422_and_leaves_broken_json(
    make_app: MakeApp,
) -> None:
    client = with_views(make_app(INVALID_STATUS=422))
    bodies: list[bytes | str] = [*WRONG, *LACKING.split(), "null", "[]"]
    expected = dict.fromkeys(bodies, 422) | dict.fromkeys(UNREADABLE, 400)
    sent = {"content_type": "application/json"}
    answers = {body: client.post(ORDERS, data=body, **sent) for body in expected}
    assert {body: answer.status_code for body, answer in answers.items()} == expected
    wrong = '{"name":"x","count":"2"}'
    assert answers[wrong].json == {"error": PLAIN_MESSAGES[400], "fields": WRONG[wrong]}


def test_many_wrong_members_make_no_long_response(client: FlaskClient) -> None:
    body = json.dumps({"name": "x", "seats": [1] * 20_000})
    fields = send(client, body)["fields"]
    assert len(fields) == MAX_REPORTED
