"""Every route against odd requests: no crash, no error page of Werkzeug's, no bare answer."""

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

METHODS = ["GET", "HEAD", "OPTIONS", "POST", "DELETE", "ODD"]
JSON = "application/json"

BODIES: dict[str, tuple[bytes, str | None]] = {
    "nothing": (b"", None),
    "cut off": (b"{", JSON),
    "a list": (b'["x"]', JSON),
    "lone surrogates": (
        b'{"username": "\\ud800", "password": "\\ud800", "title": "\\ud800"}',
        JSON,
    ),
    "the right form": (b'{"username": "x", "password": "x", "title": "x"}', JSON),
    "no UTF-8": (b"\xff\xfe", JSON),
    "nested deeply": (b"[" * 50_000, JSON),
    "too large": (b" " * 70_000, JSON),
    "an upload cut off": (b"--x\r\n\r\n", "multipart/form-data; boundary=x"),
}

HEADERS = [
    {"Host": "[::1", "X-Forwarded-For": "unknown", "X-Forwarded-Proto": "gopher"},
    {"Origin": "\u00e9", "Access-Control-Request-Method": "\u00e9"},
    {"Content-Type": "\u00e9; charset=none", "Accept": "\u00e9", "Transfer-Encoding": "\u00e9"},
    {"Authorization": "Bearer \u00e9", "X-CSRF-Token": "\u00e9"},
    {"Cookie": 'dev-session="\\377\u00e9; dev-flask=.eJ; =;', "Authorization": "Basic ="},
    {"Range": "bytes=9-1,-", "If-None-Match": '"', "If-Modified-Since": "never"},
]


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
                found.append(f"{call}, a crash")
            # As Werkzeug's own error pages begin, which may echo what was sent.
            werkzeugs = f"<!doctype html>\n<html lang=en>\n<title>{answer.status_code} "
            if answer.data.startswith(werkzeugs.encode()):
                found.append(f"{call} with an error page of Werkzeug's")
    return found


@pytest.mark.asvs("3.4.4", "16.5.1")
def test_no_body_breaks_a_route(client: FlaskClient, subtests: pytest.Subtests) -> None:
    for name, (body, content_type) in BODIES.items():
        with subtests.test(name):
            assert faults(client, data=body, content_type=content_type) == []


def test_no_header_breaks_a_route(client: FlaskClient, subtests: pytest.Subtests) -> None:
    for headers in HEADERS:
        with subtests.test(", ".join(headers)):
            assert faults(client, headers=headers) == []
    for length in ("-1", "x", "9" * 30):
        with subtests.test(length=length):
            stated = {"CONTENT_LENGTH": length}
            assert faults(client, environ_overrides=stated, content_type=JSON) == []


def test_no_query_breaks_a_route(client: FlaskClient) -> None:
    query = "v=%00&%ff=%ed%a0%80&next=//evil.example&" + "a" * 9000
    assert faults(client, query_string=query) == []
