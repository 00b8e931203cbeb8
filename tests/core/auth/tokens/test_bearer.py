"""Where a token is looked for, and what none can look like."""

from base64 import b64encode

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from core import routes
from core.conftest import LOGIN, OWN_PAGE, USERNAME

ELSEWHERE = ["token", "access_token", "bearer", "session", "dev-session", "Authorization"]
ELSEWHERE += ["Proxy-Authorization", "X-Auth-Token", "X-Forwarded-Authorization"]

MANGLED = [
    "",
    "Bearer",
    "Bearer ",
    "{token}",
    "Bearer{token}",
    "Bearer  {token}",
    "Bearer\t{token}",
    "Bearer: {token}",
    'Bearer "{token}"',
    "Bearer token={token}",
    "Basic {token}",
    "Token {token}",
    "Bearer {token}, Bearer {token}",
    "Bearer {token} {token}",
    "Bearer {token}=",
    "Bearer {token}==",
    "Bearer {token}A",
    "Bearer A{token}",
    "Bearer {token}.",
    "Bearer .{token}",
    "Bearer {token}~",
    "Bearer {token}%00",
    "Bearer {token}\0",
    "Bearer {token}é",
    "Bearer null",
    "Bearer ..",
]


pytestmark = pytest.mark.parametrize("token_type", ["opaque", "jwt", "paseto"])


def bearer(credentials: dict[str, str]) -> str:
    """The token in the header that shows it."""
    return credentials["Authorization"].split()[1]


def ask(client: FlaskClient, token: str) -> TestResponse:
    """`GET /me` with a token in its place."""
    return client.get(routes.ME, headers={"Authorization": f"Bearer {token}"})


def assert_accepted(answer: TestResponse, username: str = USERNAME) -> None:
    assert answer.status_code == 200
    assert username in answer.text


def assert_refused(answer: TestResponse) -> None:
    assert answer.status_code == 401


def test_the_scheme_is_read_in_any_case(
    client: FlaskClient, token: str, subtests: pytest.Subtests
) -> None:
    for scheme in ("Bearer", "bearer", "BEARER"):
        with subtests.test(scheme):
            headers = {"Authorization": f"{scheme} {token}"}
            assert_accepted(client.get(routes.ME, headers=headers))


def test_a_mangled_header_is_401(
    client: FlaskClient, token: str, subtests: pytest.Subtests
) -> None:
    basic = b64encode(f"{USERNAME}:{token}".encode()).decode()
    changed = [token[:-1], token[1:], token[::-1], token.swapcase(), f"{token[:20]} {token[20:]}"]
    changed += [token + "A" * 5000, "A" * 5000, "." * 4000]
    sent = [f"Bearer {each}" for each in changed] + [f"Basic {basic}"]
    for header in [*(each.format(token=token) for each in MANGLED), *sent]:
        with subtests.test(header.replace(token, "TOKEN")[:40]):
            assert_refused(client.get(routes.ME, headers={"Authorization": header}))


def test_two_headers_are_401_whichever_comes_first(
    client: FlaskClient, token: str, subtests: pytest.Subtests
) -> None:
    good = ("Authorization", f"Bearer {token}")
    for value in ("Bearer ", "Bearer x", "Basic YWRhOmE=", good[1]):
        with subtests.test(value.replace(token, "TOKEN")):
            other = ("Authorization", value)
            for both in ([good, other], [other, good]):
                assert_refused(client.get(routes.ME, headers=both))


def test_a_token_elsewhere_than_in_its_header_is_401(
    client: FlaskClient, token: str, subtests: pytest.Subtests
) -> None:
    for name in ELSEWHERE:
        with subtests.test(name):
            for sent in (token, f"Bearer {token}"):
                assert_refused(client.get(routes.ME, query_string={name: sent}))
                if name != "Authorization":
                    assert_refused(client.get(routes.ME, headers={name: sent}))
            assert_refused(client.post(routes.LOGOUT, json={name: token}, headers=OWN_PAGE))
            client.set_cookie(name, token)
            assert_refused(client.get(routes.ME))
            assert_refused(client.post(routes.LOGOUT, headers=OWN_PAGE))
    assert_accepted(ask(client, token))


def test_a_browser_sends_no_login_by_itself(client: FlaskClient) -> None:
    client.post(routes.LOGIN, json=LOGIN)
    assert_refused(client.get(routes.ME))
