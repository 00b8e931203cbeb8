"""What an access token must say to be believed, all with a signature that is good."""

import json
import time
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.auth import tokens, users
from app.db import db
from tests.auth.test_bearer import ask, assert_accepted, assert_refused, bearer
from tests.auth.test_tokens import read, sign, write
from tests.conftest import PASSWORD, USERNAME, MakeApp, Wait, log_in

NAMES = ["iss", "aud", "sub", "iat", "nbf", "exp", "jti", "sid"]
TIMES = ["iat", "nbf", "exp"]
TEXTS = ["iss", "aud", "sub", "jti", "sid"]
LIFETIME, LEEWAY = 600, 30  # seconds

NO_TIMES: dict[str, Any] = {
    "null": None,
    "true": True,
    "text": "1",
    "empty-text": "",
    "date": "Thu, 01 Jan 2099 00:00:00 GMT",
    "fraction": 4102444800.5,
    "whole-float": 4102444800.0,
    "1e308": 1e308,
    "infinity": float("inf"),
    "not-a-number": float("nan"),
    "huge": 10**400,
    "list": [4102444800],
    "object": {"seconds": 4102444800},
}
NO_TEXTS: dict[str, Any] = {
    "null": None,
    "true": True,
    "number": 1,
    "fraction": 1.0,
    "list": ["1"],
    "object": {"": "1"},
    "empty": "",
    "surrogate": "\ud800",
    "nul": "1\0",
}
UNKNOWN = {"admin": True, "scope": "all", "SUB": "1", "": "", "client_id": None, "act": {"sub": 1}}

NO_CLAIMS = {
    "nothing": b"",
    "no-json": b"{",
    "no-utf-8": b'{"sub":"\xff"}',
    "null": b"null",
    "true": b"true",
    "number": b"1",
    "text": b'"sub"',
    "list": b"[]",
    "pairs": b'[["sub","1"]]',
    "no-claims": b"{}",
    "two-objects": b"{}{}",
    "not-a-number": b"NaN",
    "very-deep": b'{"sub":' * 400,
    "a-long-number": b"9" * 2500,
}

ELSEWHERE = ["https://evil.example", "localhost", "http://localhost", "https://localhost/"]
ELSEWHERE += ["https://LOCALHOST", "https://localhost.evil.example", "https://localhost "]


@pytest.fixture(scope="module")
def app(make_app: MakeApp) -> Flask:
    """One login of each user serves the tests; those that end one make their own."""
    return make_app()


@pytest.fixture(scope="module")
def given(app: Flask) -> dict[str, Any]:
    return read(bearer(log_in(app.test_client())))


@pytest.fixture
def claims(given: dict[str, Any]) -> dict[str, Any]:
    """What the token of a live login says: signed again, it is as good."""
    return given.copy()


@pytest.fixture(scope="module")
def others(app: Flask) -> dict[str, Any]:
    """What the token of another user's live login says."""
    with app.app_context():
        users.create("bob", PASSWORD)
    return read(bearer(log_in(app.test_client(), username="bob")))


def test_the_same_claims_signed_again_are_accepted(
    client: FlaskClient, claims: dict[str, Any]
) -> None:
    assert list(claims) == NAMES
    assert_accepted(said(client, claims))


def test_a_token_says_whose_it_is_and_nothing_secret(claims: dict[str, Any]) -> None:
    assert claims["iss"] == claims["aud"] == "https://localhost"
    assert UUID(claims["sub"]).version == 4
    assert claims["iat"] == claims["nbf"] == claims["exp"] - LIFETIME


def test_no_two_tokens_have_the_same_id(client: FlaskClient) -> None:
    ids = {read(bearer(log_in(client)))["jti"] for _ in range(3)}
    assert len(ids) == 3


@pytest.mark.asvs("9.2.4")
def test_issuer_and_audience_are_settings(make_app: MakeApp) -> None:
    app = make_app(token_issuer="https://login.example", token_audience="shop")
    client = app.test_client()
    credentials = log_in(client)
    claims = read(bearer(credentials))
    assert (claims["iss"], claims["aud"]) == ("https://login.example", "shop")
    assert client.get("/me", headers=credentials).status_code == 200


