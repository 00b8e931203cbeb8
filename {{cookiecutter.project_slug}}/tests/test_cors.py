"""CORS: which other origins may read responses from their pages."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import OTHER_SITE, build_app, close
from tests.probes import JSON, add_probes

PARTNER = "https://partner.example"
ALLOWED = "Access-Control-Allow-Origin"


@pytest.fixture(scope="module")
def partner_app(first_app: Flask) -> Iterator[Flask]:
    """The app with one more origin in its policy."""
    app = add_probes(build_app(CORS_ORIGINS=[*first_app.config["CORS_ORIGINS"], PARTNER]))
    yield app
    close(app)


@pytest.fixture
def visitor(partner_app: Flask) -> FlaskClient:
    return partner_app.test_client()


def preflight(client: FlaskClient, origin: str, method: str = "POST") -> dict[str, str]:
    """The headers of the response to the question that a browser asks first."""
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    return dict(client.options(JSON, headers=asked).headers)


def test_a_listed_origin_may_read_responses(partner_app: Flask, visitor: FlaskClient) -> None:
    origins = [*partner_app.config["CORS_ORIGINS"]]
    responses = [visitor.get(JSON, headers={"Origin": origin}) for origin in origins]
    assert [each.headers[ALLOWED] for each in responses] == origins
    granted = [preflight(visitor, origin) for origin in origins]
    assert [each[ALLOWED] for each in granted] == origins
    assert [each for each in granted if "POST" not in each["Access-Control-Allow-Methods"]] == []
    allowed = [each["Access-Control-Allow-Headers"] for each in granted]
    names = partner_app.config["CORS_REQUEST_HEADERS"]
    assert [name for name in names for each in allowed if name not in each] == []


@pytest.mark.parametrize(
    "origin",
    [
        OTHER_SITE,
        "null",
        f"{PARTNER}.evil.example",
        "https://evil-partner.example",
        "http" + PARTNER[5:],
    ],
)
def test_no_other_origin_may(visitor: FlaskClient, origin: str) -> None:
    assert ALLOWED not in visitor.get(JSON, headers={"Origin": origin}).headers
    assert ALLOWED not in preflight(visitor, origin)


@pytest.mark.parametrize("origin", [PARTNER, OTHER_SITE])
def test_a_cache_keeps_the_responses_to_each_origin_apart(
    visitor: FlaskClient, origin: str
) -> None:
    headers = visitor.get(JSON, headers={"Origin": origin}).headers
    assert "Origin" in ", ".join(headers.getlist("Vary"))


def test_cookies_are_read_from_other_origins_only_where_programs_log_in_by_them(
    partner_app: Flask, visitor: FlaskClient
) -> None:
    headers = visitor.get(JSON, headers={"Origin": PARTNER}).headers
    by_cookie = partner_app.config["TOKEN_TYPE"] == "session"
    assert ("Access-Control-Allow-Credentials" in headers) == by_cookie
