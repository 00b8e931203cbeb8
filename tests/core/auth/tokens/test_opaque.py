"""The opaque type: a token that says nothing, and a row that knows its hash."""

from collections.abc import Callable
from zlib import crc32

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask.auth import logins
from secure_flask.policy import Policy

from core import routes
from core.auth.tokens.test_bearer import ask, assert_accepted, assert_refused
from core.conftest import LOGIN, MakeApp
from core.statements import statements_of

TOKEN_PREFIX = Policy.model_fields["OPAQUE_TOKEN_PREFIX"].default

SLIPS: dict[str, Callable[[str], str]] = {
    "a character changed": lambda token: token[:9] + ("A" if token[9] != "A" else "B") + token[10:],
    "some exchanged": lambda token: token[:20] + token[20:30][::-1] + token[30:],
    "the checksum changed": lambda token: token[:-1] + ("0" if token[-1] != "0" else "1"),
    "no checksum": lambda token: token[:-8],
    "no mark": lambda token: token.removeprefix(TOKEN_PREFIX),
    "another mark": lambda token: f"x{token}",
    "the mark twice": lambda token: TOKEN_PREFIX + token,
    "the mark alone": lambda token: TOKEN_PREFIX,
    "nothing but a checksum": lambda token: f"{TOKEN_PREFIX}00000001",
    "of another service": lambda token: "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
}


@pytest.fixture
def token_type() -> str:
    return "opaque"


def test_a_token_has_the_mark_256_bits_and_a_checksum(token: str) -> None:
    random = token.removeprefix(TOKEN_PREFIX)[:43]
    assert token == well_formed(random)
    assert len(random) == 43


@pytest.mark.parametrize("case", SLIPS)
def test_a_slip_is_401_without_a_query(
    app: Flask, client: FlaskClient, token: str, case: str
) -> None:
    with statements_of(app) as counted:
        assert_refused(ask(client, SLIPS[case](token)))
    assert counted.statements == []


def test_a_guess_is_401_with_one_query(app: Flask, client: FlaskClient) -> None:
    with statements_of(app) as counted:
        assert_refused(ask(client, well_formed(logins.new_secret())))
    assert len(counted.statements) == 1


def test_prefix_and_lifetime_are_those_of_the_policy(make_app: MakeApp) -> None:
    policy = {"OPAQUE_TOKEN_PREFIX": "bakery_", "LOGIN_LIFETIME": 60}
    client = make_app(TOKEN_TYPE="opaque", **policy).test_client()
    body = client.post(routes.LOGIN, json=LOGIN).get_json()
    assert body["token"] == well_formed(body["token"][7:50], "bakery_")
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 60)
    assert_accepted(ask(client, body["token"]))
    assert_refused(ask(client, body["token"].replace("bakery_", TOKEN_PREFIX)))


def well_formed(random: str, prefix: str = TOKEN_PREFIX) -> str:
    return f"{prefix}{random}{crc32(random.encode()):08x}"
