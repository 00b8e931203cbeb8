"""The jwt type: tokens made by hand, since the library would refuse to make most of these."""

import hmac
import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import testing
from secure_flask.auth.tokens import jwt_token
from secure_flask.auth.tokens.jwt_token import LIFETIME, SIGNING_KEYS
from secure_flask.clock import CLOCK
from secure_flask.policy_types import MAX_NAME
from secure_flask.settings import Settings, SettingsError, keyrings
from secure_flask.settings.__main__ import fresh_secrets
from secure_flask.state import app_state
from secure_flask.web.origins import PolicyError

from core import routes
from core.auth.tokens.test_bearer import ask, assert_accepted, assert_refused
from core.conftest import LOGIN, SECRETS, MakeApp, is_logged_in, log_in


def keys_of(ring: str) -> dict[str, Ed25519PrivateKey]:
    """The keys by id that TOKEN_KEYS holds."""
    seeds = keyrings.read_keyring(ring).items()
    return {key_id: Ed25519PrivateKey.from_private_bytes(seed) for key_id, seed in seeds}


[(KEY_ID, KEY)] = keys_of(SECRETS["token_keys"]).items()
ANOTHER_KEY = Ed25519PrivateKey.generate()
JWKS = routes.JWKS
HEADER = {"alg": "EdDSA", "typ": "at+jwt", "kid": KEY_ID}

ALGORITHMS = ["none", "None", "HS256", "ES256", "RS256", "Ed25519", "eddsa", "EdDSA ", "", None]

# What a token's header may not be, under a good signature: the bytes, or what they say.
OTHER_HEADERS: dict[str, Any] = {
    **{f"alg {algorithm}": {**HEADER, "alg": algorithm} for algorithm in ALGORITHMS},
    "no alg": {"typ": "at+jwt", "kid": KEY_ID},
    "no typ": {"alg": "EdDSA", "kid": KEY_ID},
    "typ JWT": {**HEADER, "typ": "JWT"},
    "typ of a logout token": {**HEADER, "typ": "logout+jwt"},
    "typ a list": {**HEADER, "typ": ["at+jwt"]},
    "no kid": {"alg": "EdDSA", "typ": "at+jwt"},
    "kid null": {**HEADER, "kid": None},
    "kid unknown": {**HEADER, "kid": "../../dev/null"},
    "kid with a space": {**HEADER, "kid": f"{KEY_ID} "},
    "kid a surrogate": {**HEADER, "kid": "\ud800"},
    "kid a number": {**HEADER, "kid": 1},
    "kid a list": {**HEADER, "kid": [KEY_ID]},
    "jku": {**HEADER, "jku": "https://evil.example/jwks.json"},
    "crit": {**HEADER, "crit": ["exp"]},
    "b64": {**HEADER, "crit": ["b64"], "b64": False},
    "cty": {**HEADER, "cty": "JWT"},
    "another member": {**HEADER, "new": None},
    "a list": [HEADER],
    "null": None,
    "nothing": b"",
    "no JSON": b"{",
    "no UTF-8": b'{"alg":"EdDSA","typ":"at+jwt","kid":"\xff"}',
    "very deep": b"[" * 2500,
    "alg twice": b'{"alg":"none",' + json.dumps(HEADER).encode()[1:],
    "kid twice": b'{"kid":"unknown",' + json.dumps(HEADER).encode()[1:],
}

# What a careless reader would take for the secret of HS256.
PUBLIC_KEYS = {
    "raw": KEY.public_key().public_bytes_raw(),
    "pem": KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    "der": KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    "nothing": b"",
}

MANGLED: dict[str, Callable[[str], str]] = {
    "no signature": lambda token: token.rpartition(".")[0] + ".",
    "no signature, no dot": lambda token: token.rpartition(".")[0],
    "no payload": lambda token: "{0}..{2}".format(*token.split(".")),
    "a short payload": lambda token: "{0}.AAAA.{2}".format(*token.split(".")),
    "one more segment": lambda token: token + ".e30",
    "one more segment, empty": lambda token: token + ".",
    "one more in front": lambda token: "e30." + token,
    "another spelling": lambda token: respell(token),
    "signature padded": lambda token: token + "==",
    "one bit changed": lambda token: change_signature(token, flip_a_bit),
}


