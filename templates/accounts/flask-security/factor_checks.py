"""What Flask-Security checks factors with: each code counts once, and passkeys know one site.

Source: RFC 6238, section 5.2; Web Authentication Level 3, section 7; OWASP ASVS 6.5.1 to 6.5.5.
"""

import base64
import secrets
from hashlib import sha256
from typing import Any

import qrcode
import qrcode.image.svg
from flask import current_app
from flask_security import MfRecoveryCodesUtil, Totp, WebauthnUtil
from flask_security.utils import check_and_get_token_status
from markupsafe import Markup
from passlib.exc import TokenError
from sqlalchemy import delete, or_, update
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from app.accounts import public_urls
from app.auth.factors import RecoveryCode
from app.auth.users import User
from app.db import db
from app.security.errors import error_response

CODE_BYTES = 15  # 120 bits, so that a plain SHA-256 may be stored


class Codes(Totp):
    """Codes of an authenticator app."""

    def get_last_counter(self, user: User) -> int | None:
        return user.tf_last_counter

    def set_last_counter(self, user: User, match: Any) -> None:
        # Compare-and-swap: of two requests with the same code, one is refused.
        older = or_(User.tf_last_counter.is_(None), User.tf_last_counter < match.counter)
        used = update(User).where(User.id == user.id, older).values(tf_last_counter=match.counter)
        if db.session.execute(used).rowcount != 1:  # type: ignore[attr-defined]
            raise TokenError("already used")

    def generate_qrcode(self, username: str, totp: str) -> str:
        # Part of the page: the strictest policy loads no data: image.
        picture = qrcode.make(
            self.get_totp_uri(username, totp), image_factory=qrcode.image.svg.SvgPathImage
        )
        return Markup(picture.to_string(encoding="unicode"))  # noqa: S704 - made here

    def generate_recovery_codes(self, number: int) -> list[str]:
        return [_new_code() for _ in range(number)]


class RecoveryCodes(MfRecoveryCodesUtil):
    """Codes that replace the second factor once. They are shown once and stored as hashes."""

    def create_recovery_codes(self, user: User) -> list[str]:
        codes: list[str] = _library().totp_factory.generate_recovery_codes(
            current_app.config["SECURITY_MULTI_FACTOR_RECOVERY_CODES_N"]
        )
        # By a statement: this object may not know the codes of a request at the same moment.
        db.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
        db.session.add_all(RecoveryCode(hash=_digest(code), user_id=user.id) for code in codes)
        db.session.expire(user, ["recovery_codes"])
        return codes

    def check_recovery_code(self, user: User, code: str) -> bool:
        # Used up here: the library deletes a code after the login, and ignores a failure.
        mine = (RecoveryCode.user_id == user.id, RecoveryCode.hash == _digest(code))
        used = db.session.execute(delete(RecoveryCode).where(*mine))
        return bool(used.rowcount == 1)  # type: ignore[attr-defined]

    def delete_recovery_code(self, user: User, code: str) -> bool:
        return True


class Passkeys(WebauthnUtil):
    """Passkeys of PUBLIC_URL, on a phone, a computer or a security key."""

    def origin(self) -> str:
        return public_urls.origin()

    def name_svn(self, value: str) -> tuple[str | None, str | None]:
        # The library refuses & and <, which pages escape.
        return None, value

    def authenticator_selection(self, user: User, usage: str) -> AuthenticatorSelectionCriteria:
        first = usage == "first"
        return AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED
            if first
            else ResidentKeyRequirement.PREFERRED,
            # A passkey that replaces the password must also check who holds it.
            user_verification=UserVerificationRequirement.REQUIRED
            if first
            else UserVerificationRequirement.PREFERRED,
        )

    def user_verification(self, user: User | None, usage: list[str]) -> UserVerificationRequirement:
        if "secondary" in usage:
            return UserVerificationRequirement.PREFERRED
        return UserVerificationRequirement.REQUIRED


def unencrypted(totp_secret: str) -> str:
    """The secret of an authenticator app as text, which its column encrypts again."""
    return str(_library().totp_factory._totp.from_source(totp_secret).to_json(encrypt=False))


def shown(totp_secret: str, user: User) -> dict[str, str]:
    """What a user sees to set up an authenticator app: `key` as text, `image` as SVG."""
    return dict(_library().totp_factory.fetch_setup_values(totp_secret, user))


def secret_of(state: str) -> str:
    """The secret of the authenticator app whose setup `state` names.

    :raises ErrorResponse: 400, the setup took too long, or was not begun here.
    """
    within = current_app.config["SECURITY_TWO_FACTOR_SETUP_WITHIN"]
    expired, invalid, setup = check_and_get_token_status(state, "tf_setup", within)
    if expired or invalid:
        raise error_response(400, "This setup has ended: begin again")
    return str(setup["totp_secret"])


def _library() -> Any:
    return current_app.extensions["security"]


def _new_code() -> str:
    text = base64.b32encode(secrets.token_bytes(CODE_BYTES)).decode().lower()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def _digest(code: str) -> bytes:
    # People copy codes with spaces and capital letters.
    return sha256(code.strip().lower().encode()).digest()
