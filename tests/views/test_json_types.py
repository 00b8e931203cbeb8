"""Members of a wrong type in JSON, which made views of Flask-Security crash in 2026."""

from collections.abc import Iterator
from itertools import product
from typing import Any

from flask.testing import FlaskClient

from core import routes
from views.conftest import Wait, log_in

WRONG: list[Any] = [["x"], {"a": 1}, 1.5]
# What another member holds meanwhile: right for a text, and long enough for a password.
TEXT = "an ordinary text"


def test_a_member_of_a_wrong_type_is_refused_wherever_json_is_sent(
    client: FlaskClient, wait: Wait
) -> None:
    described = client.get(routes.OPENAPI).get_json()
    # An address with an id leads to nothing here.
    calls = {call: texts for call, texts in _calls(described) if "{" not in call[1]}
    statuses = {
        (*call, name, str(wrong)): _status(
            client, wait, call, {**dict.fromkeys(texts, TEXT), name: wrong}
        )
        for call, texts in calls.items()
        for name, wrong in product(texts, WRONG)
    }
    assert {routes.LOGIN, routes.PASSWORD} <= {path for _, path in calls}
    assert statuses == dict.fromkeys(statuses, 400)


def _calls(described: Any) -> Iterator[tuple[tuple[str, str], list[str]]]:
    """Each method and path that takes JSON, with the members that are texts."""
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            contents = operation.get("requestBody", {}).get("content", {})
            if schema := contents.get("application/json", {}).get("schema"):
                yield (method, path), list(_texts(described, _resolved(described, schema)))


def _texts(described: Any, schema: Any) -> Iterator[str]:
    for name, each in schema.get("properties", {}).items():
        kinds = [_resolved(described, kind) for kind in each.get("anyOf", [each])]
        if any(kind.get("type") == "string" for kind in kinds):
            yield name


def _resolved(described: Any, schema: Any) -> Any:
    name = schema.get("$ref", "").rpartition("/")[2]
    return described["components"]["schemas"][name] if name else schema


def _status(client: FlaskClient, wait: Wait, call: tuple[str, str], body: dict[str, Any]) -> int:
    # The limits of the routes are for a minute, and some ask for a recent login.
    wait(60)
    method, path = call
    credentials = log_in(client)
    return client.open(path, method=method, json=body, headers=credentials).status_code
