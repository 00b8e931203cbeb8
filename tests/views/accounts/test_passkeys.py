"""Passkeys: who lists, adds and deletes them, and which answers to challenges count."""

import json
from collections.abc import Callable
from functools import partial
from html import unescape
from typing import Any

import pytest
import webauthn
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import db
from secure_flask.accounts import notices, passkey_challenges, passkeys, steps, worker
from secure_flask.auth.login_table import Login
from sqlalchemy import delete, func, select
from webauthn.helpers import bytes_to_base64url, encode_cbor

from core import routes
from core.accounts import full_accounts
from core.accounts.devices import AT_ONCE, at_once
from tests.page_elements import Elements
from views.accounts.devices import (
    WAN_DELETE,
    WAN_REGISTER,
    WAN_SECOND,
    WAN_SIGNIN,
    WAN_VERIFY,
    Passkey,
    add_passkey,
    answer,
    assert_refused,
    challenge,
    names,
    use,
)
from views.accounts.people import Headers, begin_login, send
from views.conftest import (
    OWN,
    OWN_PAGE,
    USERNAME,
    MakeApp,
    Wait,
    assert_leads_to,
    every_token_type,
    grow_old,
    log_in,
    post,
    stored_user,
)

PAGE, DELETE = "/account/passkeys", "/account/passkeys/delete"
# Each ends a ceremony; the first adds a passkey, the others use one.
PATHS = [WAN_REGISTER, WAN_SIGNIN, WAN_SECOND, WAN_VERIFY]
# Of a wrong answer.
STATUS = {WAN_REGISTER: 400, WAN_SIGNIN: 401, WAN_SECOND: 401, WAN_VERIFY: 401}


def begin(
    client: FlaskClient, path: str, credentials: Headers
) -> tuple[dict[str, Any], dict[str, str]]:
    """A challenge of `path`, and the half login that it belongs to."""
    half = begin_login(client) if path == WAN_SECOND else {}
    return challenge(client, path, credentials, **half), half


@pytest.mark.asvs("6.5.6")
@every_token_type
def test_passkeys_are_listed_added_and_deleted_by_their_owner(
    client: FlaskClient, credentials: Headers, passkey: Passkey, stranger: FlaskClient
) -> None:
    add_passkey(client, credentials, name="laptop")
    assert names(client, credentials) == ["laptop", "phone"]
    assert send(client, WAN_DELETE, {"name": "phone"}, credentials).status_code == 204
    assert names(client, credentials) == ["laptop"]
    assert_refused(use(stranger, WAN_SIGNIN, passkey))


def test_a_user_neither_sees_nor_deletes_the_passkeys_of_another(
    passkey: Passkey, others: tuple[FlaskClient, Headers], stranger: FlaskClient
) -> None:
    assert names(*others) == []
    client, credentials = others
    assert send(client, WAN_DELETE, {"name": "phone"}, credentials).status_code == 404
    assert post(client, f"{DELETE}?name=phone").status_code == 404
    assert use(stranger, WAN_SIGNIN, passkey).status_code == 200


def test_no_passkey_is_added_twice_or_by_a_name_that_is_there(
    client: FlaskClient,
    credentials: Headers,
    passkey: Passkey,
    others: tuple[FlaskClient, Headers],
) -> None:
    assert use(client, WAN_REGISTER, Passkey(client), credentials).status_code == 409
    # A key that is there, under another name, and for another user.
    begun = challenge(client, WAN_REGISTER, credentials)
    assert begun["options"]["excludeCredentials"]
    twice = answer(client, WAN_REGISTER, begun, passkey, credentials, name="again")
    assert twice.status_code == 400
    other, theirs = others
    assert use(other, WAN_REGISTER, passkey, theirs).status_code == 400
    assert (names(client, credentials), names(*others)) == (["phone"], [])


