"""TOKEN_SCHEMES: the schemes of `Authorization` that bring a token, in place of `Bearer`."""

import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import PolicyError, login_required, openapi, recent_login, testing
from secure_flask.auth.logins import DAY

from core import routes
from core.conftest import LOGIN, OWN_PAGE, USERNAME, MakeApp, log_in_by_form
from core.keys.made_keys import new_key

SCHEMES = ["Token", "Bearer"]
STRANGER = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}

pytestmark = pytest.mark.parametrize("token_type", ["opaque", "jwt"])


@pytest.fixture
def app(make_app: MakeApp, token_type: str) -> Flask:
    return make_app(TOKEN_TYPE=token_type, TOKEN_SCHEMES=SCHEMES)


def me(client: FlaskClient, scheme: str, token: str) -> int:
    return client.get(routes.ME, headers={"Authorization": f"{scheme} {token}"}).status_code


def test_each_of_them_brings_a_token_in_any_case(client: FlaskClient, token: str) -> None:
    schemes = ["Token", "token", "TOKEN", "Bearer", "bearer"]
    assert {each: me(client, each, token) for each in schemes} == dict.fromkeys(schemes, 200)


def test_no_other_one_does(client: FlaskClient, token: str) -> None:
    schemes = ["Basic", "Digest", "Negotiate", "Tokens", "Token:", "Other", ""]
    assert {each: me(client, each, token) for each in schemes} == dict.fromkeys(schemes, 401)


def test_bearer_is_another_one_where_it_is_not_listed(make_app: MakeApp, token_type: str) -> None:
    client = make_app(TOKEN_TYPE=token_type, TOKEN_SCHEMES=["Token"]).test_client()
    issued = client.post(routes.LOGIN, json=LOGIN).get_json()
    assert issued["token_type"] == "Token"
    token = issued["token"]
    assert {each: me(client, each, token) for each in SCHEMES} == {"Token": 200, "Bearer": 401}


def test_a_key_comes_by_each_of_them(app: Flask, client: FlaskClient) -> None:
    key = new_key(app, expires_in=DAY)
    assert {each: me(client, each, key) for each in SCHEMES} == {"Token": 200, "Bearer": 200}


def test_a_login_names_the_first_one(client: FlaskClient) -> None:
    assert client.post(routes.LOGIN, json=LOGIN).get_json()["token_type"] == "Token"


def test_a_401_asks_for_each_of_them(client: FlaskClient) -> None:
    assert client.get(routes.ME).headers["WWW-Authenticate"] == "Token, Bearer"


def test_an_old_login_is_told_so_for_each_of_them(app: Flask, wait: Any) -> None:
    app.add_url_rule("/probe", "probe", recent_login(minutes=5)(lambda: ""))
    client = app.test_client()
    token = client.post(routes.LOGIN, json=LOGIN).get_json()["token"]
    wait(301)
    answer = client.get("/probe", headers={"Authorization": f"Token {token}"})
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
    app.add_url_rule("/probe", "probe", login_required(lambda: "in"))
    client = app.test_client()
    testing.log_in_by_json(client, USERNAME, LOGIN["password"])
    assert client.environ_base["HTTP_AUTHORIZATION"].startswith("Token ")
    assert client.get("/probe").text == "in"


# Cross-site writes: a browser sends no such scheme by itself.


def write(client: FlaskClient, authorization: str, **headers: str) -> int:
    sent = {"Authorization": authorization, **headers}
    return client.post(routes.LOGOUT, data={"a": "b"}, headers=sent).status_code


@pytest.mark.asvs("3.5.1")
@pytest.mark.parametrize("sent", ["Basic YTpi", "Digest x", "Negotiate x", "NTLM x", "Other x"])
def test_a_write_of_another_site_with_what_a_browser_sends_by_itself_is_403(
    client: FlaskClient, sent: str
) -> None:
    log_in_by_form(client)
    assert write(client, sent, **STRANGER) == 403
    # It logs nobody out either: the cookie of this site's own page counts beside it.
    assert write(client, sent, **OWN_PAGE) == 303


@pytest.mark.parametrize("scheme", SCHEMES)
def test_beside_each_of_them_no_cookie_is_read(client: FlaskClient, scheme: str) -> None:
    log_in_by_form(client)
    assert write(client, f"{scheme} x", **STRANGER) == 401


REFUSED = [
    *("Basic", "basic", "Digest", "Negotiate", "NTLM", "PrivateToken"),
    *("Mutual", "HOBA", "SCRAM-SHA-256", "Concealed"),
]


@pytest.mark.parametrize("scheme", REFUSED)
def test_a_scheme_that_browsers_send_by_themselves_stops_the_app(
    make_app: MakeApp, token_type: str, scheme: str
) -> None:
    said = (
        f"policy.py: TOKEN_SCHEMES holds '{scheme}'; browsers send it by themselves, so any site "
        "could write by the login of a user: write a scheme that only your clients send, such as "
        "'Bearer' or 'Token'."
    )
    with pytest.raises(PolicyError) as raised:
        make_app(TOKEN_TYPE=token_type, TOKEN_SCHEMES=["Bearer", scheme])
    assert str(raised.value) == said


NAMES: list[tuple[object, str]] = [
    (["Bearer token"], "holds 'Bearer token'; write letters, digits, ., _ and -"),
    ([""], "holds ''; write letters, digits, ., _ and -"),
    (["Tok\u00e9n"], "holds 'Tok\u00e9n'; write letters, digits, ., _ and -"),
    ([], "is []; write ['Bearer'], or the schemes that your clients send"),
    ("Token", "is 'Token'; write a valid list, as in ['Token', 'Bearer']"),
]


@pytest.mark.parametrize(("schemes", "said"), NAMES)
def test_what_is_no_scheme_stops_the_app(
    make_app: MakeApp, token_type: str, schemes: object, said: str
) -> None:
    with pytest.raises(PolicyError) as raised:
        make_app(TOKEN_TYPE=token_type, TOKEN_SCHEMES=schemes)
    assert str(raised.value).startswith(f"policy.py: TOKEN_SCHEMES {said}")
