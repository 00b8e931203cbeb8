"""The recipe of OpenID Connect takes no forged token. test_openid_connect.py asks a real provider.

Source: OpenID Connect Core 1.0, section 3.1.3.7.
"""

from __future__ import annotations

import pytest

import following
import support
from conftest import NewProject

FORGED = """
import hmac
import json
import time
from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import RSAKey

ISSUER, SUB = "https://id.example.org", {"sub": "ada"}
KEY, OTHER_KEY = (RSAKey.generate_key(2048, {"kid": "a"}) for _ in range(2))
# Confusion of algorithms: the public key, which everybody knows, as the secret of an HMAC.
PUBLIC = KEY.as_pem(private=False)


def encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def signed(claims: dict[str, Any], key: Any, alg: str) -> str:
    head = {"alg": alg, "kid": "a"}
    if alg == "RS256":
        return jwt.encode(head, claims, key)
    text = ".".join(encoded(json.dumps(each).encode()) for each in (head, claims))
    signature = hmac.digest(PUBLIC, text.encode(), "sha256") if alg == "HS256" else b""
    return f"{text}.{encoded(signature)}"


def address_back(app: Flask, client: FlaskClient, key: Any, alg: str, **changes: Any) -> str:
    # Where the provider leads back to. It gives a token with these claims for the code.
    oidc = app.extensions["oidc"]
    metadata = {"issuer": ISSUER, "authorization_endpoint": f"{ISSUER}/auth", "token_endpoint": "-"}
    metadata["id_token_signing_alg_values_supported"] = ["RS256", "HS256", "none"]
    jwks = {"keys": [KEY.as_dict(private=False)]}
    oidc.server_metadata.update(metadata, jwks=jwks, jwks_uri="-", _loaded_at=time.time())
    sent = parse_qs(urlsplit(client.get("/login/oidc").location).query)
    claims = {"iss": ISSUER, "aud": oidc.client_id, "iat": time.time(), "exp": time.time() + 60}
    claims |= {"nonce": sent["nonce"][0], **SUB, **changes}
    claims = {name: value for name, value in claims.items() if value is not None}
    token = {"access_token": "a", "id_token": signed(claims, key, alg)}
    oidc.fetch_access_token = lambda **_: {name: each for name, each in token.items() if each}
    oidc.fetch_jwk_set = lambda force=False: jwks
    return f"/login/oidc/callback?code=a&state={sent['state'][0]}"


def answer(app: Flask, client: FlaskClient, key: Any, alg: str, **changes: Any) -> int:
    return client.get(address_back(app, client, key, alg, **changes)).status_code


def test_a_right_token_logs_in(app: Flask, client: FlaskClient) -> None:
    said = {"email": "ada.lovelace@example.org", "email_verified": True}
    for sub in ("ada", "bob"):
        assert answer(app, client, KEY, "RS256", sub=sub, **said) == 303
        me = client.get("/me").get_json()
        assert me["email"] == (said["email"] if sub == "ada" else None)


@pytest.mark.parametrize("said", [["a"], ["a@b.example"], "a", "", "jörg@", 1, {}, None], ids=str)
def test_what_is_no_address_bars_nobody(app: Flask, client: FlaskClient, said: object) -> None:
    assert answer(app, client, KEY, "RS256", email=said, email_verified=True) == 303
    assert client.get("/me").get_json()["email"] is None


def test_an_address_that_gets_no_mail_here_bars_nobody(app: Flask, client: FlaskClient) -> None:
    said = "jörg@example.org"
    assert answer(app, client, KEY, "RS256", email=said, email_verified=True) == 303
    # A project with accounts=self-service omits the address, which not every mail server takes.
    assert client.get("/me").get_json()["email"] in (None, said)


def test_two_answers_at_once_with_one_state_are_one_login(app: Flask, client: FlaskClient) -> None:
    back, oidc = address_back(app, client, KEY, "RS256"), app.extensions["oidc"]
    own = client.get_cookie("dev-flask")
    cookies = {"HTTP_COOKIE": f"{own.key}={own.value}"}
    fetch, second = oidc.fetch_access_token, list[int]()

    def answer_meanwhile(**given: Any) -> Any:
        oidc.fetch_access_token = fetch
        other = app.test_client(use_cookies=False)
        second.append(other.get(back, environ_base=cookies).status_code)
        return fetch(**given)

    oidc.fetch_access_token = answer_meanwhile
    first = client.get(back).status_code
    assert (first, second) == (303, [401])
    assert len(client.get("/sessions").get_json()["sessions"]) == 1


def test_of_five_answers_at_once_one_is_told_to_wait_and_works_then(app: Flask) -> None:
    oidc, begun, answers = app.extensions["oidc"], [], []
    for _ in range(5):
        client = app.test_client()
        begun.append((client, address_back(app, client, KEY, "RS256"), oidc.fetch_access_token))

    # Each waits for the provider until the next one has its answer.
    def come_back(number: int) -> None:
        client, back, fetch = begun[number]

        def hang(**given: Any) -> Any:
            come_back(number + 1)
            return fetch(**given)

        oidc.fetch_access_token = hang if number < 4 else fetch
        answer = client.get(back)
        answers.append((answer.status_code, answer.headers.get("Retry-After")))

    come_back(0)
    come_back(4)
    assert answers == [(503, "3"), *[(303, None)] * 5]


def test_each_call_of_the_provider_ends_after_three_seconds(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {}

    def send(adapter: object, request: requests.PreparedRequest, **options: Any) -> Any:
        asked[request.url] = options["timeout"]
        raise requests.ConnectTimeout

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    oidc, back = app.extensions["oidc"], address_back(app, client, KEY, "RS256")
    # What other tests put in place of these two.
    del oidc.fetch_access_token, oidc.fetch_jwk_set
    oidc.server_metadata.update(token_endpoint=f"{ISSUER}/token", jwks_uri=f"{ISSUER}/keys", jwks=None)
    assert client.get(back).status_code == 401
    with pytest.raises(requests.ConnectTimeout):
        oidc.fetch_jwk_set()
    oidc.server_metadata.clear()
    assert client.get("/login/oidc").status_code == 503
    metadata = f"{ISSUER}/.well-known/openid-configuration"
    assert asked == dict.fromkeys([f"{ISSUER}/token", f"{ISSUER}/keys", metadata], 3)


def test_a_provider_that_hangs_stops_no_logout(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def send(adapter: object, request: requests.PreparedRequest, **options: Any) -> Any:
        raise requests.ConnectTimeout

    assert answer(app, client, KEY, "RS256") == 303
    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    app.extensions["oidc"].server_metadata.clear()
    left = client.post("/logout/oidc", data={"a": "b"}, headers={"Origin": "http://localhost"})
    assert (left.status_code, left.location) == (303, "http://localhost/")
    assert client.get("/me").status_code == 401


def test_a_key_lasts_no_longer_than_a_login(app: Flask, client: FlaskClient) -> None:
    assert answer(app, client, KEY, "RS256", auth_time=int(time.time())) == 303
    own = {"Origin": "http://localhost"}
    assert client.post("/keys", json={"name": "Backup"}, headers=own).status_code == 201
    [key] = client.get("/keys").get_json()["keys"]
    assert key["expires"] - key["created"] == app.config["LOGIN_LIFETIME"] == 4 * 3600


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "another"},
        {"aud": ["another"], "azp": "CLIENT"},
        {"aud": None},
        {"nonce": "another"},
        {"nonce": None},
        {"sub": None},
        {"exp": 1},
        {"exp": None},
    ],
    ids=str,
)
def test_a_token_for_somebody_else_is_refused(
    app: Flask, client: FlaskClient, changes: dict[str, Any]
) -> None:
    if "azp" in changes:
        changes["azp"] = app.extensions["oidc"].client_id
    assert answer(app, client, KEY, "RS256", **changes) == 401
    assert client.get("/me").status_code == 401


# The library of the provider only warns of these algorithms, in production too.
@pytest.mark.filterwarnings("ignore:JWS algorithm")
@pytest.mark.parametrize(("key", "alg"), [(OTHER_KEY, "RS256"), (None, "HS256"), (None, "none")])
def test_a_token_that_another_key_signed_is_refused(
    app: Flask, client: FlaskClient, key: Any, alg: str
) -> None:
    assert answer(app, client, key, alg) == 401
    assert client.get("/me").status_code == 401


def test_an_answer_without_a_token_is_refused(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jwt, "encode", lambda *_: None)
    assert answer(app, client, KEY, "RS256") == 401
"""


@pytest.mark.all
@pytest.mark.slow
@pytest.mark.asvs("6.8.2")
@pytest.mark.parametrize("accounts", support.CHOICES["accounts"])
def test_no_forged_token_logs_in(ready_project: NewProject, accounts: str) -> None:
    """The provider makes none, so these come from a key of the test."""
    project = ready_project(accounts=accounts)
    following.write_files(project, support.PAGES / "recipes" / "openid-connect.md")
    (project / "tests" / "test_forged_tokens.py").write_text(FORGED, "utf-8")
    support.own_tests(project, "tests/test_forged_tokens.py", "tests/test_oidc.py")
