"""Where a token is looked for, and what none can look like."""

from base64 import b64encode
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.conftest import LOGIN, USERNAME, MakeApp, log_in

FIELDS = ["token", "access_token", "bearer", "Authorization", "session", "dev-session"]
OTHER_HEADERS = [
    "Proxy-Authorization",
    "Token",
    "X-Access-Token",
    "X-Auth-Token",
    "X-Authorization",
    "X-CSRF-Token",
    "X-Forwarded-Authorization",
]

MANGLED: dict[str, Callable[[str], str]] = {
    "nothing": lambda token: "",
    "scheme-alone": lambda token: "Bearer",
    "scheme-and-space": lambda token: "Bearer ",
    "no-scheme": lambda token: token,
    "no-space": lambda token: f"Bearer{token}",
    "two-spaces": lambda token: f"Bearer  {token}",
    "tab": lambda token: f"Bearer\t{token}",
    "colon": lambda token: f"Bearer: {token}",
    "quoted": lambda token: f'Bearer "{token}"',
    "named": lambda token: f"Bearer token={token}",
    "basic": lambda token: f"Basic {token}",
    "basic-as-password": lambda token: "Basic " + b64encode(f"ada:{token}".encode()).decode(),
    "digest": lambda token: f"Digest {token}",
    "token": lambda token: f"Token {token}",
    "twice-in-one": lambda token: f"Bearer {token}, Bearer {token}",
    "two-tokens": lambda token: f"Bearer {token} {token}",
    "padded": lambda token: f"Bearer {token}=",
    "padded-twice": lambda token: f"Bearer {token}==",
    "cut": lambda token: f"Bearer {token[:-1]}",
    "cut-in-front": lambda token: f"Bearer {token[1:]}",
    "one-more": lambda token: f"Bearer {token}A",
    "one-more-in-front": lambda token: f"Bearer A{token}",
    "dot": lambda token: f"Bearer {token}.",
    "dot-in-front": lambda token: f"Bearer .{token}",
    "space-inside": lambda token: f"Bearer {token[:20]} {token[20:]}",
    "comma": lambda token: f"Bearer {token},",
    "tilde": lambda token: f"Bearer {token}~",
    "other-case": lambda token: f"Bearer {token.swapcase()}",
    "reversed": lambda token: f"Bearer {token[::-1]}",
    "percent-encoded": lambda token: f"Bearer {token}%00",
    "nul": lambda token: f"Bearer {token}\0",
    "not-ascii": lambda token: f"Bearer {token}é",
    "null": lambda token: "Bearer null",
    "dots": lambda token: "Bearer ..",
    "many-dots": lambda token: "Bearer " + "." * 4000,
    "too-long": lambda token: f"Bearer {token}{'A' * 5000}",
    "5000-characters": lambda token: "Bearer " + "A" * 5000,
}


@pytest.fixture(scope="module")
def app(make_app: MakeApp) -> Flask:
    """Nothing that is sent here ends a login: one serves all tests."""
    return make_app()


@pytest.fixture(scope="module")
def token(app: Flask) -> str:
    return bearer(log_in(app.test_client()))


def test_a_token_in_its_header_is_a_login(client: FlaskClient, token: str) -> None:
    assert_accepted(ask(client, token))


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_read_in_any_case(client: FlaskClient, token: str, scheme: str) -> None:
    assert_accepted(client.get("/me", headers={"Authorization": f"{scheme} {token}"}))


@pytest.mark.asvs("7.2.1")
@pytest.mark.parametrize("mangle", MANGLED.values(), ids=MANGLED)
def test_a_mangled_header_is_401(
    client: FlaskClient, token: str, mangle: Callable[[str], str]
) -> None:
    assert_refused(client.get("/me", headers={"Authorization": mangle(token)}))


@pytest.mark.parametrize("other", ["Bearer ", "Bearer x", "Basic YWRhOmE=", "Bearer"])
def test_two_headers_are_401_whichever_comes_first(
    client: FlaskClient, token: str, other: str
) -> None:
    good = f"Bearer {token}"
    for both in [(good, other), (other, good), (good, good)]:
        assert_refused(client.get("/me", headers=[("Authorization", one) for one in both]))


@pytest.mark.asvs("14.2.1")
@pytest.mark.parametrize("field", FIELDS)
def test_a_token_in_the_address_is_401(client: FlaskClient, token: str, field: str) -> None:
    for sent in (token, f"Bearer {token}"):
        assert_refused(client.get("/me", query_string={field: sent}))


@pytest.mark.parametrize("field", FIELDS)
def test_a_token_in_the_body_is_401(client: FlaskClient, token: str, field: str) -> None:
    assert_refused(client.post("/logout", json={field: token}))
    assert_accepted(ask(client, token))


@pytest.mark.parametrize("name", FIELDS)
def test_a_token_in_a_cookie_is_401(client: FlaskClient, token: str, name: str) -> None:
    client.set_cookie(name, token)
    assert_refused(client.get("/me"))
    assert_refused(client.post("/logout"))


@pytest.mark.parametrize("name", OTHER_HEADERS)
def test_a_token_in_another_header_is_401(client: FlaskClient, token: str, name: str) -> None:
    for sent in (token, f"Bearer {token}"):
        assert_refused(client.get("/me", headers={name: sent}))


@pytest.mark.asvs("3.5.1")
def test_nothing_rides_along_by_itself(client: FlaskClient) -> None:
    assert "Set-Cookie" not in client.post("/login", json=LOGIN).headers
    assert_refused(client.get("/me"))


def test_it_serves_wherever_it_is_carried(app: Flask, token: str) -> None:
    assert_accepted(ask(app.test_client(), token))


def test_the_page_of_a_login_holds_no_token(client: FlaskClient, token: str) -> None:
    assert token not in client.get("/", headers={"Authorization": f"Bearer {token}"}).text


def bearer(credentials: dict[str, str]) -> str:
    """The token in the header that shows it."""
    return credentials["Authorization"].split()[1]


def ask(client: FlaskClient, token: str) -> TestResponse:
    """`GET /me` with a token in its place."""
    return client.get("/me", headers={"Authorization": f"Bearer {token}"})


def assert_accepted(answer: TestResponse, username: str = USERNAME) -> None:
    assert answer.status_code == 200
    assert answer.get_json()["username"] == username


def assert_refused(answer: TestResponse) -> None:
    assert answer.status_code == 401
    assert answer.json == {"error": "Authentication required"}
    assert answer.headers["WWW-Authenticate"] == "Bearer"
