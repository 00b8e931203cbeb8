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

from secure_flask.accounts import networks
from secure_flask.accounts.factors import PASSKEY, RECOVERY, factors_of
from secure_flask.accounts.users import AccountMixin
from secure_flask.auth import throttle
from secure_flask.auth.authentication import password_changed
from secure_flask.auth.throttle import Attempt
from secure_flask.auth.users import UserMixin
from secure_flask.clock import seconds_now
from secure_flask.database import Model, db
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


class WrongCodes(Model):
    """How many codes were wrong since `began`, in one trusted network or everywhere else."""

    __tablename__ = "wrong_codes"

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    place: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    began: Mapped[int] = mapped_column(BigInteger)
    number: Mapped[int]


@contextmanager
def attempt_code(user: AccountMixin) -> Iterator[Attempt]:
    """Allow one code, or respond 429 after too many wrong ones.

    The caller commits the count together with the login.
    """
    place = networks.present_network() if networks.is_network_trusted(user) else EVERYWHERE
    with throttle.count_attempt("second factor", user.name) as current:
        began, number = _count_wrong_code(user, place)
        db.session.commit()
        if number > MAX_WRONG_CODES:
            raise _refused_code(user, began)
        yield current
    if current.succeeded:
        _give_back_code(user, place)


@password_changed.connect
def _start_again(user: UserMixin) -> None:
    db.session.execute(delete(WrongCodes).where(WrongCodes.user_id == user.id))


def _count_wrong_code(user: AccountMixin, place: bytes) -> tuple[int, int]:
    """Count a code; return when the count began (in seconds since 1970), and its number."""
    now = seconds_now()
    mine = WrongCodes.user_id == user.id
    # Old counts are deleted, since each network would leave a row behind.
    db.session.execute(delete(WrongCodes).where(mine, WrongCodes.began <= now - DAY))
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    first = insert(WrongCodes).values(user_id=user.id, place=place, began=now, number=1)
    again = {"number": WrongCodes.number + 1}
    counted = first.on_conflict_do_update(index_elements=["user_id", "place"], set_=again)
    row = db.session.execute(counted.returning(WrongCodes.began, WrongCodes.number)).one()
    return row.began, row.number


def _give_back_code(user: AccountMixin, place: bytes) -> None:
    mine = (WrongCodes.user_id == user.id, WrongCodes.place == place)
    less = update(WrongCodes).where(*mine).values(number=WrongCodes.number - 1)
    db.session.execute(less)


def _refused_code(user: AccountMixin, began: int) -> ErrorResponse:
    audit.record(audit.LOGIN_FAIL_MAX, account=user.name, reason="second factor")
    seconds = max(1, began + DAY - seconds_now())
    others = " or ".join(OTHERS[each] for each in factors_of(user) if each in OTHERS)
    advice = f": {others} still works" if others else ""
    return error_response(429, f"Too many wrong codes{advice}", Retry_After=str(seconds))
