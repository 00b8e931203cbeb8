"""The test vectors of WebAuthn, verified by what registrations and logins call.

Those of section 16 of Web Authentication Level 3 whose algorithm is offered, as bytes in hex. Left
out are ES384, ES512 and Ed448, which are not offered; and the attestations of TPM, Android, Apple
and FIDO U2F, which no page here asks for, so that browsers remove them.
"""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import webauthn
from secure_flask.accounts import passkeys
from secure_flask.accounts.passkeys import Passkey
from secure_flask.auth.users import UserMixin
from webauthn.helpers import bytes_to_base64url
from webauthn.helpers.structs import PublicKeyCredentialRequestOptions

from core.accounts.people import user_of
from core.accounts.site import User
from core.conftest import MakeApp

VECTORS = json.loads(Path(__file__).with_name("webauthn_vectors.json").read_text())
ORIGIN, TOP_ORIGIN = "https://example.org", "https://example.com"
# Made in a frame; the second one does not say of which site.
IN_A_FRAME, IN_SOME_FRAME = "none.ES256.topOrigin", "none.ES256.crossOrigin"
USABLE = [name for name in VECTORS if name != IN_SOME_FRAME]

every_vector = pytest.mark.parametrize("name", USABLE)


@pytest.fixture
def user(make_app: MakeApp) -> Iterator[User]:
    """One of a site at the origin of the vectors, which allows their other site to frame it."""
    settings = {"public_url": ORIGIN, "trusted_hosts": ["example.org"]}
    app = make_app(**settings, FRAME_ANCESTORS=[TOP_ORIGIN])
    with app.test_request_context(base_url=ORIGIN):
        yield user_of()


@pytest.fixture
def _of_each_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not ask who holds the device: most of the vectors are of devices that do not verify it."""
    for name in ("verify_registration_response", "verify_authentication_response"):
        verify = getattr(webauthn, name)
        lenient = partial(_without_user_verification, verify)
        monkeypatch.setattr(webauthn, name, lenient)


def _without_user_verification(verify: Any, **given: Any) -> object:
    return verify(**{**given, "require_user_verification": False})


def state_of(purpose: str, vector: dict[str, str], user: User | None) -> str:
    """The state of the challenge of a vector, as if this site had asked."""
    options = PublicKeyCredentialRequestOptions(challenge=bytes.fromhex(vector["challenge"]))
    return str(passkeys.begin_challenge(purpose, options, user)["state"])


def credential(name: str, ceremony: str, **changes: str) -> str:
    """The JSON that a browser makes of a vector."""
    members = {**VECTORS[name][ceremony], **changes}
    members.pop("challenge")
    response = {key: bytes_to_base64url(bytes.fromhex(value)) for key, value in members.items()}
    own = bytes_to_base64url(bytes.fromhex(VECTORS[name]["credential_id"]))
    return json.dumps({"id": own, "rawId": own, "type": "public-key", "response": response})


def register(user: User, name: str, **changes: str) -> Passkey:
    state = state_of(passkeys.NEW, VECTORS[name]["registration"], user)
    made = credential(name, "registration", **changes)
    return passkeys.finish_passkey_registration(user, state, made, name)


def owner(name: str, **changes: str) -> UserMixin | None:
    state = state_of(passkeys.LOGIN, VECTORS[name]["authentication"], None)
    return passkeys.passkey_owner(state, credential(name, "authentication", **changes))


@every_vector
@pytest.mark.usefixtures("_of_each_device")
def test_each_vector_registers_and_logs_in(name: str, user: User) -> None:
    added = register(user, name)
    assert added.credential_id.hex() == VECTORS[name]["credential_id"]
    assert owner(name) == user


@every_vector
@pytest.mark.usefixtures("_of_each_device")
def test_a_vector_with_one_bit_changed_does_not_log_in(name: str, user: User) -> None:
    register(user, name)
    members = VECTORS[name]["authentication"].items()
    # The last byte is a brace, a counter or a part of the signature.
    changed = {key: value[:-1] + f"{int(value[-1], 16) ^ 1:x}" for key, value in members}
    changed.pop("challenge")
    assert [key for key, value in changed.items() if owner(name, **{key: value})] == []
    assert owner(name) == user
