"""Passkeys of a user, which are added, and challenges, of which answers count once and here alone."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from flask import Flask
from secure_flask import accounts
from secure_flask.accounts import begin_passkey_login, list_passkeys, passkeys, steps
from secure_flask.accounts.passkeys import LIFETIME
from webauthn.helpers import bytes_to_base64url, encode_cbor
from werkzeug.exceptions import HTTPException

from core.accounts import devices
from core.accounts.ceremonies import (
    CEREMONIES,
    REGISTER,
    SECOND,
    SIGN_IN,
    VERIFY,
    WRONG,
    answer,
    ask,
    device_for,
    of_each_ceremony,
    use,
)
from core.accounts.conftest import Request
from core.accounts.devices import AT_ONCE, Passkey, add_passkey, begin_login, requests_at_once
from core.accounts.people import OTHER, add_user, new_login, request_of, status_of, user_of
from core.accounts.site import User
from core.conftest import USERNAME, Configure, MakeApp, Wait


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


LISTED = "http://partner.example"
USER_PRESENT, ELIGIBLE_FOR_BACKUP, BACKED_UP = 0x01, 0x08, 0x10  # bits of the flags


@pytest.mark.asvs("6.3.3")
@of_each_ceremony
def test_a_challenge_asks_who_holds_the_passkey_and_tells_of_none(
    ceremony: str, passkey: Passkey
) -> None:
    options = ask(ceremony).options
    assert options.get("authenticatorSelection", options)["userVerification"] == "required"
    # Nobody learns which passkeys a user has.
    assert not options.get("allowCredentials")


ODD_FLAGS: list[Callable[[int], int]] = [
    lambda flags: flags & ~USER_PRESENT,
    lambda flags: flags & ~ELIGIBLE_FOR_BACKUP | BACKED_UP,
]
ODD_CLIENT_DATA: list[Callable[[bytes], bytes]] = [
    # Parsers disagree about which one counts.
    lambda data: data.replace(b"{", b'{"crossOrigin": true, ', 1),
    lambda data: data.replace(b"{", b'{"origin": "http://evil.example", ', 1),
    lambda data: data.replace(b"webauthn.", b"payment."),
    # One ceremony in place of the other.
    lambda data: (
        data.replace(b".get", b".x").replace(b".create", b".get").replace(b".x", b".create")
    ),
    lambda data: data.decode().encode("utf-16"),
    lambda data: b"\xef\xbb\xbf" + data,
    lambda data: b"[" + data + b"]",
]
ORIGINS = ("https://localhost", "http://localhost:9999", "http://evil.example", "null", "")


@pytest.mark.asvs("6.3.3")
@of_each_ceremony
@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("verifies_user", False),
        *(("origin", each) for each in ORIGINS),
        *(("rp_id", each) for each in ("evil.example", "www.localhost", "")),
        ("framed", {"crossOrigin": True, "topOrigin": LISTED}),
        *(("change_flags", each) for each in ODD_FLAGS),
        *(("change_client_data", each) for each in ODD_CLIENT_DATA),
    ],
)
def test_a_passkey_works_at_this_site_alone_where_its_device_verifies_the_user(
    ceremony: str, member: str, value: object, passkey: Passkey
) -> None:
    device = device_for(ceremony, passkey)
    setattr(device, member, value)
    assert use(ceremony, device) == WRONG[ceremony]


@pytest.mark.parametrize(
    ("framed", "listed", "accepted"),
    [
        ({}, ["'none'"], True),
        ({"crossOrigin": True, "topOrigin": LISTED}, [LISTED], True),
        ({"crossOrigin": True, "topOrigin": LISTED}, ["'none'"], False),
        ({"crossOrigin": True, "topOrigin": f"{LISTED}:81"}, [LISTED], False),
        ({"crossOrigin": True, "topOrigin": "http://localhost"}, ["'self'"], False),
        ({"crossOrigin": True, "topOrigin": "'self'"}, ["'self'"], False),
        # Older browsers do not say which site it is.
        ({"crossOrigin": True}, [LISTED], False),
        ({"crossOrigin": True, "topOrigin": None}, [LISTED], False),
        # They contradict themselves.
        ({"topOrigin": LISTED}, [LISTED], False),
        ({"crossOrigin": False, "topOrigin": LISTED}, [LISTED], False),
        ({"crossOrigin": "true", "topOrigin": LISTED}, [LISTED], False),
        ({"crossOrigin": 0}, [LISTED], False),
    ],
)
def test_an_answer_from_a_frame_of_another_site_counts_only_where_the_policy_lists_that_site(
    framed: dict[str, object],
    listed: list[str],
    accepted: bool,
    app: Flask,
    passkey: Passkey,
    configure: Configure,
) -> None:
    configure(app, FRAME_ANCESTORS=listed)
    passkey.framed = framed
    assert use(VERIFY, passkey) == (200 if accepted else 401)


def test_the_passkeys_are_those_of_public_url_whatever_host_is_asked_for(make_app: MakeApp) -> None:
    hosts = ["localhost", "evil.localhost"]
    app = make_app(trusted_hosts=hosts, public_url="http://localhost")
    with app.test_request_context(base_url="http://evil.localhost"):
        options: Any = begin_passkey_login()["options"]
        assert (options["rpId"], Passkey().origin) == ("localhost", "http://localhost")


# Once, in time, and for what was asked.


@pytest.mark.asvs("6.5.1")
@of_each_ceremony
def test_a_challenge_is_answered_once_and_within_five_minutes(
    ceremony: str, app: Flask, user: User, passkey: Passkey, wait: Wait
) -> None:
    asked, late, device = ask(ceremony), ask(ceremony), device_for(ceremony, passkey)
    # A wrong answer uses it up too.
    assert [answer(ceremony, asked, each) for each in ("{}", device)] == [WRONG[ceremony]] * 2
    wait(LIFETIME)
    with request_of(app, new_login()):
        late = late._replace(half=begin_login())
        assert answer(ceremony, late, device) == WRONG[ceremony]


@pytest.mark.asvs("6.7.2")
def test_an_overheard_answer_is_for_one_challenge_of_which_each_is_new_and_long(
    app: Flask, passkey: Passkey
) -> None:
    with request_of(app):
        asked, other = ask(SIGN_IN), ask(SIGN_IN)
        overheard = passkey.get(asked.options)
        tried = [answer(SIGN_IN, each, overheard) for each in (other, asked, asked)]
    made = {each.options["challenge"] for each in (asked, other)}
    assert (tried, [len(each) * 6 >= 128 for each in made]) == ([401, 200, 401], [True] * 2)


@pytest.mark.parametrize("asked", CEREMONIES)
@of_each_ceremony
def test_a_challenge_serves_the_purpose_that_it_was_made_for(
    ceremony: str, asked: str, passkey: Passkey
) -> None:
    begun = ask(asked)
    begun.options.setdefault("user", {"id": "AAAA"})
    begun = begun._replace(half=begun.half or begin_login())
    # Two ask for a passkey of the same user.
    serves = ceremony == asked or {ceremony, asked} == {SECOND, VERIFY}
    status = answer(ceremony, begun, device_for(ceremony, passkey))
    assert status == (200 if serves else WRONG[ceremony])


@of_each_ceremony
def test_a_challenge_serves_the_user_whom_it_was_made_for(
    ceremony: str, app: Flask, passkey: Passkey
) -> None:
    add_user()
    with request_of(app, new_login(OTHER)):
        add_passkey()
        half = begin_login(name=OTHER) if ceremony == SECOND else ""
        theirs = ask(ceremony, half)
    theirs = theirs._replace(half=begin_login())
    # A login by passkey alone may be of anybody.
    status = 200 if ceremony == SIGN_IN else WRONG[ceremony]
    assert answer(ceremony, theirs, device_for(ceremony, passkey)) == status


@pytest.mark.parametrize("ceremony", [REGISTER, SIGN_IN, VERIFY])
def test_an_answer_counts_for_nothing_where_another_request_was_faster(
    ceremony: str, passkey: Passkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A passkey that several devices share has no counter that would show it."""
    asked = ask(ceremony)
    monkeypatch.setattr(steps, "use_step", lambda step: False)
    passkey.count = -1
    assert answer(ceremony, asked, device_for(ceremony, passkey)) == WRONG[ceremony]


