"""Recovery codes, each of which replaces the second factor once.

They are shown for five minutes. A row holds the SHA-256 of a code, whose 120 random bits nobody
can guess.
Source: OWASP ASVS 6.5.1, 6.5.2.
"""

import base64
import secrets
from uuid import UUID

from secure_flask.accounts import steps
from secure_flask.accounts.users import AccountMixin
from secure_flask.auth import logins
from secure_flask.auth.users import replace_hash
from secure_flask.database import db
from secure_flask.database.database import CoreModel
from secure_flask.web.errors import error_response
from sqlalchemy import ForeignKey, LargeBinary, delete, func, select
from sqlalchemy.orm import Mapped, mapped_column

NUMBER = 8
BYTES = 15
NEW = "new codes"
SHOWN_FOR = 5 * 60  # seconds


class RecoveryCode(CoreModel):
    __tablename__ = "recovery_codes"

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    code_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)


def replace_recovery_codes(user: AccountMixin) -> list[str]:
    """New codes in place of all old ones, within the caller's transaction."""
    codes = [_new_code() for _ in range(NUMBER)]
    delete_recovery_codes(user)
    db.session.add_all(
        RecoveryCode(user_id=user.id, code_hash=_hash_of_code(code)) for code in codes
    )
    return codes


def delete_recovery_codes(user: AccountMixin) -> None:
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))


def use_recovery_code(user: AccountMixin, code: str) -> bool:
    """Use a code up, within the caller's transaction; False if it is not a code of the user."""
    # All changes of factors lock the row of the user first, so that they cannot deadlock.
    if not replace_hash(user, user.password_hash):
        return False
    mine = (RecoveryCode.user_id == user.id, RecoveryCode.code_hash == _hash_of_code(code))
    used = delete(RecoveryCode).where(*mine).returning(RecoveryCode.user_id)
    return db.session.scalar(used) is not None


def recovery_codes_left(user: AccountMixin) -> int:
    """How many recovery codes of a user are unused: `recovery_codes_left(current_user)`."""
    mine = select(func.count()).where(RecoveryCode.user_id == user.id)
    return db.session.scalar(mine) or 0


def show_recovery_codes(user: AccountMixin, codes: list[str]) -> str:
    """Store new codes, encrypted, for the page that shows them for five minutes, and commit.

    The result is a text for the address of this page: `show_recovery_codes(user, codes)`.
    """
    step = steps.add_step(NEW, SHOWN_FOR, user=user, codes=codes)
    state = steps.give_step_secret(step)
    db.session.commit()
    return state


def shown_recovery_codes(user: AccountMixin, state: str) -> list[str]:
    """The new codes of a user: `shown_recovery_codes(current_user, state)`.

    `state` is the text that `show_recovery_codes` returned. Reading uses nothing up, since the
    response may be lost, and there is no other copy.

    :raises ErrorResponse: 404, five minutes have passed, newer codes replaced them, or they are
        another user's.
    """
    step = steps.find_step(NEW, state)
    if step is None or step.user_id != user.id:
        raise error_response(404, "Not Found")
    codes: list[str] = step.data["codes"]
    return codes


def _new_code() -> str:
    text = base64.b32encode(secrets.token_bytes(BYTES)).decode().lower()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def _hash_of_code(code: str) -> bytes:
    # People copy codes with capital letters, and with spaces or nothing between the groups.
    letters = "".join(filter(str.isalnum, code)).lower()
    return logins.hash_of_secret("recovery code", letters)