@pytest.mark.asvs("6.3.3")
def test_every_ceremony_asks_who_holds_the_passkey(
    client: FlaskClient, credentials: Headers, passkey: Passkey
) -> None:
    for path in PATHS:
        begun, half = begin(client, path, credentials)
        options = begun["options"]
        asked = options.get("authenticatorSelection", options)["userVerification"]
        assert (path, asked) == (path, "required")
        # Nobody learns which passkeys a user has.
        assert not options.get("allowCredentials")
        careless = Passkey(client) if path == WAN_REGISTER else passkey
        careless.verifies_user = False
        refused = answer(client, path, begun, careless, credentials, name="new", **half)
        assert_refused(refused, STATUS[path])


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("origin", "https://localhost"),
        ("origin", "http://localhost:9999"),
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("origin", ""),
        ("rp_id", "evil.example"),
        ("rp_id", "www.localhost"),
        ("rp_id", ""),
    ],
)
def test_a_passkey_works_at_this_site_alone(
    path: str,
    attribute: str,
    value: object,
    client: FlaskClient,
    credentials: Headers,
    passkey: Passkey,
) -> None:
    begun, half = begin(client, path, credentials)
    device = Passkey(client) if path == WAN_REGISTER else passkey
    setattr(device, attribute, value)
    refused = answer(client, path, begun, device, credentials, name="copy", **half)
    assert_refused(refused, STATUS[path])


LISTED = "http://partner.example"
# Of each answer: what the browser says of the frame, FRAME_ANCESTORS, and whether it is accepted.
FRAMES: list[tuple[dict[str, object], list[str], bool]] = [
    ({}, ["'none'"], True),
    ({"crossOrigin": False}, [LISTED], True),
    ({"crossOrigin": True, "topOrigin": LISTED}, [LISTED], True),
    ({"crossOrigin": True, "topOrigin": LISTED}, ["'none'"], False),
    ({"crossOrigin": True, "topOrigin": f"{LISTED}:81"}, [LISTED], False),
    ({"crossOrigin": True, "topOrigin": "http://localhost"}, ["'self'"], False),
    ({"crossOrigin": True, "topOrigin": "'self'"}, ["'self'"], False),
    ({"crossOrigin": True, "topOrigin": "null"}, ["'none'"], False),
    # Older browsers do not say which site it is.
    ({"crossOrigin": True}, [LISTED], False),
    ({"crossOrigin": True, "topOrigin": None}, [LISTED], False),
    ({"crossOrigin": True, "topOrigin": [LISTED]}, [LISTED], False),
    # They contradict themselves.
    ({"topOrigin": LISTED}, [LISTED], False),
    ({"crossOrigin": False, "topOrigin": LISTED}, [LISTED], False),
    ({"crossOrigin": "true", "topOrigin": LISTED}, [LISTED], False),
    ({"crossOrigin": 0}, [LISTED], False),
    ({"crossOrigin": None}, [LISTED], False),
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("framed", "listed", "accepted"), FRAMES)
def test_an_answer_from_a_frame_of_another_site_counts_only_where_the_policy_lists_that_site(
    path: str,
    framed: dict[str, object],
    listed: list[str],
    accepted: bool,
    app: Flask,
    client: FlaskClient,
    credentials: Headers,
    passkey: Passkey,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(app.config, "FRAME_ANCESTORS", listed)
    begun, half = begin(client, path, credentials)
    device = Passkey(client) if path == WAN_REGISTER else passkey
    device.framed = framed
    given = answer(client, path, begun, device, credentials, name="framed", **half)
    assert given.status_code == (200 if accepted else STATUS[path])
    assert '"unknown"' not in given.text


USER_PRESENT, ELIGIBLE_FOR_BACKUP, BACKED_UP = 0x01, 0x08, 0x10  # bits of the flags
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


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("member", "change"),
    [
        *(("change_flags", each) for each in ODD_FLAGS),
        *(("change_client_data", each) for each in ODD_CLIENT_DATA),
    ],
)
def test_an_answer_that_was_changed_before_it_was_signed_is_refused(
    path: str,
    member: str,
    change: Callable[[Any], Any],
    client: FlaskClient,
    credentials: Headers,
    passkey: Passkey,
) -> None:
    begun, half = begin(client, path, credentials)
    device = Passkey(client) if path == WAN_REGISTER else passkey
    setattr(device, member, change)
    refused = answer(client, path, begun, device, credentials, name="changed", **half)
    assert_refused(refused, STATUS[path])


@pytest.mark.asvs("6.5.1")
@pytest.mark.parametrize("path", PATHS)
def test_a_challenge_is_answered_once_and_within_five_minutes(
    path: str, client: FlaskClient, credentials: Headers, passkey: Passkey, wait: Wait
) -> None:
    begun, half = begin(client, path, credentials)
    device = Passkey(client) if path == WAN_REGISTER else passkey
    made = (device.create if path == WAN_REGISTER else device.get)(begun["options"])
    # A wrong answer uses it up too.
    for credential in ("{}", made):
        refused = answer(client, path, begun, credential, credentials, name="new", **half)
        assert_refused(refused, STATUS[path])
    late, _ = begin(client, path, credentials)
    wait(passkey_challenges.LIFETIME)
    credentials = log_in_fresh(client, passkey) if path != WAN_SECOND else credentials
    again = begin_login(client) if path == WAN_SECOND else {}
    refused = answer(client, path, late, device, credentials, name="late", **again)
    assert_refused(refused, STATUS[path])


