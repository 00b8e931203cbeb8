"""The access log, as a collector reads it: one line per request, and nobody in it."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask.auth.access import login_required

from core import routes
from core.conftest import LOGIN, PASSWORD, PRODUCTION, USERNAME, Lines, MakeApp, log_in

FIELDS = [
    *("datetime", "level", "event", "request_id", "request_method", "route"),
    *("status", "milliseconds", "bytes", "logger"),
]


@pytest.fixture(scope="module")
def shared_app(make_app: MakeApp) -> Flask:
    app = make_app(**PRODUCTION, access_log=True)
    app.add_url_rule("/_test/<code>", "private", login_required(lambda code: code))
    return app


def test_a_request_is_one_line_without_query_path_values_or_names(
    client: FlaskClient, lines: Lines
) -> None:
    headers = log_in(client)
    lines()
    for method, path, route in (
        ("GET", routes.ME, routes.ME),
        ("GET", "/_test/31337", "/_test/<code>"),
        ("GET", "/_test/31337/", "(no route)"),
        ("POST", routes.LOGIN, routes.LOGIN),
    ):
        query, body = {"name": USERNAME}, {**LOGIN, "password": f"not {PASSWORD}"}
        sent = body if method == "POST" else None
        response = client.open(path, method=method, query_string=query, headers=headers, json=sent)
        [line] = [line for line in lines() if line["logger"] == "secure_flask.access"]
        assert sorted(line) == sorted(FIELDS)
        assert line["event"] == "request"
        assert (line["request_method"], line["route"]) == (method, route)
        assert (line["status"], line["bytes"]) == (response.status_code, len(response.data))
        # Neither is an id or a time that holds such letters or digits by chance.
        assert line.pop("request_id") == response.headers["X-Request-ID"]
        assert line.pop("datetime")
        assert isinstance(line["milliseconds"], float)
        assert not [word for word in (USERNAME, "31337", PASSWORD) if word in str(line)]


def test_there_is_none_unless_it_is_asked_for(make_app: MakeApp, lines: Lines) -> None:
    make_app(**PRODUCTION).test_client().get("/_test/page")
    assert lines() == []


def test_a_level_of_warning_leaves_it_in(make_app: MakeApp, lines: Lines) -> None:
    app = make_app(**PRODUCTION, access_log=True, log_level="WARNING")
    app.test_client().get("/_test/page")
    assert [line["event"] for line in lines()] == ["request"]
