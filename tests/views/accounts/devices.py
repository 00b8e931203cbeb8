"""Authenticator apps and passkeys in software, and what people do with them."""

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any, TypeVar

import pyotp
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from flask.testing import FlaskClient
from secure_flask.accounts import public_urls
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, encode_cbor
from werkzeug.test import TestResponse

from core.standing_clock import clock
from views.accounts.people import (
    RECOVERY_CODES,
    TF_SETUP,
    TF_VALIDATE,
    Half,
    Headers,
    begin_login,
    send,
)
from views.conftest import headers_of, is_logged_in

PASSKEYS = "/passkeys"
WAN_REGISTER, WAN_DELETE = "/wan-register", "/wan-delete"
WAN_SIGNIN, WAN_SECOND, WAN_VERIFY = "/wan-signin", "/wan-second", "/wan-verify"
STEP = 30  # seconds for which an app shows a code
AT_ONCE = 8
Made = TypeVar("Made")


def at_once(do: Callable[[int], Made]) -> list[Made]:
    """What `do(0)`, `do(1)` … return, eight of them at the same moment."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(do, range(AT_ONCE)))


def login_of(answer: TestResponse) -> Headers:
    """The headers by which a client shows the login that it got."""
    assert answer.status_code == 200, answer.text
    return headers_of(answer.get_json())


def assert_refused(answer: TestResponse, status: int = 401) -> None:
    """No login, and no cookie of one."""
    assert (answer.status_code, '"token' in answer.text) == (status, False), answer.text
    assert "Set-Cookie" not in answer.headers


def code_of(secret: str, steps: int = 0) -> str:
    """The code that an authenticator app shows now, or `steps` later."""
    return pyotp.TOTP(secret).at(int(clock.now()) + steps * STEP)


def wrong_code_of(secret: str) -> str:
    """A code that the app shows neither now nor a step before or after."""
    shown = {code_of(secret, steps) for steps in (-1, 0, 1)}
    return next(code for code in ("000000", "111111", "222222", "333333") if code not in shown)


def send_code(client: FlaskClient, half: Half, code: str, path: str = TF_VALIDATE) -> TestResponse:
    return send(client, path, {**half, "code": code})


def logs_in_by_code(client: FlaskClient, code: str, path: str = TF_VALIDATE) -> bool:
    """Whether a login by password and this code succeeds."""
    answer = send_code(client, begin_login(client), code, path)
    assert answer.status_code in (200, 401), answer.text
    return answer.status_code == 200 and is_logged_in(client, login_of(answer))


def begin_setup(
    client: FlaskClient, credentials: Headers | None = None, /, **half: str
) -> tuple[str, str]:
    """The secret of a new authenticator app, and the address that takes its first code."""
    answer = send(client, TF_SETUP, {"setup": "authenticator", **half}, credentials)
    assert answer.status_code == 200, answer.text
    begun = answer.get_json()
    return begun["secret"], f"{TF_SETUP}/{begun['state']}"


def add_app(client: FlaskClient, credentials: Headers) -> str:
    """Set up an authenticator app, and return its secret. Its present code is used then."""
    secret, path = begin_setup(client, credentials)
    answer = send(client, path, {"code": code_of(secret)}, credentials)
    assert answer.status_code == 200, answer.text
    return secret


def add_recovery_codes(client: FlaskClient, credentials: Headers) -> list[str]:
    answer = send(client, RECOVERY_CODES, {}, credentials)
    assert answer.status_code == 200, answer.text
    return list(answer.get_json()["recovery_codes"])


class Passkey:
    """A passkey in software, with an ES256 key. Source: Web Authentication Level 3, section 6."""

    def __init__(self, client: FlaskClient) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id = os.urandom(32)
        self.user_handle = b""
        self.count = 0
        # What a browser would say of the page; a copy of the site has another origin.
        with client.application.test_request_context():
            self.origin, self.rp_id = public_urls.public_origin(), public_urls.public_host()
        self.verifies_user = True
        # What a browser says of the frame that asks.
        self.framed: dict[str, object] = {"crossOrigin": False}
        # What an attacker makes of the client data, and of the flags, before they are signed.
        self.change_client_data: Callable[[bytes], bytes] = bytes
        self.change_flags: Callable[[int], int] = int

    def create(self, options: dict[str, Any]) -> str:
        """The JSON of `navigator.credentials.create`."""
        self.user_handle = base64url_to_bytes(options["user"]["id"])
        attested = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + self._public_key()
        attestation = {"fmt": "none", "attStmt": {}, "authData": self._data(0x40) + attested}
        return self._credential(
            clientDataJSON=self._client_data("webauthn.create", options),
            attestationObject=encode_cbor(attestation),
        )

    def get(self, options: dict[str, Any]) -> str:
        """The JSON of `navigator.credentials.get`."""
        self.count += 1
        client_data, data = self._client_data("webauthn.get", options), self._data()
        signed = data + sha256(client_data).digest()
        return self._credential(
            clientDataJSON=client_data,
            authenticatorData=data,
            signature=self.key.sign(signed, ec.ECDSA(SHA256())),
            userHandle=self.user_handle,
        )

    def _credential(self, **response: bytes) -> str:
        encoded = {name: bytes_to_base64url(value) for name, value in response.items()}
        own = bytes_to_base64url(self.id)
        return json.dumps({"id": own, "rawId": own, "type": "public-key", "response": encoded})

    def _client_data(self, kind: str, options: dict[str, Any]) -> bytes:
        members = {"type": kind, "challenge": options["challenge"], "origin": self.origin}
        return self.change_client_data(json.dumps({**members, **self.framed}).encode())

    def _data(self, flags: int = 0) -> bytes:
        present, verified = 0x01, 0x04 if self.verifies_user else 0
        flags |= present | verified
        rp_id_hash = sha256(self.rp_id.encode()).digest()
        return rp_id_hash + bytes([self.change_flags(flags)]) + self.count.to_bytes(4, "big")

    def _public_key(self) -> bytes:
        numbers = self.key.public_key().public_numbers()
        x, y = (number.to_bytes(32, "big") for number in (numbers.x, numbers.y))
        return bytes(encode_cbor({1: 2, 3: -7, -1: 1, -2: x, -3: y}))


def challenge(
    client: FlaskClient, path: str, headers: Headers | None = None, /, **members: str
) -> dict[str, Any]:
    """Begin what `path` is for; its `state` and `options`."""
    begun = send(client, path, {**members}, headers)
    assert begun.status_code == 200, begun.text
    return dict(begun.get_json())


def answer(
    client: FlaskClient,
    path: str,
    begun: dict[str, Any],
    device: Passkey | str,
    headers: Headers | None = None,
    *,
    name: str = "phone",
    **members: object,
) -> TestResponse:
    """Answer a challenge with a passkey, or with this credential; a new one gets the name."""
    if isinstance(device, Passkey):
        make = device.create if path == WAN_REGISTER else device.get
        device = make(begun["options"])
    more = {"name": name} if path == WAN_REGISTER else {}
    body = {**more, **members, "credential": device}
    return send(client, f"{path}/{begun['state']}", body, headers)


def use(
    client: FlaskClient,
    path: str,
    device: Passkey,
    headers: Headers | None = None,
    /,
    **half: str,
) -> TestResponse:
    """Ask for a challenge and answer it."""
    return answer(client, path, challenge(client, path, headers, **half), device, headers, **half)


def add_passkey(client: FlaskClient, credentials: Headers, name: str = "phone") -> Passkey:
    device = Passkey(client)
    begun = challenge(client, WAN_REGISTER, credentials)
    added = answer(client, WAN_REGISTER, begun, device, credentials, name=name)
    assert added.status_code == 200, added.text
    return device


def names(client: FlaskClient, credentials: Headers) -> list[str]:
    """The names of the user's passkeys."""
    shown = client.get(PASSKEYS, headers=credentials).get_json()["passkeys"]
    return [each["name"] for each in shown]
