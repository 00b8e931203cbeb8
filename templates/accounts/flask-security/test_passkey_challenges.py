"""Challenges to passkeys: nothing but a true answer to a new one counts."""

import json
import string
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from webauthn.helpers import bytes_to_base64url, encode_cbor

from app.accounts import pending
from app.accounts.factors import passkey_challenges
from tests.accounts.factors.software_passkeys import (
    WAN_REGISTER,
    WAN_SIGNIN,
    WAN_VERIFY,
    Authenticator,
    add_passkey,
    answer_challenge,
    assert_refused,
    challenge,
    log_in_by_passkey,
    names,
    send_credential,
)
from tests.accounts.people import Headers
from tests.conftest import MakeApp, Wait, log_in

pytestmark = pytest.mark.usefixtures("unhurried")

AT_ONCE = 8
MINUTES = 60  # seconds


@pytest.mark.asvs("6.7.2")
def test_each_challenge_is_new_and_long(client: FlaskClient, credentials: Headers) -> None:
    begun = [challenge(client) for _ in range(3)]
    made = {each.get_json()["credential_options"]["challenge"] for each in begun}
    assert len(made) == 3
    assert all(len(each) * 6 >= 128 for each in made)


def test_an_answer_that_was_used_is_not_used_again(
    app: Flask, passkey: Authenticator, stranger: FlaskClient
) -> None:
    begun = challenge(stranger)
    answer = passkey.get(begun.get_json()["credential_options"])
    assert send_credential(stranger, WAN_SIGNIN, begun, answer).status_code == 200
    thief = app.test_client()
    assert_refused(send_credential(thief, WAN_SIGNIN, begun, answer))
    assert_refused(send_credential(thief, WAN_SIGNIN, challenge(thief), answer))
    # Nor a new answer to the same challenge.
    assert_refused(answer_challenge(thief, WAN_SIGNIN, begun, passkey))


def test_an_answer_counts_once_however_its_challenge_is_spelled(
    app: Flask, passkey: Authenticator, stranger: FlaskClient
) -> None:
    # Passkeys that several devices share do not count.
    passkey.count = -1
    begun = challenge(stranger)
    answer = passkey.get(begun.get_json()["credential_options"])
    assert send_credential(stranger, WAN_SIGNIN, begun, answer).status_code == 200
    state = begun.get_json()["wan_state"]
    # The last character of a signature has bits that decode to nothing.
    spare = [state[:-1] + last for last in string.ascii_letters + string.digits]
    for spelling in (f"{state}=", f"{state}==", *spare):
        again = app.test_client().post(f"{WAN_SIGNIN}/{spelling}", json={"credential": answer})
        assert_refused(again)


def test_a_frame_of_another_site_gets_no_login(
    passkey: Authenticator, stranger: FlaskClient
) -> None:
    passkey.cross_origin = True
    assert_refused(log_in_by_passkey(stranger, passkey))


@pytest.mark.asvs("3.5.1")
def test_no_other_site_logs_a_visitor_in_with_an_answer_of_its_own(
    app: Flask, passkey: Authenticator, stranger: FlaskClient, subtests: pytest.Subtests
) -> None:
    # A true answer: the owner of the account fetched the challenge, and wants visitors in it.
    begun = challenge(stranger)
    body = {"credential": passkey.get(begun.get_json()["credential_options"])}
    path = f"{WAN_SIGNIN}/{begun.get_json()['wan_state']}"
    foreign = [{"Origin": origin} for origin in ("https://evil.example", "null")]
    foreign += [{"Sec-Fetch-Site": site} for site in ("cross-site", "same-site")]
    for headers in foreign:
        for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded"):
            with subtests.test(kind, headers=headers):
                visitor = app.test_client()
                answer = visitor.post(path, json=body, headers=headers, content_type=kind)
                assert_refused(answer, 403)
    # Old browsers send neither header. They ask before they send another site's JSON.
    answer = app.test_client().post(path, json=body, content_type="text/plain")
    assert_refused(answer, 415)
    assert stranger.post(path, json=body).status_code == 200


