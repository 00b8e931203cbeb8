"""The jwt type: tokens made by hand, since the library would refuse to make most of these."""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask.testing import FlaskClient

from app import key_settings
from app.auth import signing_keys
from tests.auth.test_bearer import ask, assert_accepted, assert_refused
from tests.conftest import LOGIN, SECRETS, MakeApp

[(KEY_ID, KEY)] = signing_keys.read(SECRETS["token_keys"]).items()
ANOTHER_KEY = Ed25519PrivateKey.generate()
HEADER = {"alg": "EdDSA", "typ": "at+jwt", "kid": KEY_ID}

ALGORITHMS = ["none", "None", "HS256", "ES256", "RS256", "Ed25519", "eddsa", "EdDSA ", "", None]

OTHER_HEADERS: dict[str, Any] = {
    "no-alg": {"typ": "at+jwt", "kid": KEY_ID},
    "no-typ": {"alg": "EdDSA", "kid": KEY_ID},
    "typ-null": {**HEADER, "typ": None},
    "typ-jwt": {**HEADER, "typ": "JWT"},
    "typ-in-capitals": {**HEADER, "typ": "AT+JWT"},
    "typ-in-full": {**HEADER, "typ": "application/at+jwt"},
    "typ-of-a-logout-token": {**HEADER, "typ": "logout+jwt"},
    "typ-a-list": {**HEADER, "typ": ["at+jwt"]},
    "no-kid": {"alg": "EdDSA", "typ": "at+jwt"},
    "kid-null": {**HEADER, "kid": None},
    "kid-unknown": {**HEADER, "kid": "unknown"},
    "kid-empty": {**HEADER, "kid": ""},
    "kid-a-path": {**HEADER, "kid": "../../../../dev/null"},
    "kid-an-address": {**HEADER, "kid": "https://evil.example/key"},
    "kid-sql": {**HEADER, "kid": "x' UNION SELECT 'key' --"},
    "kid-nul": {**HEADER, "kid": f"{KEY_ID}\0"},
    "kid-a-surrogate": {**HEADER, "kid": "\ud800"},
    "kid-with-a-space": {**HEADER, "kid": f"{KEY_ID} "},
    "kid-long": {**HEADER, "kid": KEY_ID * 1000},
    "kid-a-number": {**HEADER, "kid": 1},
    "kid-true": {**HEADER, "kid": True},
    "kid-a-list": {**HEADER, "kid": [KEY_ID]},
    "kid-an-object": {**HEADER, "kid": {KEY_ID: KEY_ID}},
    "jku": {**HEADER, "jku": "https://evil.example/jwks.json"},
    "x5u": {**HEADER, "x5u": "https://evil.example/certificate.pem"},
    "x5c": {**HEADER, "x5c": ["MIIB"]},
    "crit": {**HEADER, "crit": ["exp"]},
    "crit-unknown": {**HEADER, "crit": ["new"], "new": True},
    "b64": {**HEADER, "crit": ["b64"], "b64": False},
    "zip": {**HEADER, "zip": "DEF"},
    "enc": {**HEADER, "enc": "A256GCM"},
    "cty": {**HEADER, "cty": "JWT"},
    "another-member": {**HEADER, "new": None},
    "member-in-capitals": {"ALG": "EdDSA", "typ": "at+jwt", "kid": KEY_ID},
    "a-list": [HEADER],
    "a-text": "EdDSA",
    "a-number": 1,
    "null": None,
}

HEADERS_OF_BYTES = {
    "nothing": b"",
    "no-json": b"{",
    "no-utf-8": b'{"alg":"EdDSA","typ":"at+jwt","kid":"\xff"}',
    "very-deep": b"[" * 2500,
    "a-long-number": b"9" * 2500,
    "alg-twice": b'{"alg":"none",' + json.dumps(HEADER).encode()[1:],
    "alg-twice-the-same": b'{"alg":"EdDSA",' + json.dumps(HEADER).encode()[1:],
    "typ-twice": b'{"typ":"JWT",' + json.dumps(HEADER).encode()[1:],
    "kid-twice": b'{"kid":"unknown",' + json.dumps(HEADER).encode()[1:],
}

