"""What people and their devices do in the tests of accounts."""

import json
import os
import re
from email.message import EmailMessage
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from flask import Flask
from flask.testing import FlaskClient
from passlib.totp import TOTP
from sqlalchemy.exc import OperationalError
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, encode_cbor
from werkzeug.test import TestResponse

from app.auth import tokens, users
from app.auth.passwords import MIN_LENGTH
from tests import routes
from tests.conftest import LOGIN, PASSWORD, USERNAME, stored_user

REGISTER = routes.path_of("registration.register")
CONFIRM = routes.path_of("registration.send_again")
RESET = routes.path_of("recovery.forgot")
CHANGE_EMAIL = routes.path_of("email_change.change")
REAUTHENTICATE = routes.path_of("login.reauthenticate")
TF_SETUP = routes.path_of("second_factor.set_up")
TF_SELECT = routes.path_of("second_factor.select")
TF_VALIDATE = routes.path_of("second_factor.validate")
RECOVERY = routes.path_of("second_factor.recover")
RECOVERY_CODES = routes.path_of("second_factor.renew_recovery_codes")
PASSKEYS = routes.path_of("security.show")
WAN_REGISTER = routes.path_of("security.wan_register")
WAN_SIGNIN = routes.path_of("security.wan_signin")
WAN_VERIFY = routes.path_of("security.wan_verify")
WAN_DELETE = routes.path_of("security.wan_delete")

ADDRESS = "ada.lovelace@example.org"
# Longer than any MIN_LENGTH that somebody would set, and without a name of the tests.
STRONG = "seven owls in a well of ink, and one that went for a walk before dawn"
# The project of these tests has this name, and the list of breached passwords this one.
PROJECT = "Garden Shed"
BREACHED = f"breached {STRONG}"
# Browsers send it with a form of the site itself.
OWN_FORM = {"Sec-Fetch-Site": "same-origin"}
TOTP_STEP = 30  # seconds

Headers = dict[str, str]
# The members of a request that show a half login; none where a cookie does.
Half = dict[str, str]


def give_address(app: Flask, address: str | None = ADDRESS, to: str = USERNAME) -> None:
    with stored_user(app, to) as user:
        user.email = address


def poor_passwords(name: str, address: str) -> dict[str, str]:
    """Passwords that somebody of this name and address must not choose, by what is wrong."""
    return {
        "short": "x" * (MIN_LENGTH - 1),
        "the name": f"{STRONG} {name.upper()}",
        "the address": f"{STRONG} {address.partition('@')[0].title()}",
        "the project": f"{STRONG} {PROJECT}",
        "breached": BREACHED,
    }


def link_in(message: EmailMessage) -> str:
    """The address of the link in a mail."""
    body = message.get_body(("plain",))
    assert body is not None
    [link] = set(re.findall(r"https?://\S+/[\w-]{43}(?![\w-])", body.get_content()))
    return str(link)


def headers_of(answer: TestResponse) -> Headers:
    """The headers by which a client shows the login that it got."""
    assert answer.status_code == 200, answer.text
    return {tokens.HEADER: tokens.PREFIX + answer.get_json()["token"]}


def begin_login(client: FlaskClient, **body: str) -> Half:
    """Log in by the password of a user who has a second factor."""
    answer = client.post(routes.LOGIN, json={**LOGIN, **body})
    assert answer.status_code == 200, answer.text
    return half_of(answer.get_json())


def half_of(body: dict[str, Any]) -> Half:
    assert body["tf_required"] is True
    assert "token" not in body
    return {"tf_token": body["tf_token"]} if "tf_token" in body else {}


def send_code(client: FlaskClient, half: Half, code: str, path: str = TF_VALIDATE) -> TestResponse:
    return client.post(path, json={**half, "code": code})


def begin_setup(client: FlaskClient, credentials: Headers) -> tuple[str, str]:
    """The secret of a new authenticator app, and the address that takes its first code."""
    answer = client.post(TF_SETUP, json={"setup": "authenticator"}, headers=credentials)
    assert answer.status_code == 200, answer.text
    begun = answer.get_json()
    path = routes.path_of("second_factor.finish", state=begun["tf_state_token"])
    return begun["tf_authr_b32key"], path


def add_app(client: FlaskClient, credentials: Headers) -> str:
    """Set up an authenticator app, and return its secret. Its present code is used then."""
    secret, path = begin_setup(client, credentials)
    answer = client.post(path, json={"code": code_of(secret)}, headers=credentials)
    assert answer.status_code == 200, answer.text
    return secret


def code_of(secret: str, steps: int = 0) -> str:
    """The code that an authenticator app shows now, or `steps` later."""
    app = TOTP(key=secret, format="base32")
    return str(app.generate(app.now() + steps * TOTP_STEP).token)


def wrong_code_of(secret: str) -> str:
    """A code that the app shows neither now nor a step before or after."""
    shown = {code_of(secret, steps) for steps in (-1, 0, 1)}
    return next(code for code in ("000000", "111111", "222222", "333333") if code not in shown)


def add_recovery_codes(client: FlaskClient, credentials: Headers) -> list[str]:
    answer = client.post(RECOVERY_CODES, json={}, headers=credentials)
    assert answer.status_code == 200, answer.text
    return list(answer.get_json()["recovery_codes"])


def away(*arguments: object, **options: object) -> None:
    """In place of a function that uses the database: the database is away."""
    raise OperationalError("COMMIT", {}, OSError("no route to host"))


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
    begun = client.post(WAN_SIGNIN, json=half)
    return answer_challenge(client, WAN_SIGNIN, begun, passkey, None, **half)


def create_user(app: Flask, name: str, address: str | None = None) -> None:
    with app.app_context():
        users.create(name, PASSWORD, address)
