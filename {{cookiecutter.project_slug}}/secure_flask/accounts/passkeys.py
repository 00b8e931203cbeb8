"""Passkeys: keys that stay in a device, which unlocks them by fingerprint, face or PIN.

A passkey works only at PUBLIC_URL, so a copy of the site gets nothing. It signs a new challenge
each time, which is answered once, so an overheard answer cannot be replayed.
Source: Web Authentication Level 3, sections 7, 13.4.3 and 13.4.9; OWASP ASVS 6.5.6, 6.5.7, 6.7.1, 6.7.2.
"""

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from flask import current_app
from secure_flask.accounts import steps
from secure_flask.accounts.settings import public_host, public_origin
from secure_flask.accounts.users import AccountMixin
from secure_flask.auth.users import UserMixin, replace_hash, user_class
from secure_flask.clock import seconds_now
from secure_flask.csp_levels import NONE, SELF
from secure_flask.database import db
from secure_flask.database.database import CoreModel
from secure_flask.web import strict_json
from secure_flask.web.errors import ErrorResponse, error_response, plain_error
from sqlalchemy import BigInteger, ForeignKey, LargeBinary, String, UniqueConstraint, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

if TYPE_CHECKING:
    from webauthn.helpers.structs import (
        PublicKeyCredentialCreationOptions,
        PublicKeyCredentialRequestOptions,
    )

    PasskeyOptions = PublicKeyCredentialCreationOptions | PublicKeyCredentialRequestOptions

LIFETIME = 5 * 60  # seconds to answer
TOO_LATE = "That took too long: try again"


if TYPE_CHECKING:
    from webauthn.helpers.cose import COSEAlgorithmIdentifier

MAX_NAME = 64  # characters
MAX_PASSKEYS = 20  # of a user
MAX_ID = 1023  # bytes. Source: Web Authentication Level 3, section 7.1
# The algorithms that are offered, each with the type and the curve of its keys, all by their
# numbers in COSE: EdDSA, ES256, RS256. Source: Web Authentication Level 3, section 5.8.5; RFC 8812.
ALGORITHMS = {-8: (1, 6), -7: (2, 1), -257: (3, None)}
NEW = "new passkey"
LOGIN = "passkey"
INVALID_PASSKEY = "Unknown or invalid passkey"
TOO_MANY = "You have as many passkeys as are allowed: delete one first"


def begin_challenge(
    purpose: str, options: "PasskeyOptions", user: AccountMixin | None
) -> dict[str, object]:
    """Store the challenge of `options`; return them with the `state` that the answer must carry."""
    import webauthn
    from webauthn.helpers import bytes_to_base64url

    step = steps.add_step(
        purpose, LIFETIME, user=user, challenge=bytes_to_base64url(options.challenge)
    )
    state = steps.give_step_secret(step)
    db.session.commit()
    return {"state": state, "options": json.loads(webauthn.options_to_json(options))}


def use_challenge(purpose: str, state: str, user: AccountMixin | None, *, status: int) -> bytes:
    """Use a challenge up, whether or not its answer is right, and return it.

    :raises ErrorResponse: `status`, there is none for this purpose and user: it has expired, or was
        answered. No passkey was checked, so this is no failed login.
    """
    from webauthn.helpers import base64url_to_bytes

    step = steps.find_step(purpose, state)
    if step is None or step.user_id != (user.id if user else None):
        raise error_response(status, TOO_LATE)
    challenge = base64url_to_bytes(step.data["challenge"])
    used = steps.use_step(step)
    db.session.commit()
    if not used:
        raise error_response(status, TOO_LATE)
    return challenge


def parsed_credential(credential: str) -> dict[str, Any]:
    """The JSON of a browser; empty if it is malformed, or comes from a frame of another site."""
    from webauthn.helpers import base64url_to_bytes

    try:
        answer = dict(strict_json.loads(credential))
        client_data = strict_json.loads(base64url_to_bytes(answer["response"]["clientDataJSON"]))
        return answer if _comes_from_allowed_page(client_data) else {}
    except Exception:
        # A forged structure can raise nearly any exception.
        return {}


