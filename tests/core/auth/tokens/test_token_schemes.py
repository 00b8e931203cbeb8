"""TOKEN_SCHEMES: the schemes of `Authorization` that bring a token, in place of `Bearer`."""

import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import PolicyError, openapi, recent_login, testing
from secure_flask.auth.logins import DAY

from core import routes
from core.conftest import LOGIN, OWN_PAGE, USERNAME, MakeApp, log_in_by_form
from core.keys.made_keys import new_key

SCHEMES = ["Token", "Bearer"]
BROWSERS = ["Basic", "basic", "Digest", "Negotiate", "NTLM", "PrivateToken", "Mutual", "HOBA"]
BROWSERS += ["SCRAM-SHA-256", "Concealed"]
STRANGER = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}

pytestmark = pytest.mark.parametrize("token_type", ["opaque", "jwt"])


@pytest.fixture
def app(make_app: MakeApp, token_type: str) -> Flask:
    return make_app(TOKEN_TYPE=token_type, TOKEN_SCHEMES=SCHEMES)


def statuses(client: FlaskClient, token: str, schemes: list[str]) -> dict[str, int]:
    sent = {each: {"Authorization": f"{each} {token}"} for each in schemes}
    return {each: client.get(routes.ME, headers=sent[each]).status_code for each in schemes}


def test_each_of_them_brings_a_token_or_a_key_in_any_case_and_no_other_one_does(
    app: Flask, client: FlaskClient, token: str, subtests: pytest.Subtests
) -> None:
    schemes = ["Token", "token", "TOKEN", "Bearer", "bearer"]
    others = ["Basic", "Digest", "Negotiate", "Tokens", "Token:", "Other", ""]
    for sent in (token, new_key(app, expires_in=DAY)):
        with subtests.test(sent=sent):
            assert statuses(client, sent, schemes) == dict.fromkeys(schemes, 200)
            assert statuses(client, sent, others) == dict.fromkeys(others, 401)


def test_bearer_is_another_one_where_it_is_not_listed(make_app: MakeApp, token_type: str) -> None:
    client = make_app(TOKEN_TYPE=token_type, TOKEN_SCHEMES=["Token"]).test_client()
    issued = client.post(routes.LOGIN, json=LOGIN).get_json()
    assert issued["token_type"] == "Token"
    assert statuses(client, issued["token"], SCHEMES) == {"Token": 200, "Bearer": 401}


def test_a_login_names_the_first_one_and_a_401_asks_for_each_of_them(app: Flask, wait: Any) -> None:
    app.add_url_rule("/probe", "probe", recent_login(minutes=5)(lambda: ""))
    client = app.test_client()
    assert client.get(routes.ME).headers["WWW-Authenticate"] == "Token, Bearer"
    issued = client.post(routes.LOGIN, json=LOGIN).get_json()
    assert issued["token_type"] == "Token"
    wait(301)
    answer = client.get("/probe", headers={"Authorization": f"Token {issued['token']}"})
    said = 'error="insufficient_user_authentication", max_age="300"'
    assert answer.headers["WWW-Authenticate"] == f"Token {said}, Bearer {said}"


def test_openapi_describes_each_of_them(app: Flask) -> None:
    document = json.loads(openapi.document(app))
    schemes = document["components"]["securitySchemes"]
    assert schemes["token"] == {"type": "http", "scheme": "token"}
    assert schemes["bearer"] == {"type": "http", "scheme": "bearer"}
    assert schemes["key"]["scheme"] == "token"
    by_login: list[dict[str, list[str]]] = [{"token": []}, {"bearer": []}, {"cookie": []}]
    assert document["paths"][routes.LOGOUT]["post"]["security"] == by_login


def test_the_helper_of_tests_sends_the_token_by_the_first_one(app: Flask) -> None:
    app.add_url_rule("/login", "login.login", app.view_functions["site.login"], methods=["POST"])
    client = app.test_client()
    testing.log_in_by_json(client, USERNAME, LOGIN["password"])
    assert client.environ_base["HTTP_AUTHORIZATION"].startswith("Token ")
    assert client.get(routes.ME).status_code == 200


# Cross-site writes: a browser sends no such scheme by itself.


def write(client: FlaskClient, authorization: str, **headers: str) -> int:
    sent = {"Authorization": authorization, **headers}
    return client.post(routes.LOGOUT, data={"a": "b"}, headers=sent).status_code


@pytest.mark.asvs("3.5.1")
def test_a_write_of_another_site_with_what_a_browser_sends_by_itself_is_403(
    client: FlaskClient,
    subtests: pytest.Subtests,
) -> None:
    for sent in ("Basic YTpi", "Digest x", "Negotiate x", "NTLM x", "Other x"):
        with subtests.test(sent=sent):
            log_in_by_form(client)
            assert write(client, sent, **STRANGER) == 403
            # It logs nobody out either: the cookie of this site's own page counts beside it.
            assert write(client, sent, **OWN_PAGE) == 303
    # Beside one of the schemes no cookie is read.
    assert [write(client, f"{scheme} x", **STRANGER) for scheme in SCHEMES] == [401, 401]


REFUSED: list[tuple[object, str]] = [
    # Browsers send these by themselves.
    *((["Bearer", each], f"holds '{each}'; browsers send it by themselves") for each in BROWSERS),
    (["Bearer token"], "holds 'Bearer token'; write letters, digits, ., _ and -"),
    ([""], "holds ''; write letters, digits, ., _ and -"),
    (["Tok\u00e9n"], "holds 'Tok\u00e9n'; write letters, digits, ., _ and -"),
    ([], "is []; write ['Bearer'], or the schemes that your clients send"),
    ("Token", "is 'Token'; write a valid list, as in ['Token', 'Bearer']"),
]


@pytest.mark.parametrize(("schemes", "said"), REFUSED)
def test_a_scheme_that_any_site_could_write_by_or_that_is_none_stops_the_app(
    make_app: MakeApp, token_type: str, schemes: object, said: str
) -> None:
    with pytest.raises(PolicyError) as raised:
        make_app(TOKEN_TYPE=token_type, TOKEN_SCHEMES=schemes)
    assert str(raised.value).startswith(f"policy.py: TOKEN_SCHEMES {said}")
