"""The paseto type: tokens made by hand, since the library would refuse to make most of these."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import product
from typing import Any

import pyseto
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask
from flask.testing import FlaskClient
from secure_flask.settings import keyrings

from core.auth.tokens.signing import decode, encode, keys_of
from core.auth.tokens.test_bearer import ask, assert_accepted, assert_refused
from core.conftest import SECRETS

[(KEY_ID, KEY)] = keys_of(SECRETS["token_keys"]).items()
ANOTHER_KEY = Ed25519PrivateKey.generate()
HEADER = "v4.public."
FOOTER = {"kid": KEY_ID}
AUDIENCE = b"https://localhost"
TIMES = ("iat", "nbf", "exp")

OTHER_HEADERS = ["v1.public.", "v2.public.", "v3.public.", "v5.public.", "v4.local.", "v3.local."]
OTHER_HEADERS += ["V4.public.", "v4.PUBLIC.", "v4.secret.", "v4.pid.", "k4.public.", "v4..", ".."]

# What a token's footer may not be, under a good signature: the bytes, or what they say.
OTHER_FOOTERS: dict[str, Any] = {
    "no kid": {},
    "kid null": {"kid": None},
    "kid unknown": {"kid": "unknown"},
    "kid a path": {"kid": "../../../../dev/null"},
    "kid a surrogate": {"kid": "\ud800"},
    "kid with a space": {"kid": f"{KEY_ID} "},
    "kid a number": {"kid": 1},
    "kid a list": {"kid": [KEY_ID]},
    "jwk": {**FOOTER, "jwk": {"kty": "OKP"}},
    "another member": {**FOOTER, "new": None},
    "a list": [FOOTER],
    "null": None,
    "nothing": b"",
    "no JSON": b"{",
    "no UTF-8": b'{"kid":"\xff"}',
    "very deep": b"[" * 2000,
    "kid twice": b'{"kid":"unknown",' + json.dumps(FOOTER).encode()[1:],
}

MANGLED: dict[str, Callable[[str], str]] = {
    "no footer": lambda token: token.rpartition(".")[0],
    "an empty footer": lambda token: token.rpartition(".")[0] + ".",
    "no payload": lambda token: "{0}.{1}..{3}".format(*token.split(".")),
    "a short payload": lambda token: "{0}.{1}.AAAA.{3}".format(*token.split(".")),
    "one more segment": lambda token: token + ".e30",
    "one more segment, empty": lambda token: token + ".",
    "one more in front": lambda token: "v4." + token,
    "footer padded": lambda token: token + "=",
    "no signature": lambda token: change(token, lambda payload: payload[:-64]),
    "signature zero": lambda token: change(token, lambda payload: payload[:-64] + bytes(64)),
    "one bit of it changed": lambda token: change(token, lambda payload: flip_a_bit(payload, -1)),
    "one bit of the claims": lambda token: change(token, lambda payload: flip_a_bit(payload, 20)),
}

NO_TIMES = [0, 4102444800, "4102444800", "2099-13-01T00:00:00+00:00", "tomorrow", "", "24:00", None]

PUBLIC_KEY = KEY.public_key().public_bytes_raw()


@pytest.fixture
def token_type() -> str:
    return "paseto"


@pytest.fixture
def payload(token: str) -> bytes:
    """What the token of a live login says: signed again, it is as good."""
    return write(read(token))


@pytest.fixture(autouse=True)
def _begin_of_a_minute() -> None:
    """The clock of the system, which the library reads too."""


def test_the_library_alone_reads_it_by_the_public_key(token: str) -> None:
    key = pyseto.Key.from_asymmetric_key_params(4, x=PUBLIC_KEY)
    read_back = pyseto.decode(key, token, implicit_assertion=AUDIENCE, deserializer=json)
    assert isinstance(read_back.payload, dict)
    times = {name: datetime.fromisoformat(read_back.payload[name]).timestamp() for name in TIMES}
    assert read_back.payload | times == read(token)
    assert read_back.footer == FOOTER
    with pytest.raises(pyseto.VerifyError):
        pyseto.decode(key, token, implicit_assertion=b"https://shop.example")


def test_a_token_signed_for_another_audience_is_401(client: FlaskClient, payload: bytes) -> None:
    for audience in (b"", AUDIENCE + b"/", b"https://evil.example"):
        assert_refused(ask(client, sign(payload, audience=audience)))


def test_a_mangled_token_is_401(client: FlaskClient, token: str) -> None:
    for case, mangle in MANGLED.items():
        assert mangle(token) != token
        assert_refused(ask(client, mangle(token)), case)


def test_another_spelling_of_payload_or_footer_is_401(client: FlaskClient, payload: bytes) -> None:
    # Spaces, until the last character of either has bits that nobody reads.
    payload += b" " * (-len(payload) % 3)
    start, version, body, footer = sign(payload, b'{"kid": "%s"}' % KEY_ID.encode()).split(".")
    assert_accepted(ask(client, ".".join([start, version, body, footer])))
    assert_refused(ask(client, ".".join([start, version, respell(body), footer])))
    assert_refused(ask(client, ".".join([start, version, body, respell(footer)])))


def test_another_version_or_purpose_is_401_though_signed(
    client: FlaskClient, payload: bytes, token: str
) -> None:
    for header in OTHER_HEADERS:
        assert_refused(ask(client, sign(payload, header=header)))
        assert_refused(ask(client, header + token.removeprefix(HEADER)))


def test_the_public_key_is_no_secret_to_encrypt_with(client: FlaskClient, payload: bytes) -> None:
    key = pyseto.Key.new(version=4, purpose="local", key=PUBLIC_KEY)
    footer = json.dumps(FOOTER).encode()
    token = pyseto.encode(key, payload, footer=footer, implicit_assertion=AUDIENCE).decode()
    assert_refused(ask(client, token))
    assert_refused(ask(client, token.replace("v4.local.", HEADER)))


def test_another_footer_is_401_though_signed(client: FlaskClient, payload: bytes) -> None:
    for case, footer in OTHER_FOOTERS.items():
        assert_refused(ask(client, sign(payload, footer)), case)


def test_the_signature_of_another_key_is_401_even_of_a_good_one(
    app: Flask, client: FlaskClient, payload: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_refused(ask(client, sign(payload, key=ANOTHER_KEY)))
    ring = f"{SECRETS['token_keys']},{keyrings.new('2')}"
    monkeypatch.setitem(app.extensions, "signing_keys", keys_of(ring))
    assert_accepted(ask(client, sign(payload)))
    assert_refused(ask(client, sign(payload, {"kid": "2"})))


def test_a_claim_or_footer_changed_under_the_old_signature_is_401(
    client: FlaskClient, token: str
) -> None:
    claims, (start, version, payload, footer) = read(token), token.split(".")
    for claim in ("sub", "jti", "sid"):
        changed = write({**claims, claim: claims[claim] * 2}) + decode(payload)[-64:]
        assert_refused(ask(client, f"{start}.{version}.{encode(changed)}.{footer}"))
    for other in (b'{"kid":"%s"}' % KEY_ID.encode(), b'{"kid": "2"}', b"{}"):
        assert_refused(ask(client, f"{start}.{version}.{payload}.{encode(other)}"))


def test_a_time_in_another_notation_is_401(client: FlaskClient, payload: bytes) -> None:
    for name, value in product(TIMES, NO_TIMES):
        changed = {**json.loads(payload), name: value}
        assert_refused(ask(client, sign(json.dumps(changed).encode())))
    assert_refused(ask(client, sign(payload.replace(b"+00:00", b""))))
    assert_accepted(ask(client, sign(payload.replace(b"+00:00", b"Z"))))


def read(token: str) -> dict[str, Any]:
    """What a token says, unchecked; times in seconds."""
    claims: dict[str, Any] = json.loads(decode(token.split(".")[2])[:-64])
    times = {name: int(datetime.fromisoformat(claims[name]).timestamp()) for name in TIMES}
    return claims | times


def write(claims: dict[str, Any]) -> bytes:
    """Claims, times in seconds, as this type of token holds them."""
    times = {name: claims[name] for name in TIMES if name in claims}
    return json.dumps(claims | {name: _iso(time) for name, time in times.items()}).encode()


def sign(
    payload: bytes,
    footer: object = FOOTER,
    key: Ed25519PrivateKey = KEY,
    *,
    header: str = HEADER,
    audience: bytes = AUDIENCE,
) -> str:
    """A token that says so, with a signature that is good for its text."""
    text = footer if isinstance(footer, bytes) else json.dumps(footer).encode()
    signature = key.sign(join([header.encode(), payload, text, audience]))
    return f"{header}{encode(payload + signature)}.{encode(text)}"


def join(pieces: list[bytes]) -> bytes:
    """PASETO's pre-authentication encoding: each piece behind its length."""
    lengths = [len(piece).to_bytes(8, "little") for piece in (pieces, *pieces)]
    return lengths[0] + b"".join(map(bytes.__add__, lengths[1:], pieces))


def respell(segment: str) -> str:
    """The same bytes, where the last character has bits that nobody reads."""
    respelled = segment[:-1] + chr(ord(segment[-1]) + 1)
    assert decode(respelled) == decode(segment)
    return respelled


def change(token: str, do: Callable[[bytes], bytes]) -> str:
    """The token with other bytes for its claims and signature."""
    start, version, payload, footer = token.split(".")
    return f"{start}.{version}.{encode(do(decode(payload)))}.{footer}"


def flip_a_bit(payload: bytes, place: int) -> bytes:
    changed = bytearray(payload)
    changed[place] ^= 1
    return bytes(changed)


def _iso(time: object) -> object:
    """A whole number of seconds as text; what is none is left for the test that sends it."""
    try:
        return datetime.fromtimestamp(time, UTC).isoformat() if type(time) is int else time
    except (ValueError, OverflowError, OSError):
        return time