def test_eight_requests_with_one_answer_log_in_once(file_app: Flask) -> None:
    client = file_app.test_client()
    passkey = add_passkey(client, log_in(client))
    begun = challenge(client)
    answer = passkey.get(begun.get_json()["credential_options"])

    def send(client: FlaskClient) -> int:
        return send_credential(client, WAN_SIGNIN, begun, answer).status_code

    clients = [file_app.test_client() for _ in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        assert list(threads.map(send, clients)).count(200) == 1


def test_a_passkey_works_at_this_site_alone(
    passkey: Authenticator, client: FlaskClient, credentials: Headers, stranger: FlaskClient
) -> None:
    origins = ["https://localhost", "http://localhost:8000", "http://evil.example", "null", ""]
    wrong = [("origin", origin) for origin in origins]
    wrong += [("rp_id", name) for name in ("evil.example", "www.localhost", "")]
    for attribute, value in wrong:
        true = getattr(passkey, attribute)
        setattr(passkey, attribute, value)
        assert_refused(log_in_by_passkey(stranger, passkey))
        setattr(passkey, attribute, true)
        added = Authenticator()
        setattr(added, attribute, value)
        begun = client.post(WAN_REGISTER, json={"name": "copy"}, headers=credentials)
        answer = answer_challenge(client, WAN_REGISTER, begun, added, credentials)
        assert (value, answer.status_code) == (value, 400)
    assert log_in_by_passkey(stranger, passkey).status_code == 200


def test_the_passkeys_are_those_of_public_url_whatever_host_is_asked_for(
    make_app: MakeApp,
) -> None:
    settings = {"trusted_hosts": ["localhost", "evil.localhost"], "public_url": "http://localhost"}
    client = make_app(**settings).test_client()
    elsewhere = {"base_url": "http://evil.localhost"}
    assert challenge(client).get_json()["credential_options"]["rpId"] == "localhost"
    for path in (WAN_SIGNIN, f"{WAN_SIGNIN}/x"):
        answer = client.post(path, json={"credential": "{}"} if "x" in path else {}, **elsewhere)
        assert answer.status_code == 400
        assert "wan_state" not in answer.text


def test_an_old_challenge_is_not_answered(
    passkey: Authenticator, stranger: FlaskClient, clock: Wait
) -> None:
    begun = challenge(stranger)
    clock(5 * MINUTES + 1)
    assert_refused(answer_challenge(stranger, WAN_SIGNIN, begun, passkey))


def test_an_old_challenge_adds_no_passkey(
    client: FlaskClient, credentials: Headers, clock: Wait
) -> None:
    begun = client.post(WAN_REGISTER, json={"name": "late"}, headers=credentials)
    clock(passkey_challenges.LIFETIME + 1)
    recent = log_in(client)
    answer = answer_challenge(client, WAN_REGISTER, begun, Authenticator(), headers=recent)
    assert_refused(answer, 400)


def test_odd_credentials_are_refused_and_break_nothing(
    client: FlaskClient,
    credentials: Headers,
    passkey: Authenticator,
    monkeypatch: pytest.MonkeyPatch,
    subtests: pytest.Subtests,
) -> None:
    """Also where each part of a good one is replaced by something else."""
    # So that each is an answer to the same challenge.
    monkeypatch.setattr(pending, "use_once", lambda text, lifetime: True)
    for path in (WAN_SIGNIN, WAN_VERIFY, WAN_REGISTER):
        body = {"name": "odd"} if path == WAN_REGISTER else {}
        begun = client.post(path, json=body, headers=credentials)
        options = begun.get_json()["credential_options"]
        good = Authenticator().create(options) if path == WAN_REGISTER else passkey.get(options)
        with subtests.test(path):
            for odd in odd_credentials(json.loads(good)):
                answer = send_credential(client, path, begun, odd, credentials)
                assert (odd[:120], answer.status_code in (400, 401)) == (odd[:120], True)
    assert names(client, credentials) == ["phone"]


def odd_credentials(good: dict[str, Any]) -> list[str]:
    odd: list[Any] = [[], 1, None, "x", {}, {"response": None}]
    values: list[Any] = [None, [], "\u20ac", "AAAA"]
    odd += [{**good, name: value} for name in good for value in values]
    odd += [
        {**good, "response": {**good["response"], name: value}}
        for name in good["response"]
        # Without a handle the passkey itself says who it is of.
        for value in (values if name != "userHandle" else values[2:])
    ]
    attestations: list[Any] = [
        [],
        {},
        {"fmt": "none"},
        {"fmt": "x", "attStmt": {}, "authData": b"x" * 80},
    ]
    attestations += [
        {"fmt": "none", "attStmt": {}, "authData": data} for data in (b"", b"\xff" * 99)
    ]
    for attestation in attestations if "attestationObject" in good["response"] else []:
        encoded = bytes_to_base64url(encode_cbor(attestation))
        odd.append({**good, "response": {**good["response"], "attestationObject": encoded}})
    deep = "[" * 4000 + "]" * 4000
    return [*map(json.dumps, odd), "", "{", deep, '{"id": ' + deep + "}", '{"id": "a", "id": "b"}']
