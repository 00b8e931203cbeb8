"""The example route of app/api.py, as its client sees it."""

import pytest
from flask.testing import FlaskClient

from tests.conftest import USERNAME

GREETINGS = "/api/greetings"

BODIES: list[dict[str, object]] = [
    {},
    {"to": 1},
    {"to": "x" * 81},
    {"to": "Grace", "from": "Eve"},
]


def test_a_stranger_is_asked_to_log_in(client: FlaskClient) -> None:
    assert client.post(GREETINGS, json={"to": "Grace"}).status_code == 401


def test_a_user_greets_and_markup_comes_back_as_data(
    client: FlaskClient, credentials: dict[str, str]
) -> None:
    answer = client.post(GREETINGS, json={"to": "<b>Grace</b>"}, headers=credentials)
    assert answer.json == {"greeting": f"{USERNAME} greets <b>Grace</b>"}
    assert answer.content_type == "application/json"


def test_another_body_is_refused(
    client: FlaskClient, credentials: dict[str, str], subtests: pytest.Subtests
) -> None:
    for body in BODIES:
        with subtests.test(body=body):
            assert client.post(GREETINGS, json=body, headers=credentials).status_code == 400
