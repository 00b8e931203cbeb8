"""What a client gets for JSON of two meanings or without end, in a view that reads by Flask."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import flask
import pytest
from flask import Flask, request
from flask.json.provider import DefaultJSONProvider
from flask.testing import FlaskClient
from pydantic import RootModel
from secure_flask.auth.access import public
from secure_flask.web.origins import PolicyError
from secure_flask.web.responses import consumes
from secure_flask.web.validation import validated

from core.conftest import MakeApp, protect

PATH, MODELLED = "/_test/json", "/_test/modelled"
MAX_DEPTH = 201


class Anything(RootModel[Any]):
    """A model that takes each value, so that only the reading of the text refuses one."""


@pytest.fixture(scope="module")
def app(make_app: MakeApp) -> Flask:
    app = make_app()

    @app.post(PATH)
    @public
    @consumes("application/json")
    def echo() -> Any:
        return {"read": request.get_json()}

    @app.post(MODELLED)
    @public
    @validated(Anything)  # type: ignore[arg-type]
    def repeat(body: Anything) -> Any:
        return {"read": body.root}

    return app


TAKEN = {
    "different members": '{"a": 1, "b": [{"a": 1}]}',
    "finite numbers": '[1.5, -1e300, 1, "NaN"]',
    "UTF-8": '"\u00e9"'.encode(),
    "a whole surrogate pair": r'"\ud83d\ude80"',
    "an escaped backslash": r'"\\ud800"',
    "deep lists": "[" * MAX_DEPTH + "]" * (MAX_DEPTH - 1) + ",[]]",
    "deep objects": '{"a":' * (MAX_DEPTH - 1) + "{}" + "}" * (MAX_DEPTH - 1),
}
REFUSED = {
    "a duplicate member": '{"a": 1, "a": 2}',
    "a duplicate member further in": '{"b": [{"a": 1, "a": 1}]}',
    "NaN": "NaN",
    "NaN further in": '{"price": NaN}',
    "infinity": "[Infinity]",
    "minus infinity": "-Infinity",
    "a number that becomes infinite": "1e999",
    "one that becomes minus infinity": "[-1e999]",
    "latin-1": '"\u00e9"'.encode("latin-1"),
    "utf-16": '"\u00e9"'.encode("utf-16"),
    "a byte order mark": '"\u00e9"'.encode("utf-8-sig"),
    # Half of a pair is no character: no database and no file takes it.
    "the first half of a pair": r'"\ud800"',
    "the second half": r'{"\udfff": 1}',
    "half before a pair": r'["\ud800\ud83d\ude80"]',
    "half of a pair in capitals": '"\\uD83D"',
    "deeper lists": "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1),
    "deeper objects": '{"a":' * MAX_DEPTH + "{}" + "}" * MAX_DEPTH,
    "lists without end": "[" * 60_000,
    "depth behind a quote in a text": r'["\"", ' + "[" * MAX_DEPTH,
    "depth behind brackets in a text": '["]]]]", ' + "[" * MAX_DEPTH,
}


@pytest.mark.asvs("15.3.7")
@pytest.mark.parametrize("path", [PATH, MODELLED], ids=["by Flask", "by a model"])
def test_a_view_gets_json_of_one_meaning(client: FlaskClient, path: str) -> None:
    got = {
        case: client.post(path, data=text, content_type="application/json").status_code
        for case, text in (TAKEN | REFUSED).items()
    }
    assert got == dict.fromkeys(TAKEN, 200) | dict.fromkeys(REFUSED, 400)


def test_long_lists_and_brackets_in_strings_are_not_deep(client: FlaskClient) -> None:
    flat: list[Any] = [[], {}] * MAX_DEPTH
    brackets = ["[{" * MAX_DEPTH, '"[' * MAX_DEPTH, "\\[" * MAX_DEPTH, "]" * MAX_DEPTH]
    values = [flat, brackets, {text: text for text in brackets}, *brackets]
    assert [client.post(PATH, json=value).json for value in values] == [
        {"read": value} for value in values
    ]


def test_options_are_obeyed_or_refused(app: Flask) -> None:
    with app.app_context():
        assert flask.json.loads("[0.1]", parse_float=str) == ["0.1"]
        with pytest.raises(TypeError, match="object_hook"):
            flask.json.loads("{}", object_hook=dict)
        with pytest.raises(TypeError, match="object_pairs_hook"):
            flask.json.loads("{}", object_pairs_hook=dict)


def test_dates_go_out_as_the_openapi_document_describes_them(app: Flask) -> None:
    noon = datetime(2027, 2, 1, 12, tzinfo=UTC)
    with app.app_context():
        sent = flask.json.dumps([noon.date(), noon, noon.time(), Decimal("1.5"), UUID(int=1)])
    assert json.loads(sent) == [
        *("2027-02-01", "2027-02-01T12:00:00+00:00", "12:00:00", "1.5"),
        "00000000-0000-0000-0000-000000000001",
    ]


def test_an_app_keeps_its_own_json_which_reads_as_strictly() -> None:
    class Own(DefaultJSONProvider):
        def dumps(self, obj: Any, **options: Any) -> str:
            return f"own {super().dumps(obj, **options)}"

        def loads(self, s: str | bytes, **options: Any) -> Any:
            return json.loads(s)

    class Shop(Flask):
        json_provider_class = Own

    app = Shop("shop")
    app.json.sort_keys = False  # type: ignore[attr-defined]
    assert protect(app).json.dumps({"b": 1, "a": 2}) == 'own {"b": 1, "a": 2}'
    assert isinstance(app.json_provider_class(app), Own)
    with pytest.raises(ValueError, match="duplicated"):
        app.json.loads('{"a": 1, "a": 2}')


def test_json_that_comes_later_is_refused_unless_it_builds_on_the_strict_one(
    make_app: MakeApp,
    subtests: pytest.Subtests,
) -> None:
    app = make_app(fill=False)
    app.json_provider_class = type("Own", (app.json_provider_class,), {})
    app.json = app.json_provider_class(app)
    assert app.test_client().get("/").status_code == 200
    app.json = DefaultJSONProvider(app)
    says = r"app\.json was replaced after"
    for number in range(2):
        with subtests.test(number=number), pytest.raises(PolicyError, match=says):
            app.test_client().get("/")