def log_in_fresh(client: FlaskClient, passkey: Passkey) -> Headers:
    assert use(client, WAN_SIGNIN, passkey).status_code == 200
    return OWN_PAGE


def test_an_answer_is_for_one_challenge(
    client: FlaskClient, passkey: Passkey, stranger: FlaskClient
) -> None:
    begun = challenge(stranger, WAN_SIGNIN)
    overheard = passkey.get(begun["options"])
    assert_refused(answer(stranger, WAN_SIGNIN, challenge(stranger, WAN_SIGNIN), overheard))
    assert answer(stranger, WAN_SIGNIN, begun, overheard).status_code == 200
    thief = client.application.test_client()
    assert_refused(answer(thief, WAN_SIGNIN, begun, overheard))


@pytest.mark.asvs("6.7.2")
def test_each_challenge_is_new_and_long(client: FlaskClient) -> None:
    made = {challenge(client, WAN_SIGNIN)["options"]["challenge"] for _ in range(3)}
    assert len(made) == 3
    assert all(len(each) * 6 >= 128 for each in made)


def test_a_challenge_serves_the_purpose_and_the_user_that_it_was_made_for(
    client: FlaskClient,
    credentials: Headers,
    passkey: Passkey,
    others: tuple[FlaskClient, Headers],
) -> None:
    for path in PATHS:
        for asked in PATHS:
            # Both ask for a passkey of the same user.
            if path != asked and {path, asked} != {WAN_SECOND, WAN_VERIFY}:
                begun, _ = begin(client, asked, credentials)
                half = begin_login(client) if path == WAN_SECOND else {}
                begun["options"].setdefault("user", {"id": "AAAA"})
                device = Passkey(client) if path == WAN_REGISTER else passkey
                refused = answer(client, path, begun, device, credentials, name="new", **half)
                assert (path, asked, refused.status_code) == (path, asked, STATUS[path])
    other, theirs = others
    begun = challenge(client, WAN_REGISTER, credentials)
    assert answer(other, WAN_REGISTER, begun, Passkey(other), theirs).status_code == 400
    assert names(client, credentials) == ["phone"]


@pytest.mark.parametrize("path", [WAN_SIGNIN, WAN_REGISTER])
def test_eight_requests_with_one_answer_count_once(path: str, file_app: Flask) -> None:
    client = file_app.test_client()
    credentials = log_in(client)
    device = Passkey(client) if path == WAN_REGISTER else add_passkey(client, credentials)
    cookie = client.get_cookie("dev-session")
    begun = challenge(client, path, credentials)
    made = (device.create if path == WAN_REGISTER else device.get)(begun["options"])
    assert cookie

    def complete(number: int) -> int:
        browser = file_app.test_client()
        if path == WAN_REGISTER:
            browser.set_cookie("dev-session", cookie.value)
        return answer(browser, path, begun, made, name=f"phone {number}").status_code

    statuses = sorted(at_once(complete))
    assert statuses == ([200, *[400] * 7] if path == WAN_REGISTER else [200, *[401] * 7])


