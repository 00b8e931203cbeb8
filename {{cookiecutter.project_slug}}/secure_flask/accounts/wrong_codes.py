"""Limits wrong codes, so that nobody guesses a second factor.

Somebody with the password gets ten wrong codes a day, from all networks together. A network where
both factors were right has a separate count. A code is counted before it is checked, in a row of
the database, so the limit is exact for requests at the same moment and survives a restart. Only a
change of the password with the present one starts a new count: a mailed reset only proves that
somebody reads the mails. Source: OWASP ASVS 6.3.1, 6.5.5.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from secure_flask.accounts import login_places
from secure_flask.accounts.factors import PASSKEY, RECOVERY, factors_of
from secure_flask.accounts.users import AccountMixin
from secure_flask.auth import throttle
from secure_flask.auth.authentication import password_changed
from secure_flask.auth.throttle import Attempt
from secure_flask.auth.users import UserMixin
from secure_flask.clock import seconds_now
from secure_flask.database import db
from secure_flask.database.database import CoreModel
from secure_flask.web import audit
from secure_flask.web.errors import ErrorResponse, error_response
from sqlalchemy import BigInteger, ForeignKey, LargeBinary, delete, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

MAX_WRONG_CODES = 10  # wrong codes in a day
DAY = 24 * 60 * 60  # seconds
EVERYWHERE = b""
# The factors that still work after too many wrong codes.
OTHERS = {PASSKEY: "a passkey", RECOVERY: "a recovery code"}


class WrongCodes(CoreModel):
    """How many codes were wrong since `created`, in one trusted network or everywhere else."""

    __tablename__ = "wrong_codes"

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    network_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    created: Mapped[int] = mapped_column(BigInteger)
    count: Mapped[int]


@contextmanager
def attempt_code(user: AccountMixin) -> Iterator[Attempt]:
    """Allow one code, or respond 429 after too many wrong ones.

    The count is committed before the check. A right code is taken off the count again, and the
    caller commits this together with the login.
    """
    is_trusted = login_places.is_network_trusted(user)
    network_hash = login_places.present_network() if is_trusted else EVERYWHERE
    with throttle.count_attempt("second factor", user.name) as current:
        created, count = _count_wrong_code(user, network_hash)
        db.session.commit()
        if count > MAX_WRONG_CODES:
            raise _refused_code(user, created)
        yield current
    if current.succeeded:
        _give_back_code(user, network_hash)


@password_changed.connect
def _start_again(user: UserMixin) -> None:
    db.session.execute(delete(WrongCodes).where(WrongCodes.user_id == user.id))


def _count_wrong_code(user: AccountMixin, network_hash: bytes) -> tuple[int, int]:
    """Count a code; return when the first one was counted, in seconds since 1970, and how many."""
    now = seconds_now()
    mine = WrongCodes.user_id == user.id
    # Old counts are deleted, since each network would leave a row behind.
    db.session.execute(delete(WrongCodes).where(mine, WrongCodes.created <= now - DAY))
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    key = {"user_id": user.id, "network_hash": network_hash}
    first = insert(WrongCodes).values(**key, created=now, count=1)
    again = {"count": WrongCodes.count + 1}
    counted = first.on_conflict_do_update(index_elements=[*key], set_=again)
    stored = counted.returning(WrongCodes.created, WrongCodes.count)
    created, count = db.session.execute(stored).one()
    return created, count


def _give_back_code(user: AccountMixin, network_hash: bytes) -> None:
    mine = (WrongCodes.user_id == user.id, WrongCodes.network_hash == network_hash)
    less = update(WrongCodes).where(*mine).values(count=WrongCodes.count - 1)
    db.session.execute(less)


def _refused_code(user: AccountMixin, created: int) -> ErrorResponse:
    audit.record(audit.LOGIN_FAIL_MAX, account=user.name, reason="second factor")
    seconds = max(1, created + DAY - seconds_now())
    others = " or ".join(OTHERS[each] for each in factors_of(user) if each in OTHERS)
    advice = f": {others} still works" if others else ""
    return error_response(429, f"Too many wrong codes{advice}", Retry_After=str(seconds))
