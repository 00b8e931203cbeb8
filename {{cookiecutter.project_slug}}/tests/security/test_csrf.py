"""Whose pages may write: what another site's form or script gets for trying."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from app.security.csrf import exempt, require_token, token_for
from tests.conftest import MakeApp

OWN, FRIEND = "http://localhost", "https://app.example"
REFUSED = {"error": "Cross-site request refused"}


@pytest.fixture(scope="module")
def app(make_app: MakeApp) -> Flask:
    """An app with one view that writes, and one that anybody may call."""
    app = make_app(CORS_ORIGINS=[FRIEND])

    @app.route("/write", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    def write() -> ResponseReturnValue:
        return "", 204

    @app.post("/open")
    @exempt
    def anybody() -> ResponseReturnValue:
        return "", 204

    return app


def test_own_pages_and_friends_write(client: FlaskClient) -> None:
    for origin in (OWN, FRIEND):
        headers = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
        assert client.post("/write", headers=headers).status_code == 204


STRANGERS = [
    "null",
    "",
    "*",
    "https://evil.example",
    "https://localhost",
    "http://localhost:8000",
    "http://localhost.evil.example",
    "http://sub.localhost",
    "http://localhost/",
    "https://app.example.evil.example",
    "http://app.example",
    f"{OWN}, https://evil.example",
]


@pytest.mark.asvs("3.5.1")
def test_other_pages_do_not(client: FlaskClient) -> None:
    for stranger in STRANGERS:
        headers = {"Origin": stranger, "Sec-Fetch-Site": "same-origin"}
        answer = client.post("/write", headers=headers)
        assert (stranger, answer.status_code, answer.json) == (stranger, 403, REFUSED)


@pytest.mark.asvs("3.5.1")
def test_every_method_that_writes_is_guarded(client: FlaskClient) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = client.open("/write", method=method, headers={"Origin": "https://evil.example"})
        assert (method, answer.status_code) == (method, 403)


def test_reading_is_not(client: FlaskClient) -> None:
    assert client.get("/write", headers={"Origin": "https://evil.example"}).status_code == 204


@pytest.mark.parametrize(
    ("site", "status"),
    [("same-origin", 204), ("none", 204), ("same-site", 403), ("cross-site", 403), ("odd", 403)],
)
def test_without_origin_the_browsers_own_word_counts(
    client: FlaskClient, site: str, status: int
) -> None:
    assert client.post("/write", headers={"Sec-Fetch-Site": site}).status_code == status


def test_a_program_that_is_no_browser_writes(client: FlaskClient) -> None:
    assert client.post("/write").status_code == 204


NOT_JSON = [
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/jsonp",
    "text/plain; application/json",
    "",
]


@pytest.mark.asvs("3.5.2")
def test_a_body_that_a_plain_form_can_send_is_refused(client: FlaskClient) -> None:
    for content_type in NOT_JSON:
        answer = client.post("/write", data=b"{}", content_type=content_type)
        assert (content_type, answer.status_code) == (content_type, 415)
        assert answer.json == {"error": "Content-Type must be application/json"}


def test_so_is_one_of_unknown_length(client: FlaskClient) -> None:
    headers = {"Transfer-Encoding": "chunked", "Content-Type": "text/plain"}
    assert client.post("/write", headers=headers).status_code == 415


def test_json_is_read_whatever_its_parameters(client: FlaskClient) -> None:
    answer = client.post("/write", data=b"{}", content_type="Application/JSON; charset=utf-8")
    assert answer.status_code == 204


def test_an_exempt_view_takes_all(client: FlaskClient) -> None:
    headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    answer = client.post("/open", headers=headers, data=b"x", content_type="text/plain")
    assert answer.status_code == 204


def test_each_login_and_each_site_has_a_token_of_its_own(make_app: MakeApp, app: Flask) -> None:
    other_site = make_app(secret_key="another-site-has-another-key-9876543210")
    with app.app_context():
        tokens = [token_for("one login"), token_for("one login"), token_for("another")]
    with other_site.app_context():
        tokens.append(token_for("one login"))
    assert tokens[0] == tokens[1]
    assert len(set(tokens)) == 3


@pytest.mark.asvs("11.4.3")
def test_the_token_is_not_the_session_id(app: Flask) -> None:
    with app.app_context():
        assert "one login" not in token_for("one login")
        assert len(token_for("one login")) == 64


def test_the_right_token_passes(app: Flask) -> None:
    with app.app_context():
        right = token_for("one login")
    with app.test_request_context("/", headers={"X-CSRF-Token": right}):
        require_token("one login")


@pytest.mark.asvs("3.5.1")
@pytest.mark.parametrize("sent", [None, "", "0" * 64, "\u00e9", "one login"])
def test_any_other_is_refused(app: Flask, sent: str | None) -> None:
    headers = {} if sent is None else {"X-CSRF-Token": sent}
    with app.test_request_context("/", headers=headers), pytest.raises(HTTPException) as refused:
        require_token("one login")
    assert refused.value.get_response().status_code == 403