@pytest.mark.parametrize("path", [WAN_REGISTER, WAN_SIGNIN, WAN_VERIFY])
def test_an_answer_counts_for_nothing_where_another_request_was_faster(
    path: str,
    client: FlaskClient,
    credentials: Headers,
    passkey: Passkey,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A passkey that several devices share has no counter that would show it."""
    monkeypatch.setattr(steps, "use_step", lambda step: False)
    passkey.count = -1
    device = Passkey(client) if path == WAN_REGISTER else passkey
    begun, _ = begin(client, path, credentials)
    refused = answer(client, path, begun, device, credentials, name="second")
    assert_refused(refused, STATUS[path])


def test_two_answers_at_once_with_one_counter_are_one_login(file_app: Flask) -> None:
    """One of them came from a copy of the passkey."""
    client = file_app.test_client()
    device = add_passkey(client, log_in(client))

    def complete(number: int) -> int:
        browser, copy = file_app.test_client(), Passkey(client)
        copy.id, copy.key, copy.user_handle = device.id, device.key, device.user_handle
        return use(browser, WAN_SIGNIN, copy).status_code

    assert sorted(at_once(complete)) == [200, *[401] * 7]


def test_the_passkeys_are_those_of_public_url_whatever_host_is_asked_for(
    make_app: MakeApp,
) -> None:
    settings = {"trusted_hosts": ["localhost", "evil.localhost"], "public_url": "http://localhost"}
    client = make_app(**settings).test_client()
    device = add_passkey(client, log_in(client))
    asked = client.post(WAN_SIGNIN, json={}, headers=OWN_PAGE, base_url="http://evil.localhost")
    assert asked.get_json()["options"]["rpId"] == "localhost"
    device.origin = "http://evil.localhost"
    assert_refused(use(client, WAN_SIGNIN, device))


@pytest.mark.asvs("3.5.1")
def test_no_other_site_logs_a_visitor_in_with_an_answer_of_its_own(
    app: Flask, passkey: Passkey, stranger: FlaskClient
) -> None:
    # A true answer: the owner of the account fetched the challenge, and wants visitors in it.
    begun = challenge(stranger, WAN_SIGNIN)
    body = {"credential": passkey.get(begun["options"]), "cookie": True}
    path = f"{WAN_SIGNIN}/{begun['state']}"
    foreign = [{"Origin": origin} for origin in ("https://evil.example", "null")]
    foreign += [{"Sec-Fetch-Site": site} for site in ("cross-site", "same-site")]
    for headers in foreign:
        for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded"):
            refused = app.test_client().post(path, json=body, headers=headers, content_type=kind)
            assert_refused(refused, 403)
    # Old browsers send neither header. They ask before they send another site's JSON.
    assert_refused(app.test_client().post(path, json=body, content_type="text/plain"), 403)
    assert stranger.post(path, json=body).status_code == 200


@pytest.mark.asvs("2.3.3")
def test_a_passkey_and_what_follows_change_together_or_not_at_all(
    app: Flask,
    client: FlaskClient,
    credentials: Headers,
    passkey: Passkey,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun = challenge(client, WAN_REGISTER, credentials)
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    with monkeypatch.context() as broken:
        broken.setattr(notices, "factors_changed", lambda *given: 1 / 0)
        device = Passkey(client)
        added = answer(client, WAN_REGISTER, begun, device, credentials, name="laptop")
        deleted = send(client, WAN_DELETE, {"name": "phone"}, credentials)
    assert (added.status_code, deleted.status_code) == (500, 500)
    assert names(client, credentials) == ["phone"]


@pytest.mark.asvs("7.4.3")
def test_a_login_that_ends_meanwhile_leaves_no_passkey_behind(
    client: FlaskClient, credentials: Headers, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = challenge(client, WAN_REGISTER, credentials)
    verify = webauthn.verify_registration_response

    def verify_while_all_logins_end(**given: Any) -> object:
        db.session.execute(delete(Login))
        db.session.commit()
        return verify(**given)

    monkeypatch.setattr(webauthn, "verify_registration_response", verify_while_all_logins_end)
    assert_refused(answer(client, WAN_REGISTER, begun, Passkey(client), credentials))
    assert names(client, log_in(client)) == []


@pytest.mark.parametrize("path", [WAN_REGISTER, WAN_SIGNIN, WAN_VERIFY])
def test_odd_credentials_are_refused_and_break_nothing(
    path: str,
    client: FlaskClient,
    credentials: Headers,
    passkey: Passkey,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where each part of a good one is replaced by something else."""
    # So that each is an answer to the same challenge.
    monkeypatch.setattr(steps, "use_step", lambda step: True)
    monkeypatch.setitem(client.application.config, "LOGIN_RATE_LIMIT", "9999 per minute")
    monkeypatch.setattr("secure_flask.web.rate_limits.limited", lambda text: lambda view: view)
    begun = challenge(client, path, credentials)
    device = Passkey(client) if path == WAN_REGISTER else passkey
    good = (device.create if path == WAN_REGISTER else device.get)(begun["options"])
    odd_ones = odd_credentials(json.loads(good))
    for number, odd in enumerate(odd_ones):
        # Each from a network of its own, whose requests are counted apart.
        client.environ_base["REMOTE_ADDR"] = f"203.0.{number // 200}.{number % 200 + 1}"
        refused = answer(client, path, begun, odd, credentials, name="odd")
        assert (odd[:120], refused.status_code in (400, 401)) == (odd[:120], True)
    assert names(client, credentials) == ["phone"]


def odd_credentials(good: dict[str, Any]) -> list[str]:
    odd: list[Any] = [[], 1, None, "x", {}, {"response": None}]
    values: list[Any] = [None, [], "\u20ac", "AAAA"]
    # Without a handle the passkey itself says who it is of.
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


class Unusual(Passkey):
    """A passkey that says this of its key, in COSE. Source: RFC 9052; RFC 9053; RFC 8812."""

    members: dict[int, Any]

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


def add_unusual(
    client: FlaskClient, credentials: Headers, members: dict[int, Any], credential_id: bytes = b"id"
) -> int:
    """The status of adding such a passkey."""
    device = Unusual(client)
    device.members, device.id = members, credential_id
    return use(client, WAN_REGISTER, device, credentials).status_code


@pytest.mark.parametrize(
    "members",
    [
        {1: 2, 3: -7, -1: 1, **P256},
        {1: 1, 3: -8, -1: 6, **ed25519_point()},
        {1: 3, 3: -257, **modulus()},
    ],
)
def test_keys_of_each_algorithm_that_is_offered_are_added(
    members: dict[int, Any], client: FlaskClient, credentials: Headers
) -> None:
    offered = challenge(client, WAN_REGISTER, credentials)["options"]["pubKeyCredParams"]
    assert members[3] in [each["alg"] for each in offered]
    assert add_unusual(client, credentials, members) == 200


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
    members: dict[int, Any], client: FlaskClient, credentials: Headers
) -> None:
    assert add_unusual(client, credentials, members) == 400
    assert names(client, credentials) == []