def test_in_production_they_are_the_first_host_name(make_app: MakeApp) -> None:
    app = make_app(app_env="production", trusted_hosts=["localhost", "www.example.org"])
    claims = read(bearer(log_in(app.test_client())))
    assert (claims["iss"], claims["aud"]) == ("https://localhost", "https://localhost")


@pytest.mark.asvs("9.2.4")
@pytest.mark.parametrize("name", NAMES)
def test_a_missing_claim_is_401(client: FlaskClient, claims: dict[str, Any], name: str) -> None:
    del claims[name]
    assert_refused(said(client, claims))


@pytest.mark.parametrize("name", TIMES)
@pytest.mark.parametrize("value", NO_TIMES.values(), ids=NO_TIMES)
def test_a_time_of_another_type_is_401(
    client: FlaskClient, claims: dict[str, Any], name: str, value: object
) -> None:
    assert_refused(said(client, {**claims, name: value}))


@pytest.mark.parametrize("name", ["iss", "aud", "sub", "sid"])
@pytest.mark.parametrize("value", NO_TEXTS.values(), ids=NO_TEXTS)
def test_a_text_of_another_type_is_401(
    client: FlaskClient, claims: dict[str, Any], name: str, value: object
) -> None:
    assert_refused(said(client, {**claims, name: value}))


@pytest.mark.parametrize("value", [None, True, 1, ["1"], {}, "", "\ud800", "\0"])
def test_a_token_id_of_another_type_is_401(
    client: FlaskClient, claims: dict[str, Any], value: object
) -> None:
    assert_refused(said(client, {**claims, "jti": value}))


@pytest.mark.parametrize("name", TEXTS)
def test_the_right_text_in_a_list_is_401(
    client: FlaskClient, claims: dict[str, Any], name: str
) -> None:
    assert_refused(said(client, {**claims, name: [claims[name]]}))


@pytest.mark.parametrize(("name", "value"), UNKNOWN.items(), ids=UNKNOWN)
def test_an_unknown_claim_is_401(
    client: FlaskClient, claims: dict[str, Any], name: str, value: object
) -> None:
    assert_refused(said(client, {**claims, name: value}))


@pytest.mark.parametrize("name", NAMES)
def test_a_claim_written_twice_is_401(
    client: FlaskClient, claims: dict[str, Any], name: str
) -> None:
    payload = write(claims)
    [once] = json.dumps({name: json.loads(payload)[name]})[1:-1].encode().splitlines()
    assert_refused(ask(client, sign(b"{" + once + b"," + payload[1:])))
    assert_refused(ask(client, sign(payload[:-1] + b"," + once + b"}")))


@pytest.mark.parametrize("payload", NO_CLAIMS.values(), ids=NO_CLAIMS)
def test_anything_but_an_object_of_claims_is_401(client: FlaskClient, payload: bytes) -> None:
    assert_refused(ask(client, sign(payload)))


@pytest.mark.asvs("9.2.3")
@pytest.mark.parametrize("name", ["iss", "aud"])
@pytest.mark.parametrize("value", ELSEWHERE)
def test_a_token_from_or_for_elsewhere_is_401(
    client: FlaskClient, claims: dict[str, Any], name: str, value: str
) -> None:
    assert_refused(said(client, {**claims, name: value}))


@pytest.mark.parametrize("user", ["2", "01", "+1", " 1", "1.0", "-1", "1 OR 1=1", "1\0", "ada"])
def test_a_login_with_another_user_is_401(
    client: FlaskClient, claims: dict[str, Any], others: dict[str, Any], user: str
) -> None:
    assert_refused(said(client, {**claims, "sub": user}))


