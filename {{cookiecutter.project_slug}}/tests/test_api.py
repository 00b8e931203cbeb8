"""The example of an API, as its client sees it."""

import pytest
from flask.testing import FlaskClient

from tests.conftest import USERNAME

Headers = dict[str, str]


def test_a_stranger_is_asked_to_log_in(client: FlaskClient) -> None:
    answer = client.post("/api/greetings", json={"to": "Grace"})
    assert (answer.status_code, answer.json) == (401, {"error": "Authentication required"})
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_user_greets(client: FlaskClient, credentials: Headers) -> None:
    answer = client.post("/api/greetings", json={"to": "Grace"}, headers=credentials)
    assert answer.json == {"greeting": f"{USERNAME} greets Grace"}


def test_what_was_sent_comes_back_as_data(client: FlaskClient, credentials: Headers) -> None:
    answer = client.post("/api/greetings", json={"to": "<script>"}, headers=credentials)
    assert answer.content_type == "application/json"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "no-store" in answer.headers["Cache-Control"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "Missing required fields"),
        ({"to": 1}, "Invalid request"),
        ({"to": "x" * 81}, "Invalid request"),
        ({"to": "Grace", "from": "Eve"}, "Invalid request"),
    ],
)
def test_another_body_is_refused(
    client: FlaskClient, credentials: Headers, body: object, words: str
) -> None:
    answer = client.post("/api/greetings", json=body, headers=credentials)
    assert (answer.status_code, answer.json) == (400, {"error": words})
