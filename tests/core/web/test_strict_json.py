"""What a client gets for JSON of two meanings or without end, in a view that reads by Flask."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import flask
import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from secure_flask.auth.access import public
from secure_flask.web import strict_json
from secure_flask.web.responses import consumes
from secure_flask.web.strict_json import MAX_DEPTH

from core.conftest import MakeApp

PATH = "/_test/json"


@pytest.fixture(scope="module")
def app(make_app: MakeApp) -> Flask:
    app = make_app()

    @app.post(PATH)
    @public
    @consumes("application/json")
    def echo() -> Any:
        return {"read": request.get_json()}

    return app


def nested(depth: int) -> Any:
    return [nested(depth - 1)] if depth > 1 else []


def status(client: FlaskClient, text: str | bytes) -> int:
    return client.post(PATH, data=text, content_type="application/json").status_code


def test_a_view_that_reads_json_by_flask_refuses_a_duplicate_member(client: FlaskClient) -> None:
    assert status(client, '{"a": 1, "b": [{"a": 1}]}') == 200
    assert status(client, '{"a": 1, "a": 2}') == 400
    assert status(client, '{"b": [{"a": 1, "a": 1}]}') == 400


def test_a_number_is_finite(client: FlaskClient) -> None:
    for text in ("1.5", "-1e300", "[1, 2]", '"NaN"'):
        assert status(client, text) == 200
    for text in ("NaN", '{"price": NaN}', "[Infinity]", "-Infinity", "1e999", "[-1e999]"):
        assert (text, status(client, text)) == (text, 400)


def test_json_is_nested_as_deep_as_allowed_and_no_deeper(client: FlaskClient) -> None:
    for depth, expected in ((MAX_DEPTH, 200), (MAX_DEPTH + 1, 400), (10_000, 400)):
        assert status(client, "[" * depth + "]" * (depth - 1) + ",[]]") == expected
        assert status(client, '{"a":' * (depth - 1) + "{}" + "}" * (depth - 1)) == expected


def test_long_lists_and_brackets_in_strings_are_not_deep(client: FlaskClient) -> None:
    flat: list[Any] = [[], {}] * MAX_DEPTH
    brackets = ["[{" * MAX_DEPTH, '"[' * MAX_DEPTH, "\\[" * MAX_DEPTH, "]" * MAX_DEPTH]
    for value in (flat, brackets, {text: text for text in brackets}, *brackets):
        assert client.post(PATH, json=value).json == {"read": value}


def test_deep_json_is_refused_before_it_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    def parse(*args: Any, **kwargs: Any) -> None:
        pytest.fail("it was parsed")

    deep = json.dumps(nested(MAX_DEPTH + 1))
    monkeypatch.setattr(json, "loads", parse)
    # What stops being JSON later, and a string that hides nothing.
    for text in (deep, deep[: MAX_DEPTH + 1], f'["\\"", {deep}', f'["]]]]", {deep}]', "[" * 60_000):
        with pytest.raises(ValueError, match="nested too deeply"):
            strict_json.loads(text)


def test_options_are_obeyed_or_refused(app: Flask) -> None:
    with app.app_context():
        assert flask.json.loads("[0.1]", parse_float=str) == ["0.1"]
        for option in ("object_hook", "object_pairs_hook", "parse_constant"):
            with pytest.raises(TypeError, match=option):
                flask.json.loads("{}", **{option: dict})


def test_bytes_that_are_not_utf_8_are_refused(client: FlaskClient) -> None:
    assert status(client, '"\u00e9"'.encode()) == 200
    for encoding in ("latin-1", "utf-16", "utf-8-sig"):
        assert status(client, '"\u00e9"'.encode(encoding)) == 400


def test_half_of_a_surrogate_pair_is_refused(client: FlaskClient) -> None:
    # No database and no file takes it.
    for text in (r'"\ud800"', r'{"\udfff": 1}', r'["\ud800\ud83d\ude80"]', '"\\uD83D"'):
        assert (text, status(client, text)) == (text, 400)
    for text in (r'"\ud83d\ude80"', r'"\\ud800"', r'"\u0041"'):
        assert (text, status(client, text)) == (text, 200)


def test_dates_go_out_as_the_openapi_document_describes_them(app: Flask) -> None:
    noon = datetime(2027, 2, 1, 12, tzinfo=UTC)
    with app.app_context():
        sent = flask.json.dumps([noon.date(), noon, noon.time(), Decimal("1.5"), UUID(int=1)])
    assert json.loads(sent) == [
        *("2027-02-01", "2027-02-01T12:00:00+00:00", "12:00:00", "1.5"),
        "00000000-0000-0000-0000-000000000001",
    ]
