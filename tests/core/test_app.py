"""Every route against odd requests: no crash, no error page of Werkzeug's, no bare answer."""

import gc
import re
import weakref
from collections.abc import Iterable
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask.database import db
from secure_flask.web.headers import HEADERS as FIXED
from sqlalchemy import text
from werkzeug.routing import Rule

from core.conftest import (
    OWN_PAGE,
    Configure,
    bring_back_user,
    every_token_type,
    is_logged_in,
    log_in,
    protect,
)

WRITES = ("POST", "PUT", "PATCH", "DELETE")
METHODS = ["GET", "HEAD", "OPTIONS", "POST", "DELETE", "ODD"]
# Those that views tell apart by a body, and one that has none.
WITH_BODY = ["GET", "POST", "DELETE"]
JSON, FORM = "application/json", "application/x-www-form-urlencoded"

BODIES: dict[str, tuple[bytes, str | None]] = {
    "nothing": (b"", None),
    "cut off": (b"{", JSON),
    "a list": (b'["x"]', JSON),
    "lists and objects for texts": (
        b'{"username": ["x"], "password": {"a": 1}, "title": ["x"]}',
        JSON,
    ),
    "lone surrogates": (
        b'{"username": "\\ud800", "password": "\\ud800", "title": "\\ud800"}',
        JSON,
    ),
    "the right form": (b'{"username": "x", "password": "x", "title": "x"}', JSON),
    "no UTF-8": (b"\xff\xfe", JSON),
    "nested deeply": (b"[" * 50_000, JSON),
    "too large": (b" " * 70_000, JSON),
    "an upload cut off": (b"--x\r\n\r\n", "multipart/form-data; boundary=x"),
    "an upload without a boundary": (b"--x--", "multipart/form-data"),
    "a form": (b"username=x&password=x&title=x", FORM),
    "a form of odd fields": (b"&&=&==&a&title&username=&username=&csrf_token=%00", FORM),
    "a form that is no UTF-8": (b"title=%ff", FORM),
    "a form of too many fields": (b"a&" * 2000, FORM),
}

HEADERS = [
    {"Host": "[::1", "X-Forwarded-For": "unknown", "X-Forwarded-Proto": "gopher"},
    {"Origin": "\u00e9", "Access-Control-Request-Method": "\u00e9"},
    {"Content-Type": "\u00e9; charset=none", "Accept": "\u00e9", "Transfer-Encoding": "\u00e9"},
    {"Authorization": "Bearer \u00e9", "Sec-Fetch-Site": "\u00e9"},
    {"Cookie": 'dev-session="\\377\u00e9; dev-flask=.eJ; =;', "Authorization": "Basic ="},
    {"Range": "bytes=9-1,-", "If-None-Match": '"', "If-Modified-Since": "never"},
]


@every_token_type
def test_the_core_takes_no_name_of_a_blueprint_that_an_app_may_choose(token_type: str) -> None:
    app = protect(Flask("shop"), TOKEN_TYPE=token_type)
    assert [name for name in app.blueprints if not name.startswith("secure_flask_")] == []


def paths(app: Flask) -> list[str]:
    """One address for each route, and one that leads nowhere."""
    return sorted({address(rule) for rule in app.url_map.iter_rules()} | {"/no"})


def address(rule: Rule) -> str:
    with_ids = re.sub("<uuid:[^>]*>", str(UUID(int=1)), rule.rule)
    return re.sub("<[^>]*>", "1", with_ids)


def faults(client: FlaskClient, methods: Iterable[str] = METHODS, **request: Any) -> list[str]:
    """What any route does wrong when it is called so."""
    calls = product(methods, paths(client.application))
    return [fault for call in calls for fault in faults_of(client, *call, **request)]


def faults_of(client: FlaskClient, method: str, path: str, **request: Any) -> list[str]:
    """What this call does wrong."""
    expected = {*FIXED, "Referrer-Policy", "Content-Security-Policy"}
    answer = client.open(path, method=method, **request)
    call = f"{method} {path}: {answer.status_code}"
    found = [f"{call} without {name}" for name in expected if name not in answer.headers]
    if answer.status_code >= 500:
        found.append(f"{call}, a crash")
    # As Werkzeug's own error pages begin, which may echo what was sent.
    werkzeugs = f"<!doctype html>\n<html lang=en>\n<title>{answer.status_code} "
    if answer.data.startswith(werkzeugs.encode()):
        found.append(f"{call} with an error page of Werkzeug's")
    return found


@pytest.mark.asvs("3.4.4", "16.5.1")
def test_no_body_breaks_a_route(client: FlaskClient, subtests: pytest.Subtests) -> None:
    for body, content_type in BODIES.values():
        with subtests.test(body=body, content_type=content_type):
            sent = {"data": body, "content_type": content_type, "headers": OWN_PAGE}
            assert faults(client, WITH_BODY, **sent) == [], body[:60]


@every_token_type
def test_no_body_of_a_user_breaks_a_route(
    app: Flask,
    client: FlaskClient,
    configure: Configure,
    subtests: pytest.Subtests,
) -> None:
    configure(app, LOGIN_RATE_LIMIT="1000 per minute")
    rules = app.url_map.iter_rules()
    calls = {(method, address(rule)) for rule in rules for method in rule.methods or ()}
    credentials: dict[str, str] = {}
    for body, content_type in BODIES.values():
        for method, path in sorted(call for call in calls if call[0] in WRITES):
            with subtests.test(body=body, content_type=content_type, method=method, path=path):
                # Some routes end the login, and some its user.
                if not is_logged_in(client, credentials):
                    bring_back_user(app)
                    credentials = log_in(client)
                sent = {"data": body, "content_type": content_type, "headers": credentials}
                assert faults_of(client, method, path, **sent) == [], body[:60]


@pytest.mark.slow
@every_token_type
def test_no_header_or_query_breaks_a_route(app: Flask, subtests: pytest.Subtests) -> None:
    # A client that keeps cookies would leave out the header of that name.
    client = app.test_client(use_cookies=False)
    query = "v=%00&%ff=%ed%a0%80&next=//evil.example&" + "a" * 9000
    for headers in HEADERS:
        with subtests.test(headers=headers):
            assert faults(client, headers=headers, query_string=query) == [], headers
    for length in ("-1", "x", "9" * 30):
        with subtests.test(length=length):
            stated = {"CONTENT_LENGTH": length}
            assert faults(client, environ_overrides=stated, content_type=JSON) == []


def test_an_app_that_nobody_holds_is_freed() -> None:
    def used_app() -> weakref.ref[Flask]:
        app = protect(Flask("shop"), access_log=True)
        app.test_client().get("/healthz")
        with app.app_context():
            db.session.execute(text("SELECT 1"))
            db.session.remove()
        return weakref.ref(app)

    app = used_app()
    gc.collect()
    assert app() is None
