"""Reports of browsers: accepted from any client, and harmless from any client."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from limits import parse
from secure_flask.csp_reports import endpoint, violations
from secure_flask.database import Model, db
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from core import routes
from core.conftest import PRODUCTION, Lines, MakeApp, away

PATH = routes.REPORTS
TYPE = "application/reports+json"
KEPT = "https://evil.example"
MALFORMED = [b"", b"{", b"\xff", b"[" * 16_000, b"1" * 5000]


def report(blocked: str = "https://evil.example/x.js") -> dict[str, object]:
    said = {"effectiveDirective": "script-src-elem", "documentURL": "https://www.example.org/"}
    return {"body": {**said, "blockedURL": blocked}}


def post(client: FlaskClient, body: Any, content_type: str = TYPE, **options: Any) -> TestResponse:
    data = body if isinstance(body, bytes) else json.dumps(body)
    return client.post(PATH, data=data, content_type=content_type, **options)


def stored(client: FlaskClient) -> dict[str, int]:
    """How often each thing was blocked, by the table."""
    with client.application.app_context():
        return {row.blocked: row.count for row in violations.most_frequent_violations()}


def test_a_report_is_kept_without_what_it_says_of_the_visitor(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    answers = [
        post(client, report(), "application/csp-report"),
        post(client, report(), TYPE),
        post(client, [report()] * 3, "application/json; charset=utf-8"),
    ]
    assert [(answer.status_code, answer.data) for answer in answers] == [(204, b"")] * 3
    assert stored(client) == {KEPT: 5}
    assert "x.js" not in caplog.text


def test_what_was_blocked_is_logged_when_it_is_reported_first(
    make_app: MakeApp, lines: Lines
) -> None:
    client = make_app(**PRODUCTION).test_client()
    first = {
        "event": "malicious_csp_violation",
        "level": "warning",
        "directive": "script-src-elem",
        "blocked": KEPT,
        "page": "/",
        "disposition": "enforce",
    }
    post(client, [report()] * 3)
    [line] = lines()
    assert first.items() <= line.items()
    other = "https://other.example"
    post(client, [report(), report(other)])
    assert [line["blocked"] for line in lines()] == [other]
    client.application.test_cli_runner().invoke(args=["csp", "clear"])
    lines()
    post(client, report())
    assert [line["blocked"] for line in lines()] == [KEPT]


def test_a_browser_reports_from_any_site_and_a_flood_in_one_body_is_cut(
    client: FlaskClient,
) -> None:
    different = [report(f"https://{number}.example") for number in range(60)]
    headers = {"Origin": "null", "Sec-Fetch-Site": "cross-site"}
    assert post(client, different, headers=headers).status_code == 204
    assert len(stored(client)) == endpoint.MAX_REPORTS


def test_what_is_no_report_leaves_no_trace(client: FlaskClient, subtests: pytest.Subtests) -> None:
    assert [post(client, text).status_code for text in MALFORMED] == [400] * len(MALFORMED)
    for body in (None, 1, "x", [], ["x"], [[report()]], {}, {"body": "x"}):
        with subtests.test(body=body):
            assert post(client, body).status_code == 204, body
    assert stored(client) == {}


def test_a_large_body_or_one_of_another_type_is_refused(client: FlaskClient) -> None:
    assert post(client, b" " * (16 * 1024 + 1)).status_code == 413
    refused = dict.fromkeys(("text/plain", "application/x-www-form-urlencoded", ""), 415)
    assert {kind: post(client, report(), kind).status_code for kind in refused} == refused


def test_an_address_may_post_once_a_second(client: FlaskClient) -> None:
    statuses = [post(client, []).status_code for _ in range(61)]
    assert statuses == [204] * 60 + [429]


def test_many_addresses_cannot_keep_the_database_busy(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "STORE_LIMIT", parse("3 per minute"))
    callers = [{"REMOTE_ADDR": f"2001:db8:0:{number:x}::1"} for number in range(6)]
    answers = [post(client, report(), environ_base=caller) for caller in callers]
    assert [answer.status_code for answer in answers] == [204] * 6
    assert stored(client) == {KEPT: 3}


def test_without_the_database_the_log_says_why(
    make_app: MakeApp, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = make_app(**PRODUCTION).test_client()
    monkeypatch.setattr(Engine, "connect", away)
    assert post(client, report()).status_code == 503
    assert [line["event"] for line in lines()] == ["sys_crash"]


def test_an_app_without_the_table_answers_each_report_and_says_once_what_to_run(
    make_app: MakeApp, lines: Lines
) -> None:
    app = make_app(**PRODUCTION)
    with app.app_context():
        Model.metadata.drop_all(db.engine)
    answers = [post(app.test_client(), report()).status_code for _ in range(3)]
    assert answers == [204] * 3
    [line] = lines()
    assert "csp_violations" in line["event"]
    assert "flask db upgrade" in line["event"]