# What is no answer.


@pytest.mark.parametrize("ceremony", [REGISTER, SIGN_IN, VERIFY])
def test_odd_credentials_are_refused_and_break_nothing(
    ceremony: str, user: User, passkey: Passkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where each part of a good one is replaced by something else."""
    # So that each is an answer to the same challenge.
    monkeypatch.setattr(steps, "use_step", lambda step: True)
    asked, device = ask(ceremony), device_for(ceremony, passkey)
    good = (device.create if ceremony == REGISTER else device.get)(asked.options)
    odd = odd_credentials(json.loads(good))
    accepted = [each[:120] for each in odd if answer(ceremony, asked, each) != WRONG[ceremony]]
    assert accepted == []
    assert [each["name"] for each in list_passkeys(user)] == ["phone"]


def odd_credentials(good: dict[str, Any]) -> list[str]:
    odd: list[Any] = [[], 1, None, "x", {}, {"response": None}]
    values: list[Any] = [None, [], "\u20ac", "AAAA"]
    # The passkey itself says whose it is where the answer has no handle.
    members = [name for name in good["response"] if name != "userHandle"]
    odd += [{**good, name: value} for name in good for value in values]
    odd += [
        {**good, "response": {**good["response"], name: value}}
        for name in members
        for value in values
    ]
    parts: list[Any] = [[], {}, {"fmt": "none"}]
    parts += [{"fmt": "x", "attStmt": {}, "authData": b"x" * 80}]
    parts += [{"fmt": "none", "attStmt": {}, "authData": data} for data in (b"", b"\xff" * 99)]
    for part in parts if "attestationObject" in good["response"] else []:
        encoded = bytes_to_base64url(encode_cbor(part))
        odd.append({**good, "response": {**good["response"], "attestationObject": encoded}})
    deep = "[" * 4000 + "]" * 4000
    return [*map(json.dumps, odd), "", "{", deep, '{"id": ' + deep + "}", '{"id": "a", "id": "b"}']