# What a careless reader would take for the secret of HS256.
PUBLIC_KEYS = {
    "raw": KEY.public_key().public_bytes_raw(),
    "pem": KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    "der": KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    "jwk": urlsafe_b64encode(KEY.public_key().public_bytes_raw()).rstrip(b"="),
    "nothing": b"",
}

MANGLED: dict[str, Callable[[str], str]] = {
    "no-signature": lambda token: token.rpartition(".")[0] + ".",
    "no-signature-no-dot": lambda token: token.rpartition(".")[0],
    "header-alone": lambda token: token.partition(".")[0],
    "payload-alone": lambda token: token.split(".")[1],
    "no-header": lambda token: token[token.index(".") :],
    "no-payload": lambda token: "{0}..{2}".format(*token.split(".")),
    "segments-exchanged": lambda token: "{1}.{0}.{2}".format(*token.split(".")),
    "one-more-segment": lambda token: token + ".e30",
    "one-more-segment-empty": lambda token: token + ".",
    "one-more-in-front": lambda token: "e30." + token,
    "five-segments": lambda token: token + ".e30.e30",
    "twice": lambda token: f"{token}.{token}",
    "another-spelling": lambda token: respell(token),
    "signature-padded": lambda token: token + "==",
    "signature-zero": lambda token: f"{token.rpartition('.')[0]}.{encode(bytes(64))}",
    "signature-cut": lambda token: change_signature(token, lambda signature: signature[:-1]),
    "signature-longer": lambda token: change_signature(token, lambda signature: signature + b"\0"),
    "signature-twice": lambda token: change_signature(token, lambda signature: signature * 2),
    "one-bit-changed": lambda token: change_signature(token, flip_a_bit),
    "malleated": lambda token: change_signature(token, add_the_order),
}


@pytest.fixture
def payload(token: str) -> bytes:
    """What the token of a live login says: signed again, it is as good."""
    return write(read(token))


def test_a_login_gives_an_access_token_and_a_refresh_token(client: FlaskClient) -> None:
    answer = client.post("/login", json=LOGIN).get_json()
    assert answer.keys() == {"token", "token_type", "expires_in", "refresh_token"}
    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == 600
    claims = read(answer["token"])
    assert claims["exp"] - claims["iat"] == 600


def test_the_header_names_type_algorithm_and_key(token: str) -> None:
    assert json.loads(decode(token.split(".")[0])) == HEADER


def test_a_token_made_by_hand_is_accepted(client: FlaskClient, payload: bytes) -> None:
    assert_accepted(ask(client, sign(payload)))


def test_any_library_reads_it_by_the_published_keys(client: FlaskClient, token: str) -> None:
    [key] = jwt.PyJWKSet.from_dict(client.get("/.well-known/jwks.json").get_json()).keys
    assert key.key_id == jwt.get_unverified_header(token)["kid"]
    claims = jwt.decode(
        token, key, algorithms=["EdDSA"], audience="https://localhost", issuer="https://localhost"
    )
    assert claims == read(token)


