"""What an access token must say to be believed, all with a signature that is good."""

import json
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask.auth import logins
from secure_flask.auth.tokens.jwt_token import LEEWAY, LIFETIME

from core.auth.tokens.test_bearer import ask, assert_accepted, assert_refused, bearer
from core.auth.tokens.test_jwt_token import read, sign, write
from core.conftest import MakeApp, Wait, add_user, is_logged_in, log_in, stored_user
from core.standing_clock import clock

NAMES = ["iss", "aud", "sub", "iat", "nbf", "exp", "jti", "sid"]
TIMES = ["iat", "nbf", "exp"]
TEXTS = ["iss", "aud", "sub", "jti", "sid"]
YEAR = 365 * 24 * 60 * 60  # seconds

# What no claim of these names may be, known or unknown.
WRONG: list[tuple[list[str], list[Any]]] = [
    (TIMES, [None, True, "1", "", 4102444800.5, 4102444800.0, float("inf"), float("nan")]),
    (TIMES, [10**400, [4102444800], {"seconds": 4102444800}]),
    (TEXTS, [None, True, 1, 1.0, ["1"], {"": "1"}, "\ud800"]),
    (["iss", "aud", "sub", "sid"], ["", "1\0"]),
    (
        ["iss", "aud"],
        ["https://evil.example", "localhost", "http://localhost", "https://LOCALHOST"],
    ),
    (["iss", "aud"], [f"https://localhost{more}" for more in ("/", " ", ".evil.example")]),
    (["sid"], ["0" * 32, "%", "' OR 1=1 --", "é", "a" * 2000]),
    (["exp"], [0, 1, -1, -(10**9), -(10**400), 2**31, 2**63]),
    (["admin", "scope", "SUB", "", "client_id"], [None, True, "all", {"sub": 1}]),
]

NO_CLAIMS = {
    "nothing": b"",
    "no JSON": b"{",
    "no UTF-8": b'{"sub":"\xff"}',
    "null": b"null",
    "a text": b'"sub"',
    "pairs": b'[["sub","1"]]',
    "no claims": b"{}",
    "two objects": b"{}{}",
    "not a number": b"NaN",
    "very deep": b'{"sub":' * 400,
    "a long number": b"9" * 2500,
}


@pytest.fixture
def token_type() -> str:
    return "jwt"


@pytest.fixture
def claims(client: FlaskClient) -> dict[str, Any]:
    """What the token of a live login says: signed again, it is as good."""
    return said(log_in(client))


@pytest.fixture
def others(app: Flask) -> dict[str, Any]:
    """What the token of another user's live login says."""
    add_user(app, "bob")
    return said(log_in(app.test_client(), username="bob"))


def said(credentials: dict[str, str]) -> dict[str, Any]:
    """What the token of a login says."""
    return read(bearer(credentials))


def send_bytes(client: FlaskClient, payload: bytes) -> Any:
    """`GET /me` with a token of this payload, which a good key signed."""
    return ask(client, sign(payload))


def send(client: FlaskClient, claims: dict[str, Any], **changes: object) -> Any:
    """`GET /me` with a token that says so."""
    return send_bytes(client, write({**claims, **changes}))


def from_now(ahead: int = 0) -> dict[str, Any]:
    """The times of a token that a clock so many seconds ahead issues now."""
    now = int(clock.now()) + ahead
    return {"iat": now, "nbf": now, "exp": now + LIFETIME}


def test_a_token_of_ten_minutes_says_whose_it_is_and_nothing_secret(
    client: FlaskClient, claims: dict[str, Any]
) -> None:
    assert list(claims) == NAMES
    assert UUID(claims["sub"]).version == 4
    assert claims["iat"] == claims["nbf"] == claims["exp"] - 10 * 60
    # All the tests here rely on this.
    assert_accepted(send(client, claims))


@pytest.mark.asvs("9.2.4")
def test_issuer_and_audience_are_of_the_policy_or_the_first_host_name(
    make_app: MakeApp, subtests: pytest.Subtests
) -> None:
    hosts = {"app_env": "production", "trusted_hosts": ["localhost", "www.example.org"]}
    own = {"TOKEN_ISSUER": "https://login.example", "TOKEN_AUDIENCE": "shop"}
    by_default = dict.fromkeys(own, "https://localhost")
    for names, expected in ((own, own), ({}, by_default)):
        with subtests.test(names=names, expected=expected):
            client = make_app(TOKEN_TYPE="jwt", **hosts, **names).test_client()
            credentials = log_in(client)
            claims = said(credentials)
            assert [claims["iss"], claims["aud"]] == [*expected.values()]
            assert is_logged_in(client, credentials)


