"""Every route against odd requests: no crash, no page for a program, no bare answer."""

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

METHODS = ["GET", "HEAD", "OPTIONS", "POST", "DELETE", "ODD"]
JSON = "application/json"


def paths(app: Flask) -> list[str]:
    """One address for each route, and one that leads nowhere."""
    return sorted(
        {re.sub("<[^>]*>", "1", rule.rule) for rule in app.url_map.iter_rules()} | {"/no"}
    )


def faults(client: FlaskClient, **request: Any) -> list[str]:
    """What any route does wrong when it is called so, by any method."""
    app = client.application
    expected = {*app.config["HEADERS"], "Referrer-Policy", "Content-Security-Policy"}
    found = []
    for path in paths(app):
        for method in METHODS:
            answer = client.open(path, method=method, **request)
            call = f"{method} {path}: {answer.status_code}"
            found += [f"{call} without {name}" for name in expected if name not in answer.headers]
            if answer.status_code >= 500:
                found.append(call)
            if answer.status_code >= 400 and answer.content_type != JSON:
                found.append(f"{call} as {answer.content_type}")
    return found


@pytest.mark.asvs("3.4.4", "16.5.1")
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", None),
        (b"{", JSON),
        (b'["x"]', JSON),
        (b'{"username": "\\ud800", "password": "\\ud800", "to": "\\ud800"}', JSON),
        (b'{"username": "x", "password": "x", "to": "x"}', JSON),
        (b"\xff\xfe", JSON),
        (b"[" * 50_000, JSON),
        (b" " * 70_000, JSON),
        (b"--x\r\n\r\n", "multipart/form-data; boundary=x"),
    ],
    ids=[
        "nothing",
        "cut off",
        "a list",
        "lone surrogates",
        "the right form",
        "no UTF-8",
        "nested deeply",
        "too large",
        "an upload cut off",
    ],
)
def test_no_body_breaks_a_route(client: FlaskClient, body: bytes, content_type: str | None) -> None:
    assert faults(client, data=body, content_type=content_type) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "[::1", "X-Forwarded-For": "unknown", "X-Forwarded-Proto": "gopher"},
        {"Origin": "\u00e9", "Access-Control-Request-Method": "\u00e9"},
        {"Content-Type": "\u00e9; charset=none", "Accept": "\u00e9", "Transfer-Encoding": "\u00e9"},
        {"Authorization": "Bearer \u00e9", "X-CSRF-Token": "\u00e9"},
        {"Cookie": 'dev-session="\\377\u00e9; dev-flask=.eJ; =;', "Authorization": "Basic ="},
        {"Range": "bytes=9-1,-", "If-None-Match": '"', "If-Modified-Since": "never"},
    ],
    ids=lambda headers: ", ".join(headers),
)
def test_no_header_breaks_a_route(client: FlaskClient, headers: dict[str, str]) -> None:
    assert faults(client, headers=headers) == []


@pytest.mark.parametrize("length", ["-1", "x", "9" * 30])
def test_no_stated_length_breaks_a_route(client: FlaskClient, length: str) -> None:
    assert faults(client, environ_overrides={"CONTENT_LENGTH": length}, content_type=JSON) == []


def test_no_query_breaks_a_route(client: FlaskClient) -> None:
    assert (
        faults(client, query_string="v=%00&%ff=%ed%a0%80&next=//evil.example&" + "a" * 9000) == []
    )
