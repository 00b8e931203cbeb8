"""Authenticator apps and passkeys in software."""

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from hashlib import sha256
from typing import Any, TypeVar

import pyotp
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from secure_flask import accounts, log_in
from secure_flask.accounts import second_step
from secure_flask.accounts.settings import public_host, public_origin
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, encode_cbor

from core.accounts.people import status_of
from core.conftest import PASSWORD, USERNAME
from core.standing_clock import clock

STEP = 30  # seconds for which an app shows a code
AT_ONCE = 8
Made = TypeVar("Made")


def at_once(do: Callable[[int], Made]) -> list[Made]:
    """What `do(0)`, `do(1)` … return, eight of them at the same moment."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(do, range(AT_ONCE)))


def requests_at_once(
    request: Callable[[], AbstractContextManager[None]], do: Callable[[int], Made]
) -> list[Made]:
    """The same, each in a request of its own."""

    def ask(number: int) -> Made:
        with request():
            return do(number)

    return at_once(ask)


def code_of(secret: str, steps: int = 0) -> str:
    """The code that an authenticator app shows now, or `steps` later."""
    return pyotp.TOTP(secret).at(int(clock.now()) + steps * STEP)


def wrong_code_of(secret: str) -> str:
    """A code that the app shows neither now nor a step before or after."""
    shown = {code_of(secret, steps) for steps in (-1, 0, 1)}
    return next(code for code in ("000000", "111111", "222222", "333333") if code not in shown)


class Passkey:
    """A passkey in software, with an ES256 key, for the site of the present app.

    Source: Web Authentication Level 3, section 6.
    """

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id = os.urandom(32)
        self.user_handle = b""
        self.count = 0
        # What a browser would say of the page; a copy of the site has another origin.
        self.origin = public_origin()
        self.rp_id = public_host()
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


# What somebody does in the present request who knows the password.


def begin_login(password: str = PASSWORD, name: str = USERNAME) -> str:
    """The token of the half login of a user who has a second factor."""
    begun = log_in(name, password)
    assert (begun["tf_required"], "token_type" in begun) == (True, False)
    return str(begun["tf_token"])


def enter_code(code: str, half: str = "") -> int:
    """The status of a code of the app, of a new login unless there is a half one."""
    return status_of(second_step.complete_login_by_code, code, half or begin_login())


def enter_recovery_code(code: str, half: str = "") -> int:
    return status_of(second_step.complete_login_by_recovery_code, code, half or begin_login())


# What the logged-in user of the present request does with them.


def add_app() -> str:
    """Set up an authenticator app, and return its secret. Its present code is used then."""
    setup = accounts.begin_authenticator()
    accounts.finish_authenticator(setup.state, code_of(setup.secret))
    return setup.secret


def add_passkey(name: str = "phone") -> Passkey:
    device = Passkey()
    begun: dict[str, Any] = accounts.begin_passkey_registration()
    accounts.add_passkey(begun["state"], device.create(begun["options"]), name)
    return device