class Passkey(CoreModel):
    __tablename__ = "passkeys"
    __table_args__ = (UniqueConstraint("user_id", "name"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    credential_id: Mapped[bytes] = mapped_column(LargeBinary(MAX_ID), unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger)
    # The host of PUBLIC_URL when the passkey was added. The passkey works at no other host.
    host: Mapped[str] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(String(MAX_NAME))
    last_used: Mapped[int] = mapped_column(BigInteger)


def passkeys_of(user: AccountMixin) -> list[Passkey]:
    mine = select(Passkey).where(Passkey.user_id == user.id)
    return list(db.session.scalars(mine.order_by(Passkey.name)))


def list_passkeys(user: AccountMixin) -> list[dict[str, object]]:
    """The passkeys of a user by name: `return {"passkeys": list_passkeys(current_user)}`.

    Each has `name` (str), and `last_used` (int, in seconds since 1970).
    """
    return [{"name": each.name, "last_used": each.last_used} for each in passkeys_of(user)]


def begin_passkey_registration_of(user: AccountMixin) -> dict[str, object]:
    """Return `state`, and `options` for navigator.credentials.create().

    :raises ErrorResponse: 409, the user has as many as allowed.
    """
    import webauthn
    from webauthn.helpers import structs

    limit_passkeys(user, MAX_PASSKEYS - 1)
    known = [
        structs.PublicKeyCredentialDescriptor(id=each.credential_id) for each in passkeys_of(user)
    ]
    options = webauthn.generate_registration_options(
        rp_id=public_host(),
        rp_name=current_app.config["PROJECT_NAME"],
        user_id=user.id.bytes,
        user_name=user.name,
        exclude_credentials=known,
        supported_pub_key_algs=_offered(),
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.REQUIRED,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        ),
    )
    return begin_challenge(NEW, options, user)


def finish_passkey_registration(
    user: AccountMixin, state: str, credential: str, name: str
) -> Passkey:
    """Use the challenge up, which commits; then add the passkey to the caller's transaction.

    :raises ErrorResponse: 400, the answer does not fit the challenge; 401, the user was disabled or
        changed the password meanwhile.
    """
    import webauthn

    challenge = use_challenge(NEW, state, user, status=400)
    try:
        made = webauthn.verify_registration_response(
            credential=parsed_credential(credential),
            expected_challenge=challenge,
            expected_rp_id=public_host(),
            expected_origin=public_origin(),
            require_user_verification=True,
            supported_pub_key_algs=_offered(),
        )
        is_usable = len(made.credential_id) <= MAX_ID and _fits(made.credential_public_key)
    except Exception:
        # A forged structure can raise nearly any exception in the parsers of the library.
        raise error_response(400, INVALID_PASSKEY) from None
    if not is_usable:
        raise error_response(400, INVALID_PASSKEY)
    if not replace_hash(user, user.password_hash):
        raise plain_error(401)
    passkey = Passkey(user_id=user.id, name=name, host=public_host())
    passkey.last_used = seconds_now()
    passkey.credential_id = made.credential_id
    passkey.public_key = made.credential_public_key
    passkey.sign_count = made.sign_count
    db.session.add(passkey)
    try:
        db.session.flush()
    except IntegrityError:
        # Another user has this key, or a second click was faster.
        db.session.rollback()
        raise error_response(400, INVALID_PASSKEY) from None
    return passkey


def limit_passkeys(user: AccountMixin, most: int) -> None:
    """
    :raises ErrorResponse: 409, the user has more passkeys than `most`.
    """
    if len(passkeys_of(user)) > most:
        db.session.rollback()
        raise error_response(409, TOO_MANY)


def begin_passkey_login(user: AccountMixin | None = None) -> dict[str, object]:
    """Begin a login by passkey: `return begin_passkey_login()`. Pass the user if known.

    The dict has `state` (str), and `options` for navigator.credentials.get() of the browser.
    """
    import webauthn
    from webauthn.helpers.structs import UserVerificationRequirement

    options = webauthn.generate_authentication_options(
        rp_id=public_host(), user_verification=UserVerificationRequirement.REQUIRED
    )
    return begin_challenge(LOGIN, options, user)


def passkey_owner(
    state: str, credential: str, user: AccountMixin | None = None
) -> UserMixin | None:
    """The user whose passkey answers the challenge of `state`, within the caller's transaction.

    None if the answer is wrong, or if the passkey belongs to another user than `user`.

    :raises ErrorResponse: 401, the challenge has expired or was answered, or is another user's.
    """
    import webauthn

    challenge = use_challenge(LOGIN, state, user, status=401)
    answer = parsed_credential(credential)
    passkey = _passkey_of_id(_credential_id(answer))
    if passkey is None:
        return None
    found = db.session.get(user_class(), passkey.user_id)
    if found is None or (user and found.id != user.id):
        return None
    try:
        shown = webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=public_host(),
            expected_origin=public_origin(),
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except Exception:
        return None
    # All changes of passkeys lock the row of the user first, so that they cannot deadlock.
    locked = replace_hash(found, found.password_hash)
    return found if locked and _count_use(passkey, shown.new_sign_count) else None


def refused_passkey(credential: str) -> ErrorResponse:
    """The error for a wrong answer to a fresh challenge, after `passkey_owner`.

    It has `"unknown": true` only if no stored passkey has the id of the answer: the page then asks
    the device to forget that passkey. A stored one must stay, whatever was wrong with the answer.
    The member tells nothing about users: an id is random, and each answer counts as a failed login.
    Source: Web Authentication Level 3, section 5.1.10.
    """
    error = error_response(401, INVALID_PASSKEY)
    credential_id = _credential_id(parsed_credential(credential))
    if credential_id and _passkey_of_id(credential_id) is None:
        error.members = {"unknown": True}
    return error


def passkey_signals(user: AccountMixin) -> dict[str, object]:
    """The values that update the device's list of passkeys: `passkey_signals(current_user)`.

    `rpId`, `userId`, `name` and `displayName` (str), and `allAcceptedCredentialIds` (list of str),
    for the signal methods of PublicKeyCredential; ids are base64url. The device then forgets all
    other passkeys of this user here. Source: Web Authentication Level 3, section 5.1.10.
    """
    from webauthn.helpers import bytes_to_base64url

    return {
        "rpId": public_host(),
        "userId": bytes_to_base64url(user.id.bytes),
        "name": user.name,
        "displayName": user.name,
        "allAcceptedCredentialIds": [
            bytes_to_base64url(each.credential_id) for each in passkeys_of(user)
        ],
    }


def delete_passkey_of(user: AccountMixin, name: str) -> bool:
    """Delete a passkey within the caller's transaction; False if there is none of this name."""
    for passkey in passkeys_of(user):
        if passkey.name == name:
            db.session.delete(passkey)
            return True
    return False


def _comes_from_allowed_page(client_data: dict[str, Any]) -> bool:
    """Whether the page was in no frame of another site, except of one of FRAME_ANCESTORS.

    An answer that does not name the outer page, or contradicts itself, is refused.
    """
    is_framed = client_data.get("crossOrigin", False)
    if is_framed is False:
        return "topOrigin" not in client_data
    listed = {*current_app.config["FRAME_ANCESTORS"]} - {NONE, SELF}
    return is_framed is True and client_data.get("topOrigin") in listed


def _offered() -> "list[COSEAlgorithmIdentifier]":
    from webauthn.helpers.cose import COSEAlgorithmIdentifier

    return [COSEAlgorithmIdentifier(number) for number in ALGORITHMS]


def _fits(public_key: bytes) -> bool:
    """Whether a key has the type and the curve of its algorithm, and is a valid one.

    :raises Exception: nearly any, for a forged structure.
    """
    from webauthn import helpers

    decoded = helpers.decode_credential_public_key(public_key)
    helpers.decoded_public_key_to_cryptography(decoded)
    return ALGORITHMS[decoded.alg] == (decoded.kty, getattr(decoded, "crv", None))


def _count_use(passkey: Passkey, sign_count: int) -> bool:
    """Store the counter of an answer; False if another answer or a deletion was faster."""
    unchanged = (Passkey.id == passkey.id, Passkey.sign_count == passkey.sign_count)
    values = {"sign_count": sign_count, "last_used": seconds_now()}
    used = update(Passkey).where(*unchanged).values(values)
    return db.session.scalar(used.returning(Passkey.id)) is not None


def _credential_id(answer: dict[str, Any]) -> bytes:
    """The id in an answer; empty if it has none."""
    from webauthn.helpers import base64url_to_bytes

    try:
        return base64url_to_bytes(answer["id"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return b""


def _passkey_of_id(credential_id: bytes) -> Passkey | None:
    return db.session.scalar(select(Passkey).where(Passkey.credential_id == credential_id))
