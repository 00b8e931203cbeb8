"""Passkeys in software, and what people do with them in the tests of accounts."""

import json
import os
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from flask.testing import FlaskClient
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, encode_cbor
from werkzeug.test import TestResponse

from tests import routes
from tests.accounts.people import Headers

PASSKEYS = routes.path_of("passkeys.show")
WAN_REGISTER = routes.path_of("passkeys.wan_register")
WAN_SIGNIN = routes.path_of("security.wan_signin")
WAN_VERIFY = routes.path_of("security.wan_verify")
WAN_DELETE = routes.path_of("passkeys.wan_delete")


class Authenticator:
    """A passkey in software, with an ES256 key. Source: Web Authentication Level 3, section 6."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id = os.urandom(32)
        self.user_handle = b""
        self.count = 0
        # What a browser would say of the page; a copy of the site has another origin.
        self.origin, self.rp_id = "http://localhost", "localhost"
        self.verifies_user = True
        self.cross_origin = False  # in a frame of another site's page

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
        members["crossOrigin"] = self.cross_origin
        return json.dumps(members).encode()

    def _data(self, flags: int = 0) -> bytes:
        present, verified = 0x01, 0x04 if self.verifies_user else 0
        flags |= present | verified
        rp_id_hash = sha256(self.rp_id.encode()).digest()
        return rp_id_hash + bytes([flags]) + self.count.to_bytes(4, "big")

    def _public_key(self) -> bytes:
        numbers = self.key.public_key().public_numbers()
        x, y = (number.to_bytes(32, "big") for number in (numbers.x, numbers.y))
        return bytes(encode_cbor({1: 2, 3: -7, -1: 1, -2: x, -3: y}))


def add_passkey(
    client: FlaskClient, credentials: Headers, *, name: str = "phone", usage: str = "first"
) -> Authenticator:
    """Add a passkey that replaces the password, or follows it for the usage "secondary"."""
    passkey = Authenticator()
    body = {"name": name, "usage": usage}
    begun = client.post(WAN_REGISTER, json=body, headers=credentials)
    assert begun.status_code == 200, begun.text
    answer = answer_challenge(client, WAN_REGISTER, begun, passkey, headers=credentials)
    assert answer.status_code == 200, answer.text
    return passkey


def answer_challenge(
    client: FlaskClient,
    path: str,
    begun: TestResponse,
    passkey: Authenticator,
    headers: Headers | None = None,
    **members: str,
) -> TestResponse:
    """Answer a challenge of `path` with a passkey."""
    assert begun.status_code == 200, begun.text
    options = begun.get_json()["credential_options"]
    make = passkey.create if path == WAN_REGISTER else passkey.get
    return send_credential(client, path, begun, make(options), headers, **members)


def send_credential(
    client: FlaskClient,
    path: str,
    begun: TestResponse,
    credential: str,
    headers: Headers | None = None,
    **members: str,
) -> TestResponse:
    state = begun.get_json()["wan_state"]
    body = {**members, "credential": credential}
    return client.post(f"{path}/{state}", json=body, headers=headers)


def log_in_by_passkey(client: FlaskClient, passkey: Authenticator, **half: str) -> TestResponse:
    """Log in by a passkey alone, or complete a half login."""
    return answer_challenge(client, WAN_SIGNIN, challenge(client, **half), passkey, None, **half)


def challenge(client: FlaskClient, **half: str) -> TestResponse:
    """Begin a login by passkey."""
    return client.post(WAN_SIGNIN, json=half)


def names(client: FlaskClient, credentials: Headers) -> list[str]:
    """The names of the user's passkeys."""
    shown = client.get(PASSKEYS, headers=credentials).get_json()["passkeys"]
    return [each["name"] for each in shown]


def assert_refused(answer: TestResponse, status: int = 401) -> None:
    """No login, and no cookie of one."""
    assert (answer.status_code, '"token"' in answer.text) == (status, False)
    assert "Set-Cookie" not in answer.headers
