"""Where a token is looked for, and what none can look like."""

from base64 import b64encode

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from core import routes
from core.conftest import OWN_PAGE, USERNAME

ELSEWHERE = ["token", "access_token", "bearer", "session", "dev-session", "Authorization"]
ELSEWHERE += ["Proxy-Authorization", "X-Auth-Token", "X-Forwarded-Authorization"]

# What an Authorization header may not be; T stands for a good token.
MANGLED = ["", "Bearer", "Bearer ", "T", "BearerT", "Bearer  T", "Bearer\tT", "Bearer: T"]
MANGLED += ['Bearer "T"', "Bearer token=T", "Basic T", "Other T", "Bearer T, Bearer T"]
MANGLED += ["Bearer T T", "Bearer T=", "Bearer T==", "Bearer TA", "Bearer AT", "Bearer T."]
MANGLED += ["Bearer .T", "Bearer T~", "Bearer T%00", "Bearer T\0", "Bearer Té"]
MANGLED += ["Bearer null", "Bearer .."]


pytestmark = pytest.mark.parametrize("token_type", ["opaque", "jwt"])


def bearer(credentials: dict[str, str]) -> str:
    """The token in the header that shows it."""
    return credentials["Authorization"].split()[1]


def ask(client: FlaskClient, token: str) -> TestResponse:
    """`GET /me` with a token in its place."""
    return client.get(routes.ME, headers={"Authorization": f"Bearer {token}"})


def assert_accepted(answer: TestResponse, username: str = USERNAME) -> None:
    assert answer.status_code == 200
    assert username in answer.text


def assert_refused(answer: TestResponse, case: object = "") -> None:
    assert answer.status_code == 401, case


def test_a_mangled_header_is_401(client: FlaskClient, token: str) -> None:
    basic = b64encode(f"{USERNAME}:{token}".encode()).decode()
    changed = [token[:-1], token[1:], token[::-1], token.swapcase(), f"{token[:20]} {token[20:]}"]
    changed += [token + "A" * 5000, "A" * 5000, "." * 4000]
    sent = [f"Bearer {each}" for each in changed] + [f"Basic {basic}"]
    refused = dict.fromkeys([*(each.replace("T", token) for each in MANGLED), *sent], 401)
    answers = {each: client.get(routes.ME, headers={"Authorization": each}) for each in refused}
    assert {each: answer.status_code for each, answer in answers.items()} == refused


def test_two_headers_are_401_whichever_comes_first(client: FlaskClient, token: str) -> None:
    good = ("Authorization", f"Bearer {token}")
    for value in ("Bearer ", "Bearer x", "Basic YWRhOmE=", good[1]):
        other = ("Authorization", value)
        for both in ([good, other], [other, good]):
            assert_refused(client.get(routes.ME, headers=both), both)


def test_a_token_elsewhere_than_in_its_header_is_401(client: FlaskClient, token: str) -> None:
    for name in ELSEWHERE:
        for sent in (token, f"Bearer {token}"):
            assert_refused(client.get(routes.ME, query_string={name: sent}), name)
            if name != "Authorization":
                assert_refused(client.get(routes.ME, headers={name: sent}), name)
        assert_refused(client.post(routes.LOGOUT, json={name: token}, headers=OWN_PAGE), name)
        client.set_cookie(name, token)
        assert_refused(client.get(routes.ME), name)
        assert_refused(client.post(routes.LOGOUT, headers=OWN_PAGE), name)
    assert_accepted(ask(client, token))