@pytest.mark.parametrize(("size", "status"), [(1023, 200), (1024, 400)])
def test_an_id_has_at_most_1023_bytes(
    size: int, status: int, client: FlaskClient, credentials: Headers
) -> None:
    members = {1: 2, 3: -7, -1: 1, **P256}
    assert add_unusual(client, credentials, members, bytes(size)) == status


@pytest.mark.asvs("2.3.4")
def test_a_user_has_a_limited_number_of_passkeys(
    file_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passkeys, "MAX_PASSKEYS", 2)
    client = file_app.test_client()
    add_passkey(client, credentials := log_in(client))
    cookie = client.get_cookie("dev-session")
    assert cookie
    begun = [challenge(client, WAN_REGISTER, credentials) for _ in range(AT_ONCE)]

    def add(number: int) -> int:
        browser = file_app.test_client()
        browser.set_cookie("dev-session", cookie.value)
        device, name = Passkey(browser), f"phone {number}"
        return answer(browser, WAN_REGISTER, begun[number], device, name=name).status_code

    first, *others = sorted(at_once(add))
    # One that is added ends the challenges of the others.
    assert (first, {*others} <= {400, 409}) == (200, True)
    refused = send(client, WAN_REGISTER, {}, credentials)
    assert (refused.status_code, passkeys.TOO_MANY in refused.text) == (409, True)
    assert len(names(client, credentials)) == 2


