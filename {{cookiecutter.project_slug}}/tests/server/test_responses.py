"""What gunicorn itself tells a client."""

import json

import pytest

from app import policy, shutdown
from app.security import csp
from app.server import responses
from tests.server.conftest import Exchange

GOOD = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
INVALID = b"GET /?password=secret HTTP/1.1\r\nTransfer-Encoding: secret\r\n\r\n"


@pytest.mark.asvs("13.4.6")
def test_gunicorn_does_not_name_itself(exchange: Exchange) -> None:
    head = exchange(GOOD).lower()
    assert head.startswith("http/1.1 200 ok\r\n")
    assert "date: " in head
    assert "server" not in head
    assert "gunicorn" not in head


def test_a_connection_is_kept_until_shutdown(exchange: Exchange) -> None:
    assert "\r\nConnection: keep-alive\r\n" in exchange(GOOD)
    shutdown.begin()
    assert "\r\nConnection: close\r\n" in exchange(GOOD)


def test_a_request_that_gunicorn_refuses_gets_json_without_an_echo(exchange: Exchange) -> None:
    head, _, body = exchange(INVALID).partition("\r\n\r\n")
    status, *headers = head.split("\r\n")
    assert status == "HTTP/1.1 501 Not Implemented"
    assert json.loads(body) == {"error": "Not Implemented"}
    assert {"Content-Type: application/json", f"Content-Length: {len(body)}"} <= set(headers)
    inert = {"Content-Security-Policy": csp.INERT, "X-Frame-Options": "DENY"}
    protections = {**policy.HEADERS, **policy.OTHER_HEADERS, **inert}
    assert {f"{name}: {value}" for name, value in protections.items()} <= set(headers)


@pytest.mark.parametrize("production", [False, True])
def test_a_refusal_names_https_in_production_alone(exchange: Exchange, production: bool) -> None:
    responses.install(production=production)
    assert ("Strict-Transport-Security: " in exchange(INVALID)) == production
