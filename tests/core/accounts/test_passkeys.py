"""Passkeys of a user: which are added, how many, and what their devices may keep."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from flask import Flask
from secure_flask import accounts
from secure_flask.accounts import passkeys
from webauthn.helpers import bytes_to_base64url, encode_cbor
from werkzeug.exceptions import HTTPException

from core.accounts import devices
from core.accounts.ceremonies import REGISTER, use
from core.accounts.conftest import Request
from core.accounts.devices import AT_ONCE, Passkey, requests_at_once
from core.accounts.people import (
    OTHER,
    add_user,
    new_login,
    request_of,
    status_of,
    user_of,
)
from core.accounts.site import User
from core.conftest import USERNAME


def names(user: User) -> list[object]:
    return [each["name"] for each in accounts.list_passkeys(user)]


def test_no_passkey_is_added_twice_or_by_a_name_that_is_there(
    app: Flask, user: User, passkey: Passkey
) -> None:
    begun: Any = accounts.begin_passkey_registration()
    assert begun["options"]["excludeCredentials"]
    made = Passkey().create(begun["options"])
    assert status_of(accounts.add_passkey, begun["state"], made, "phone") == 409
    # A key that is there, under another name, and for another user.
    assert use(REGISTER, passkey) == 400
    add_user()
    with request_of(app, new_login(OTHER)):
        assert use(REGISTER, passkey) == 400
    assert (names(user), names(user_of(OTHER))) == (["phone"], [])


def test_the_device_may_keep_the_passkeys_of_this_user(
    app: Flask, user: User, passkey: Passkey
) -> None:
    laptop = devices.add_passkey("laptop")
    add_user()
    with request_of(app, new_login(OTHER)):
        devices.add_passkey("theirs")
        # Nobody deletes the passkey of another user.
        assert status_of(accounts.delete_passkey, "phone") == 404
    assert accounts.passkey_signals(user) == {
        "rpId": "localhost",
        "userId": bytes_to_base64url(passkey.user_handle),
        "name": USERNAME,
        "displayName": USERNAME,
        "allAcceptedCredentialIds": [bytes_to_base64url(each.id) for each in (laptop, passkey)],
    }
    accounts.delete_passkey("phone")
    kept = accounts.passkey_signals(user)["allAcceptedCredentialIds"]
    assert kept == [bytes_to_base64url(laptop.id)]


# Their number.


@pytest.mark.asvs("2.3.4")
def test_a_user_has_a_limited_number_of_passkeys(
    of_user: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passkeys, "MAX_PASSKEYS", 2)
    with of_user():
        devices.add_passkey()
        begun: list[Any] = [accounts.begin_passkey_registration() for _ in range(AT_ONCE)]

    def add(number: int) -> int:
        made = Passkey().create(begun[number]["options"])
        return status_of(accounts.add_passkey, begun[number]["state"], made, f"phone {number}")

    first, *others = sorted(requests_at_once(of_user, add))
    # One that is added ends the challenges of the others.
    assert (first, {*others} <= {400, 409}) == (200, True)
    with of_user(), pytest.raises(HTTPException, match=passkeys.TOO_MANY) as full:
        accounts.begin_passkey_registration()
    assert full.value.code == 409


# Their keys.


class Unusual(Passkey):
    """A passkey that says this of its key, in COSE. Source: RFC 9052; RFC 9053; RFC 8812."""

    def __init__(self, members: dict[int, Any], credential_id: bytes = b"id") -> None:
        super().__init__()
        self.members = members
        self.id = credential_id

    def _public_key(self) -> bytes:
        return bytes(encode_cbor(self.members))


def point(curve: ec.EllipticCurve) -> dict[int, Any]:
    numbers = ec.generate_private_key(curve).public_key().public_numbers()
    size = (curve.key_size + 7) // 8
    return {-2: numbers.x.to_bytes(size, "big"), -3: numbers.y.to_bytes(size, "big")}


def modulus() -> dict[int, Any]:
    number = rsa.generate_private_key(65537, 2048).public_key().public_numbers().n
    return {-1: number.to_bytes(256, "big"), -2: b"\1\0\1"}


def ed25519_point() -> dict[int, Any]:
    return {-2: ed25519.Ed25519PrivateKey.generate().public_key().public_bytes_raw()}


P256, P384, P521 = (point(curve()) for curve in (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1))
ES256_KEY = {1: 2, 3: -7, -1: 1, **P256}


@pytest.mark.parametrize(
    "members",
    [
        {1: 3, 3: -7, **modulus()},
        {1: 1, 3: -7, -1: 6, **ed25519_point()},
        {1: 2, 3: -7, -1: 2, **P384},
        {1: 2, 3: -7, -1: 1, -2: bytes(32), -3: bytes([1] * 32)},
        {1: 2, 3: -8, -1: 1, **P256},
        {1: 1, 3: -8, -1: 1, **ed25519_point()},
        {1: 1, 3: -8, -1: 6, -2: b"short"},
        {1: 2, 3: -257, -1: 1, **P256},
        {1: 2, 3: -36, -1: 3, **P521},
        {1: 3, 3: -65535, **modulus()},
    ],
)
def test_a_key_that_does_not_fit_its_algorithm_or_that_nobody_asked_for_is_refused(
    members: dict[int, Any], user: User
) -> None:
    assert (use(REGISTER, Unusual(members)), names(user)) == (400, [])


@pytest.mark.parametrize(("size", "status"), [(1023, 200), (1024, 400)])
def test_an_id_has_at_most_1023_bytes(size: int, status: int, user: User) -> None:
    assert use(REGISTER, Unusual(ES256_KEY, bytes(size))) == status