def test_a_challenge_from_before_the_last_passkey_adds_none(
    client: FlaskClient,
    credentials: Headers,
    app: Flask,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(passkeys, "MAX_PASSKEYS", 1)
    begun = challenge(client, WAN_REGISTER, credentials)
    with stored_user(app) as user:
        db.session.add(full_accounts.passkey(user))
    refused = answer(client, WAN_REGISTER, begun, Passkey(client), credentials)
    assert (refused.status_code, passkeys.TOO_MANY in refused.text) == (409, True)
    assert names(client, credentials) == [full_accounts.PASSKEY]


def test_each_route_that_changes_passkeys_or_takes_one_is_limited(app: Flask) -> None:
    """Beside the limit of all requests."""
    paths = [*PATHS, *(f"{path}/x" for path in PATHS), WAN_DELETE, DELETE]
    client = app.test_client()
    credentials = log_in(client)
    for path in paths:
        ask = post if path == DELETE else partial(send, body={}, headers=credentials)
        most = 120 if path == WAN_SIGNIN else 30
        asked = [ask(client, path).status_code for _ in range(most + 1)]
        assert (path, asked[0] == 429, asked[-1]) == (path, False, 429)


def test_challenges_of_strangers_are_limited_by_address_and_go_after_five_minutes(
    app: Flask, stranger: FlaskClient, wait: Wait
) -> None:
    """A page asks for one when somebody comes to its name field."""
    asked = [send(stranger, WAN_SIGNIN, {}).status_code for _ in range(121)]
    assert asked == [200] * 120 + [429]
    assert stored_challenges(app) == 120
    wait(passkey_challenges.LIFETIME)
    with app.app_context():
        worker.send_due_mails()
    assert stored_challenges(app) == 0


def stored_challenges(app: Flask) -> int:
    with app.app_context():
        challenges = select(func.count()).where(steps.Step.purpose == passkeys.LOGIN)
        return db.session.scalar(challenges) or 0


def test_pages_of_the_account_say_which_passkeys_the_device_may_keep(
    client: FlaskClient, credentials: Headers, passkey: Passkey, others: tuple[FlaskClient, Headers]
) -> None:
    add_passkey(*others)
    laptop = add_passkey(client, credentials, name="laptop")
    for path in ("/account", PAGE):
        said = signals(client, path)
        kept = [bytes_to_base64url(each.id) for each in (laptop, passkey)]
        assert said.pop("allAcceptedCredentialIds") == kept
        assert said == {
            "rpId": "localhost",
            "userId": bytes_to_base64url(passkey.user_handle),
            "name": USERNAME,
            "displayName": USERNAME,
        }
    assert post(client, f"{DELETE}?name=phone").status_code == 303
    assert signals(client, PAGE)["allAcceptedCredentialIds"] == [bytes_to_base64url(laptop.id)]


def test_a_name_cannot_leave_the_data_that_the_page_has_for_the_script(
    app: Flask, client: FlaskClient, credentials: Headers
) -> None:
    name = "a'\"><b>&amp;"
    with stored_user(app) as user:
        user.name = name
    assert signals(client, "/account")["name"] == name


def signals(client: FlaskClient, path: str) -> dict[str, Any]:
    [data] = [
        json.loads(each["data-signals"])
        for each in Elements(client.get(path, headers=OWN).text).of("div")
        if "data-signals" in each
    ]
    return dict(data)


def test_the_name_field_of_the_login_offers_passkeys(client: FlaskClient) -> None:
    page = Elements(client.get(routes.LOGIN).text)
    [field] = [each for each in page.of("input") if each.get("name") == "username"]
    assert field["autocomplete"] == "username webauthn"
    [form] = [each for each in page.of("form") if "data-passkey" in each]
    assert form["data-field"] == field["id"]


def test_the_page_lists_own_passkeys_and_deletes_one_by_a_form(
    client: FlaskClient, credentials: Headers, others: tuple[FlaskClient, Headers]
) -> None:
    add_passkey(*others, name="Theirs")
    add_passkey(client, credentials, name="Ada's <b>phone</b>/../?")
    page = client.get(PAGE).text
    assert "Ada&#39;s &lt;b&gt;phone" in page
    assert ("<b>phone" in page, "Theirs" in page) == (False, False)
    action = unescape(page.partition(f'action="{DELETE}')[2].partition('"')[0])
    assert_leads_to(post(client, f"{DELETE}{action}"), PAGE)
    assert names(client, credentials) == []
    assert names(*others) == ["Theirs"]


@pytest.mark.asvs("7.5.1")
def test_the_page_deletes_nothing_for_an_old_login_or_another_site(
    app: Flask, client: FlaskClient, credentials: Headers, passkey: Passkey
) -> None:
    path = f"{DELETE}?name=phone"
    assert post(client, path, {"Origin": "https://evil.example"}).status_code == 403
    grow_old(app)
    assert_leads_to(client.get(PAGE, headers=OWN), f"/reauthenticate?next={PAGE}")
    assert_leads_to(post(client, path), "/reauthenticate")
    assert names(client, credentials) == ["phone"]
    assert WAN_VERIFY in client.get("/reauthenticate").text


def test_password_managers_find_the_page(make_app: MakeApp) -> None:
    client = make_app(public_url="http://localhost").test_client()
    found = client.get("/.well-known/passkey-endpoints").get_json()
    assert found == {"enroll": f"http://localhost{PAGE}", "manage": f"http://localhost{PAGE}"}


def test_the_description_has_each_ceremony(client: FlaskClient) -> None:
    paths = client.get(routes.OPENAPI).get_json()["paths"]
    for path in PATHS:
        for each in (path, f"{path}/{{state}}"):
            content = paths[each]["post"]["requestBody"]["content"]
            assert content["application/json"]["schema"]
