"""Reports of browsers: taken from anybody, and harmless whoever sends them."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

OLD = {
    "csp-report": {
        "document-uri": "https://www.example.org/page",
        "blocked-uri": "https://evil.example/x.js",
        "effective-directive": "script-src-elem",
    }
}
NEW = {
    "type": "csp-violation",
    "body": {
        "documentURL": "https://www.example.org/page",
        "blockedURL": "https://evil.example/x.js",
        "effectiveDirective": "script-src-elem",
    },
}
AS_LOGGED = {
    "directive": "script-src-elem",
    "blocked": "https://evil.example/x.js",
    "page": "https://www.example.org/page",
}


def post(
    client: FlaskClient, body: Any, content_type: str = "application/reports+json"
) -> TestResponse:
    data = body if isinstance(body, bytes) else json.dumps(body)
    return client.post("/csp-reports", data=data, content_type=content_type)


def logged(caplog: pytest.LogCaptureFixture) -> list[dict[str, str]]:
    """Each violation in the log; a line that is not one whole report fails."""
    lines = [record.getMessage() for record in caplog.records if record.name == "app"]
    return [json.loads(line.removeprefix("csp violation ")) for line in lines]


def of_page(page: object) -> dict[str, object]:
    return {"body": {"documentURL": page}}


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
def test_either_format_is_one_line_in_the_log(
    client: FlaskClient, caplog: pytest.LogCaptureFixture, body: Any, content_type: str
) -> None:
    answer = post(client, body, content_type)
    assert (answer.status_code, answer.data) == (204, b"")
    assert logged(caplog) == [AS_LOGGED]


def test_a_browser_reports_from_any_site(client: FlaskClient) -> None:
    headers = {"Origin": "null", "Sec-Fetch-Site": "cross-site"}
    answer = client.post("/csp-reports", json=NEW, headers=headers)
    assert answer.status_code == 204


@pytest.mark.asvs("16.4.1")
def test_a_report_cannot_forge_a_line(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    forged = 'x"}\r\n2026-01-01 ERROR root logged in\u2028\x1b[31m\ud800'
    assert post(client, of_page(forged)).status_code == 204
    [line] = [record.getMessage() for record in caplog.records if record.name == "app"]
    assert line.isascii()
    assert line.isprintable()


@pytest.mark.parametrize(
    "address", ["https://a.example/b?token=s3cret", "https://a.example/b#s3cret"]
)
def test_what_an_address_may_hide_is_cut(
    client: FlaskClient, caplog: pytest.LogCaptureFixture, address: str
) -> None:
    post(client, of_page(address))
    assert logged(caplog)[0]["page"] == "https://a.example/b"


def test_a_long_field_is_cut(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    post(client, of_page("data:" + "x" * 5000))
    assert len(logged(caplog)[0]["page"]) == 200


def test_a_flood_in_one_body_is_cut(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    assert post(client, [NEW] * 60).status_code == 204
    assert len(logged(caplog)) == 20


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
    assert logged(caplog) == []


def test_fields_of_another_type_are_left_out(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    post(client, of_page({"x": 1}))
    assert logged(caplog) == [{"directive": "", "blocked": "", "page": ""}]


def test_a_body_beyond_16_kib_is_refused(client: FlaskClient) -> None:
    assert post(client, b" " * (16 * 1024 + 1)).status_code == 413


def test_another_type_is_refused(client: FlaskClient) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded", ""):
        assert post(client, NEW, content_type).status_code == 415


def test_one_address_cannot_fill_the_log(client: FlaskClient) -> None:
    statuses = [post(client, []).status_code for _ in range(61)]
    assert statuses == [204] * 60 + [429]