def test_a_user_with_anothers_login_is_401(
    client: FlaskClient, claims: dict[str, Any], others: dict[str, Any]
) -> None:
    assert_accepted(said(client, others), "bob")
    assert_refused(said(client, {**claims, "sid": others["sid"]}))
    assert_refused(said(client, {**others, "sid": claims["sid"]}))


@pytest.mark.parametrize("sid", ["0" * 32, "%", "' OR 1=1 --", "é", "\0", "a" * 2000])
def test_an_unknown_login_is_401(client: FlaskClient, claims: dict[str, Any], sid: str) -> None:
    assert_refused(said(client, {**claims, "sid": sid}))


@pytest.mark.asvs("9.2.1")
def test_it_serves_ten_minutes_and_the_leeway(
    client: FlaskClient, claims: dict[str, Any], wait: Wait
) -> None:
    claims |= from_now()
    wait(LIFETIME + LEEWAY - 1)
    assert_accepted(said(client, claims))
    wait(1)
    assert_refused(said(client, claims))


@pytest.mark.asvs("9.2.1")
@pytest.mark.parametrize("name", ["iat", "nbf"])
def test_it_serves_no_sooner_than_the_leeway(
    client: FlaskClient, claims: dict[str, Any], wait: Wait, name: str
) -> None:
    claims |= from_now()
    assert_accepted(said(client, {**claims, name: claims[name] + LEEWAY}))
    assert_refused(said(client, {**claims, name: claims[name] + LEEWAY + 1}))
    assert_refused(said(client, {**claims, name: claims[name] + 365 * 24 * 3600}))


def test_the_clock_that_issued_it_may_be_ahead(
    client: FlaskClient, claims: dict[str, Any], wait: Wait
) -> None:
    assert_accepted(said(client, {**claims, **from_now(LEEWAY)}))
    assert_refused(said(client, {**claims, **from_now(LEEWAY + 1)}))


@pytest.mark.parametrize("longer", [1, 3600, 10**9, 10**11])
def test_a_longer_life_than_ten_minutes_is_401(
    client: FlaskClient, claims: dict[str, Any], wait: Wait, longer: int
) -> None:
    claims |= from_now()
    assert_refused(said(client, {**claims, "exp": claims["exp"] + longer}))
    assert_refused(said(client, {**claims, "iat": claims["iat"] - longer}))


@pytest.mark.parametrize("value", [0, 1, -1, -(10**9), -(10**400), 2**31, 2**63])
def test_an_end_out_of_reach_is_401(
    client: FlaskClient, claims: dict[str, Any], value: int
) -> None:
    assert_refused(said(client, {**claims, "exp": value}))


def test_a_life_that_ends_before_it_begins_is_401(
    client: FlaskClient, claims: dict[str, Any], wait: Wait
) -> None:
    now = from_now()["iat"]
    assert_refused(said(client, {**claims, "iat": now + 60, "nbf": now + 60, "exp": now - 60}))


@pytest.mark.asvs("7.4.1")
def test_logout_is_immediate_though_the_token_has_not_expired(
    app: Flask, client: FlaskClient
) -> None:
    credentials = log_in(client)
    token = bearer(credentials)
    client.post("/logout", headers=credentials)
    with app.app_context():
        assert tokens.verify(token).iss == "https://localhost"
    assert_refused(ask(client, token))


def test_a_disabled_user_is_out_and_in_again(
    app: Flask, client: FlaskClient, claims: dict[str, Any]
) -> None:
    set_disabled(app, True)
    assert_refused(said(client, claims))
    set_disabled(app, False)
    assert_accepted(said(client, claims))


def said(client: FlaskClient, claims: dict[str, Any]) -> Any:
    return ask(client, sign(write(claims)))


def from_now(ahead: int = 0) -> dict[str, Any]:
    """The times of a token that a clock so many seconds ahead issues now."""
    now = int(time.time()) + ahead
    return {"iat": now, "nbf": now, "exp": now + LIFETIME}


def set_disabled(app: Flask, disabled: bool) -> None:
    with app.app_context():
        user = users.find(USERNAME)
        assert user is not None
        user.disabled = disabled
        db.session.commit()