def test_the_published_keys_are_exactly_the_public_ones(make_app: MakeApp) -> None:
    ring = f"{key_settings.new('2')},{SECRETS['token_keys']}"
    answer = make_app(token_keys=ring).test_client().get("/.well-known/jwks.json")
    same = {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA"}
    assert answer.json == {
        "keys": [
            {**same, "kid": key_id, "x": encode(key.public_key().public_bytes_raw())}
            for key_id, key in signing_keys.read(ring).items()
        ]
    }


def test_the_published_keys_hold_no_private_part(client: FlaskClient) -> None:
    answer = client.get("/.well-known/jwks.json")
    assert all("d" not in key for key in answer.get_json()["keys"])
    assert encode(KEY.private_bytes_raw()) not in answer.text


def test_the_published_keys_are_kept_no_longer_than_a_token_serves(client: FlaskClient) -> None:
    answer = client.get("/.well-known/jwks.json")
    assert answer.cache_control.max_age == 600


@pytest.mark.parametrize("mangle", MANGLED.values(), ids=MANGLED)
def test_a_mangled_token_is_401(
    client: FlaskClient, token: str, mangle: Callable[[str], str]
) -> None:
    assert mangle(token) != token
    assert_refused(ask(client, mangle(token)))


@pytest.mark.asvs("9.1.3", "9.2.2")
@pytest.mark.parametrize("header", OTHER_HEADERS.values(), ids=OTHER_HEADERS)
def test_another_header_is_401_though_signed(
    client: FlaskClient, payload: bytes, header: object
) -> None:
    assert_refused(ask(client, sign(payload, header)))


@pytest.mark.parametrize("header", HEADERS_OF_BYTES.values(), ids=HEADERS_OF_BYTES)
def test_a_header_that_readers_could_differ_on_is_401(
    client: FlaskClient, payload: bytes, header: bytes
) -> None:
    assert_refused(ask(client, sign(payload, header)))


@pytest.mark.asvs("9.1.2")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_another_algorithm_is_401_signed_or_not(
    client: FlaskClient, payload: bytes, algorithm: object
) -> None:
    token = sign(payload, {**HEADER, "alg": algorithm})
    assert_refused(ask(client, token))
    assert_refused(ask(client, token.rpartition(".")[0] + "."))


@pytest.mark.asvs("9.1.2")
@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512", "EdDSA"])
@pytest.mark.parametrize("secret", PUBLIC_KEYS.values(), ids=PUBLIC_KEYS)
def test_the_public_key_is_no_secret_to_sign_with(
    client: FlaskClient, payload: bytes, secret: bytes, algorithm: str
) -> None:
    digest = algorithm.replace("HS", "sha").replace("EdDSA", "sha256")
    unsigned = join({**HEADER, "alg": algorithm}, payload)
    signature = hmac.digest(secret, unsigned.encode(), digest)
    assert_refused(ask(client, f"{unsigned}.{encode(signature)}"))


@pytest.mark.asvs("9.1.1")
def test_the_signature_of_another_key_is_401(client: FlaskClient, payload: bytes) -> None:
    assert_refused(ask(client, sign(payload, key=ANOTHER_KEY)))


@pytest.mark.asvs("9.1.3")
def test_a_key_that_the_token_brings_along_is_401(client: FlaskClient, payload: bytes) -> None:
    point = encode(ANOTHER_KEY.public_key().public_bytes_raw())
    jwk = {"kty": "OKP", "crv": "Ed25519", "kid": KEY_ID, "x": point}
    for key in (ANOTHER_KEY, KEY):
        assert_refused(ask(client, sign(payload, {**HEADER, "jwk": jwk}, key)))


@pytest.mark.asvs("9.1.1")
@pytest.mark.parametrize("claim", ["sub", "exp", "sid"])
def test_a_claim_changed_under_the_old_signature_is_401(
    client: FlaskClient, token: str, claim: str
) -> None:
    claims = read(token)
    changed = write({**claims, claim: claims[claim] * 2})
    assert_refused(ask(client, f"{join(HEADER, changed)}.{token.rpartition('.')[2]}"))


def test_a_header_changed_under_the_old_signature_is_401(client: FlaskClient, token: str) -> None:
    header = encode(json.dumps(HEADER, separators=(", ", ": ")).encode())
    assert_refused(ask(client, f"{header}.{token.partition('.')[2]}"))


def test_a_token_too_long_to_be_ours_is_401_though_signed(
    client: FlaskClient, payload: bytes
) -> None:
    assert_accepted(ask(client, sign(payload + b" " * 1000)))
    assert_refused(ask(client, sign(payload + b" " * 4000)))


def test_a_token_inside_a_token_is_401(client: FlaskClient, token: str) -> None:
    for header in (HEADER, {**HEADER, "cty": "JWT"}):
        for nested in (token.encode(), json.dumps(token).encode()):
            assert_refused(ask(client, sign(nested, header)))


def read(token: str) -> dict[str, Any]:
    """What a token says, unchecked; times in seconds."""
    claims: dict[str, Any] = json.loads(decode(token.split(".")[1]))
    return claims


def write(claims: dict[str, Any]) -> bytes:
    """Claims, times in seconds, as this type of token holds them."""
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


def add_the_order(signature: bytes) -> bytes:
    """The scalar plus the order of the group: a second signature, to a careless reader."""
    order = 2**252 + 27742317777372353535851937790883648493
    scalar = int.from_bytes(signature[32:], "little") + order
    return signature[:32] + scalar.to_bytes(32, "little")
