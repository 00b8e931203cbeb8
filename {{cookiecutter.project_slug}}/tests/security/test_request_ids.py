"""`X-Request-ID`: in the answer and in its lines, and never a client's choice."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import LOGIN, PRODUCTION, Lines, MakeApp

SENT = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app(**PRODUCTION)


def id_for(client: FlaskClient, sent: str) -> str:
    return client.get("/healthz", headers={"X-Request-ID": sent}).headers["X-Request-ID"]


def test_every_answer_has_one_of_its_own(client: FlaskClient) -> None:
    paths = ("/", "/healthz", "/me", "/nowhere", "/static/page.css", "/login")
    ids = {client.get(path).headers["X-Request-ID"] for path in paths}
    assert len(ids) == len(paths)
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in ids)


@pytest.mark.asvs("16.2.1", "16.2.4")
def test_the_lines_of_a_request_have_that_of_its_answer(
    app: Flask, client: FlaskClient, lines: Lines
) -> None:
    app.before_request(lambda: app.logger.warning("on the way"))
    answers = [client.post("/login", json=LOGIN) for _ in range(2)]
    expected = [answer.headers["X-Request-ID"] for answer in answers for _ in range(2)]
    assert [line["request_id"] for line in lines()] == expected


def test_a_clients_own_is_replaced(client: FlaskClient) -> None:
    assert id_for(client, SENT) != SENT


def test_a_trusted_proxys_is_kept(make_app: MakeApp, lines: Lines) -> None:
    client = make_app(**PRODUCTION, proxy_hops=1).test_client()
    answer = client.post("/login", json=LOGIN, headers={"X-Request-ID": SENT})
    assert answer.headers["X-Request-ID"] == SENT
    assert [line["request_id"] for line in lines()] == [SENT]


@pytest.mark.parametrize(
    "odd",
    ["", "short", "a" * 65, f"{SENT} ", f"{SENT}, {SENT}", f'{SENT[:-1]}"', "é" * 16, "x" * 15],
)
def test_an_odd_one_is_replaced_whoever_sends_it(make_app: MakeApp, odd: str) -> None:
    client = make_app(**PRODUCTION, proxy_hops=1).test_client()
    assert re.fullmatch("[0-9a-f]{32}", id_for(client, odd))
