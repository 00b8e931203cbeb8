"""Reports of browsers: taken from anybody, and harmless whoever sends them."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from limits import parse
from werkzeug.test import TestResponse

from app.csp_reports import endpoint, table
from app.db import Model, db
from tests.conftest import PRODUCTION, Lines, MakeApp

OLD = {
    "csp-report": {
        "document-uri": "https://www.example.org/",
        "blocked-uri": "https://evil.example/x.js",
        "effective-directive": "script-src-elem",
        "disposition": "enforce",
    }
}
NEW = {
    "type": "csp-violation",
    "body": {
        "documentURL": "https://www.example.org/",
        "blockedURL": "https://evil.example/x.js",
        "effectiveDirective": "script-src-elem",
        "disposition": "enforce",
    },
}
AS_KEPT = {
    "directive": "script-src-elem",
    "blocked": "https://evil.example",
    "page": "/",
    "disposition": "enforce",
}


def post(
    client: FlaskClient, body: Any, content_type: str = "application/reports+json", **options: Any
) -> TestResponse:
    data = body if isinstance(body, bytes) else json.dumps(body)
    return client.post("/csp-reports", data=data, content_type=content_type, **options)


def of(blocked: str) -> dict[str, object]:
    return {"body": {**NEW["body"], "blockedURL": blocked}}  # type: ignore[dict-item]


def stored(client: FlaskClient) -> dict[str, int]:
    """How often each thing was blocked, by the table."""
    with client.application.app_context():
        return {row.blocked: row.times for row in table.most_frequent()}


def logged(caplog: pytest.LogCaptureFixture) -> list[dict[str, str]]:
    """Each violation in the log; a line that is not one whole report fails."""
    lines = [record.getMessage() for record in caplog.records if record.name == "app"]
    return [json.loads(line.removeprefix("csp violation ")) for line in lines]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (OLD, "application/csp-report"),
        (NEW, "application/reports+json"),
        ([NEW], "application/reports+json"),
        ([NEW], "application/json; charset=utf-8"),
    ],
    ids=["report-uri", "report-to, one", "report-to, a list", "as JSON"],
)
def test_either_format_is_counted_and_one_line_in_the_log(
    client: FlaskClient, caplog: pytest.LogCaptureFixture, body: Any, content_type: str
) -> None:
    answer = post(client, body, content_type)
    assert (answer.status_code, answer.data) == (204, b"")
    assert logged(caplog) == [AS_KEPT]
    assert stored(client) == {"https://evil.example": 1}


def test_a_browser_reports_from_any_site(client: FlaskClient) -> None:
    headers = {"Origin": "null", "Sec-Fetch-Site": "cross-site"}
    answer = client.post("/csp-reports", json=NEW, headers=headers)
    assert answer.status_code == 204


def test_a_flood_in_one_body_is_cut(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    assert post(client, [of(f"https://{n}.example") for n in range(60)]).status_code == 204
    assert (len(logged(caplog)), len(stored(client))) == (20, 20)


def test_the_same_many_times_in_one_body_is_one_line(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    post(client, [NEW] * 3)
    assert logged(caplog) == [AS_KEPT]
    assert stored(client) == {"https://evil.example": 3}


MALFORMED = {
    "empty": b"",
    "cut off": b"{",
    "no UTF-8": b"\xff",
    "nested deeply": b"[" * 16_000,
    "a huge number": b"1" * 5000,
}


def test_a_malformed_body_is_refused(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    answers = {slip: post(client, body) for slip, body in MALFORMED.items()}
    got = {slip: (answer.status_code, answer.text) for slip, answer in answers.items()}
    assert got == dict.fromkeys(MALFORMED, (400, '{"error":"Invalid request"}\n'))
    assert logged(caplog) == []


def test_json_that_is_no_report_leaves_no_trace(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    for body in (None, 1, "x", [], ["x"], [[NEW]], {}, {"body": "x"}, {"csp-report": [OLD]}):
        assert (body, post(client, body).status_code) == (body, 204)
    assert (logged(caplog), stored(client)) == ([], {})


def test_a_body_beyond_16_kib_is_refused(client: FlaskClient) -> None:
    assert post(client, b" " * (16 * 1024 + 1)).status_code == 413


def test_another_type_is_refused(client: FlaskClient) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded", ""):
        assert post(client, NEW, content_type).status_code == 415


def test_an_address_may_post_once_a_second(client: FlaskClient) -> None:
    statuses = [post(client, []).status_code for _ in range(61)]
    assert statuses == [204] * 60 + [429]


def test_one_address_cannot_fill_the_log_and_all_is_counted(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    reported = [of(f"https://{number}.example") for number in range(20)]
    for _ in range(10):
        post(client, reported)
    assert len(logged(caplog)) == endpoint.LOG_LIMIT_PER_ADDRESS.amount
    assert sum(stored(client).values()) == 200


def test_many_addresses_cannot_fill_the_log(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(endpoint.LOG_LIMIT.amount + 5):
        post(client, NEW, environ_base={"REMOTE_ADDR": f"2001:db8:0:{number:x}::1"})
    assert len(logged(caplog)) == endpoint.LOG_LIMIT.amount


def test_many_addresses_cannot_keep_the_database_busy(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "STORE_LIMIT", parse("3 per minute"))
    for number in range(5):
        caller = {"REMOTE_ADDR": f"192.0.2.{number}"}
        assert post(client, NEW, environ_base=caller).status_code == 204
    assert stored(client) == {"https://evil.example": 3}


def test_without_the_database_reports_are_taken_and_the_log_tells_why(
    make_app: MakeApp, lines: Lines
) -> None:
    app = make_app(**PRODUCTION)
    with app.app_context():
        Model.metadata.drop_all(db.engine)
    assert post(app.test_client(), NEW).status_code == 204
    told = {line["event"].partition(" {")[0] for line in lines()}
    assert told == {"csp violation", "sys_crash"}