@pytest.mark.asvs("9.2.4")
def test_a_claim_that_is_missing_or_written_twice_is_401(
    client: FlaskClient, claims: dict[str, Any]
) -> None:
    payload = write(claims)
    for name in NAMES:
        rest = {each: value for each, value in claims.items() if each != name}
        assert_refused(send(client, rest), name)
        once = json.dumps({name: claims[name]})[1:-1].encode()
        assert_refused(send_bytes(client, b"{" + once + b"," + payload[1:]), name)
        assert_refused(send_bytes(client, payload[:-1] + b"," + once + b"}"), name)


def test_anything_but_an_object_of_claims_is_401(client: FlaskClient) -> None:
    for case, payload in NO_CLAIMS.items():
        assert_refused(send_bytes(client, payload), case)


@pytest.mark.asvs("9.2.3")
def test_a_claim_of_another_type_or_value_and_an_unknown_one_are_401(
    client: FlaskClient, claims: dict[str, Any]
) -> None:
    in_lists = [([name], [[claims[name]]]) for name in TEXTS]
    for names, values in [*WRONG, *in_lists]:
        for name, value in product(names, values):
            assert_refused(send(client, claims, **{name: value}), (name, value))


def test_a_user_with_anothers_login_is_401(
    client: FlaskClient, claims: dict[str, Any], others: dict[str, Any]
) -> None:
    assert_accepted(send(client, others), "bob")
    assert_refused(send(client, others, sid=claims["sid"]))
    for user in (others["sub"], "2", "1 OR 1=1", "1\0", "ada", claims["sub"].upper()):
        assert_refused(send(client, claims, sub=user), user)


def test_a_token_of_a_login_by_cookie_is_401(
    app: Flask, client: FlaskClient, claims: dict[str, Any]
) -> None:
    with stored_user(app) as user:
        by_cookie = logins.start_login(user, "session", "a secret").id
    assert_refused(send(client, claims, sid=by_cookie))


@pytest.mark.asvs("9.2.1")
def test_it_serves_its_lifetime_and_the_leeway(
    client: FlaskClient, claims: dict[str, Any], wait: Wait
) -> None:
    claims |= from_now()
    wait(LIFETIME + LEEWAY - 1)
    assert_accepted(send(client, claims))
    wait(1)
    assert_refused(send(client, claims))


@pytest.mark.asvs("9.2.1")
@pytest.mark.parametrize("name", ["iat", "nbf"])
def test_it_serves_no_sooner_than_the_leeway(
    client: FlaskClient, claims: dict[str, Any], wait: Wait, name: str
) -> None:
    claims |= from_now()
    assert_accepted(send(client, claims, **{name: claims[name] + LEEWAY}))
    assert_refused(send(client, claims, **{name: claims[name] + LEEWAY + 1}))
    assert_refused(send(client, claims, **{name: claims[name] + YEAR}))
    assert_accepted(send(client, claims, **from_now(LEEWAY)))
    assert_refused(send(client, claims, **from_now(LEEWAY + 1)))


def test_a_longer_life_and_one_that_ends_before_it_begins_are_401(
    client: FlaskClient, claims: dict[str, Any], wait: Wait
) -> None:
    claims |= from_now()
    for longer in (1, 3600, 10**9, 10**11):
        assert_refused(send(client, claims, exp=claims["exp"] + longer), longer)
        assert_refused(send(client, claims, iat=claims["iat"] - longer), longer)
    now, later = claims["iat"], claims["iat"] + 2 * LEEWAY
    assert_refused(send(client, claims, iat=later, nbf=later, exp=now - 2 * LEEWAY))


def test_a_token_too_long_to_be_ours_is_401(client: FlaskClient, claims: dict[str, Any]) -> None:
    assert_accepted(send_bytes(client, write(claims) + b" " * 1000))
    assert_refused(send_bytes(client, write(claims) + b" " * 4000))