@pytest.fixture
def token_type() -> str:
    return "jwt"


@pytest.fixture
def payload(token: str) -> bytes:
    """What the token of a live login says: signed again, it is as good."""
    return write(read(token))


def test_any_library_reads_it_by_the_published_keys(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The library reads the real time.
    monkeypatch.setitem(app_state(app), CLOCK, time.time)
    token = client.post(routes.LOGIN, json=LOGIN).get_json()["token"]
    [key] = jwt.PyJWKSet.from_dict(client.get(JWKS).get_json()).keys
    site = "https://localhost"
    claims = jwt.decode(token, key, algorithms=["EdDSA"], audience=site, issuer=site)
    assert claims == read(token)
    assert jwt.get_unverified_header(token) == HEADER


def test_the_published_keys_are_exactly_the_public_ones(make_app: MakeApp) -> None:
    ring = f"{keyrings.new_key('2')},{SECRETS['token_keys']}"
    answer = make_app(TOKEN_TYPE="jwt", token_keys=ring).test_client().get(JWKS)
    same = {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA"}
    assert answer.json == {
        "keys": [
            {**same, "kid": key_id, "x": encode(key.public_key().public_bytes_raw())}
            for key_id, key in keys_of(ring).items()
        ]
    }
    # As long as a token serves, and no longer.
    assert answer.cache_control.max_age == LIFETIME


@pytest.mark.parametrize("case", MANGLED)
def test_a_mangled_token_is_401(client: FlaskClient, token: str, case: str) -> None:
    mangled = MANGLED[case](token)
    assert mangled != token
    assert_refused(ask(client, mangled))


@pytest.mark.asvs("9.1.2", "9.1.3", "9.2.2", "11.6.1")
def test_another_header_is_401_signed_or_not(client: FlaskClient, payload: bytes) -> None:
    for case, header in OTHER_HEADERS.items():
        token = sign(payload, header)
        assert_refused(ask(client, token), case)
        assert_refused(ask(client, token.rpartition(".")[0] + "."), case)


@pytest.mark.asvs("9.1.2")
def test_the_public_key_is_no_secret_to_sign_with(client: FlaskClient, payload: bytes) -> None:
    unsigned = join({**HEADER, "alg": "HS256"}, payload)
    for case, secret in PUBLIC_KEYS.items():
        signature = hmac.digest(secret, unsigned.encode(), "sha256")
        assert_refused(ask(client, f"{unsigned}.{encode(signature)}"), case)


@pytest.mark.asvs("9.1.1", "9.1.3")
def test_the_signature_of_another_key_is_401_even_if_the_token_brings_that_along(
    client: FlaskClient, payload: bytes
) -> None:
    assert_refused(ask(client, sign(payload, key=ANOTHER_KEY)))
    point = encode(ANOTHER_KEY.public_key().public_bytes_raw())
    jwk = {"kty": "OKP", "crv": "Ed25519", "kid": KEY_ID, "x": point}
    assert_refused(ask(client, sign(payload, {**HEADER, "jwk": jwk}, ANOTHER_KEY)))
    assert_refused(ask(client, sign(payload, {**HEADER, "jwk": jwk}, KEY)))


def test_a_key_id_must_name_the_key_that_signed(
    app: Flask, client: FlaskClient, payload: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = f"{SECRETS['token_keys']},{keyrings.new_key('2')}"
    monkeypatch.setitem(app_state(app), SIGNING_KEYS, keys_of(ring))
    assert_accepted(ask(client, sign(payload)))
    assert_refused(ask(client, sign(payload, {**HEADER, "kid": "2"})))


# The keys that sign: how they are written, and how one takes another's place.

OLD, NEW = SECRETS["token_keys"], keyrings.new_key("2")


def test_the_app_does_not_start_without_a_key(make_app: MakeApp) -> None:
    with pytest.raises(SettingsError, match="TOKEN_KEYS is missing"):
        make_app(TOKEN_TYPE="jwt", token_keys=None)


@pytest.mark.asvs("11.6.1")
def test_an_unusable_key_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    too_short = OLD[:-2]
    values = {**fresh_secrets(), "APP_ENV": "development", "TOKEN_KEYS": too_short}
    for name, secret in values.items():
        monkeypatch.setenv(name, secret)
    with pytest.raises(SettingsError, match="TOKEN_KEYS") as refused:
        Settings.load()
    assert too_short.partition(":")[2] not in str(refused.value)


@pytest.mark.parametrize("name", ["TOKEN_ISSUER", "TOKEN_AUDIENCE"])
def test_a_name_that_no_token_can_carry_is_refused(
    make_app: MakeApp, name: str, subtests: pytest.Subtests
) -> None:
    for value in ("", " ", "a b", "a\n", "\x07", "\udcff", "a" * (MAX_NAME + 1)):
        with (
            subtests.test(value=value),
            pytest.raises(PolicyError, match=f"{name} is .*; write 1 to 255 ASCII characters"),
        ):
            make_app(TOKEN_TYPE="jwt", **{name: value})


def use_keys(app: Flask, *ring: str) -> None:
    with testing.thawed(app, TOKEN_KEYS=",".join(ring)):
        jwt_token.read_signing_keys(app)


@pytest.fixture
def renewed(make_app: MakeApp) -> FlaskClient:
    """A client of an app whose keys a test changes."""
    return make_app(TOKEN_TYPE="jwt").test_client()


def test_the_first_key_signs_and_tokens_of_the_old_one_serve_beside(renewed: FlaskClient) -> None:
    app, old = renewed.application, log_in(renewed)
    use_keys(app, NEW, OLD)
    new = log_in(renewed)
    assert [is_logged_in(renewed, each) for each in (old, new)] == [True, True]
    use_keys(app, OLD)
    assert [is_logged_in(renewed, each) for each in (old, new)] == [True, False]
    use_keys(app, NEW)
    assert [is_logged_in(renewed, each) for each in (old, new)] == [False, True]
    # Another key under the same id is another key.
    use_keys(app, keyrings.new_key(KEY_ID))
    assert not is_logged_in(renewed, old)


def test_dropping_a_key_ends_what_it_signed_but_no_login(renewed: FlaskClient) -> None:
    login = renewed.post(routes.LOGIN, json=LOGIN).get_json()
    use_keys(renewed.application, NEW)
    assert_refused(ask(renewed, login["token"]))
    again = renewed.post(routes.REFRESH, json={"refresh_token": login["refresh_token"]})
    assert_accepted(ask(renewed, again.get_json()["token"]))


def read(token: str) -> dict[str, Any]:
    """What a token says, unchecked."""
    claims: dict[str, Any] = json.loads(decode(token.split(".")[1]))
    return claims


def write(claims: dict[str, Any]) -> bytes:
    return json.dumps(claims).encode()


def sign(payload: bytes, header: object = HEADER, key: Ed25519PrivateKey = KEY) -> str:
    """A token that says so, with a signature that is good for its text."""
    unsigned = join(header, payload)
    return f"{unsigned}.{encode(key.sign(unsigned.encode()))}"


def join(header: object, payload: bytes) -> str:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return f"{encode(text)}.{encode(payload)}"


def encode(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "==")


def respell(token: str) -> str:
    """The same bytes: the last of 86 characters has four bits that nobody reads."""
    respelled = token[:-1] + chr(ord(token[-1]) + 1)
    assert decode(respelled.rpartition(".")[2]) == decode(token.rpartition(".")[2])
    return respelled


def change_signature(token: str, change: Callable[[bytes], bytes]) -> str:
    unsigned, _, signature = token.rpartition(".")
    return f"{unsigned}.{encode(change(decode(signature)))}"


def flip_a_bit(signature: bytes) -> bytes:
    return bytes([signature[0] ^ 1]) + signature[1:]
