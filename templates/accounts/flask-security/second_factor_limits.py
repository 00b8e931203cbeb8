"""Limits wrong codes, so that nobody guesses a second factor.

Whoever has the password gets ten wrong codes a day. Networks where both factors were right in
the last 30 days have a count of their own, so nobody who has only the password can lock the
owner out. A password change that needs the present password starts the count again; a mailed
reset does not, since it proves only who reads the mails. Source: OWASP ASVS 6.3.1, 6.5.5.
"""

import hmac
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from uuid import UUID

from flask import current_app
from limits import parse
from sqlalchemy import BigInteger, ForeignKey, LargeBinary, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts import notices
from app.accounts.password_change import password_changed
from app.accounts.pending import PendingStep
from app.auth import throttle
from app.auth.throttle import Attempt
from app.auth.users import User
from app.db import Model, db
from app.security import audit
from app.security.rate_limiter import Key, rate_limiter
from app.security.rate_limits import client_address, too_many_requests

LIMIT = parse("10 per day")
TRUSTED_FOR = 30 * 24 * 60 * 60  # seconds


class TrustedNetwork(Model):
    """A network from which a user logged in with both factors; its address is only a hash."""

    __tablename__ = "trusted_networks"

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    network_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    last_login: Mapped[int] = mapped_column(BigInteger)


@contextmanager
def attempt(half: PendingStep, *, guessable: bool = True) -> Iterator[Attempt]:
    """Allow a second step, or respond 429 after too many wrong codes.

    Nobody guesses a recovery code, so it lets the owner in when the limit is met.
    """
    user = half.owner
    with attempt_of(user) if guessable else throttle.attempt("recovery code", user.name) as current:
        yield current
        if current.succeeded:
            _trust(user)
        else:
            audit.record(audit.LOGIN_FAIL, account=user.name, reason="second factor")
            # Wrong recovery codes have no limit of a day, but mails need one.
            if guessable or rate_limiter().hit(LIMIT, ("recovery code mails", str(user.id))):
                notices.send(user, "code_failed", if_refused=True)


@contextmanager
def attempt_of(user: User) -> Iterator[Attempt]:
    """Allow a user one code, or respond 429 after too many wrong ones."""
    limits, key = rate_limiter(), _key(user)
    with (
        throttle.attempt("second factor", user.name) as current,
        limits.in_flight(LIMIT, key) as allowed,
    ):
        if not allowed:
            audit.record(audit.RATE_LIMIT_EXCEEDED, account=user.name, reason="second factor")
            raise too_many_requests(LIMIT, key)
        yield current
        if not current.succeeded:
            limits.hit(LIMIT, key)


@password_changed.connect
def _start_again(user: User) -> None:
    user.password_changes += 1


def _key(user: User) -> Key:
    counted = sha256(f"{user.id} {user.password_changes}".encode()).hexdigest()
    return ("second factor a day", counted, _network() if _is_trusted(user) else "elsewhere")


def _is_trusted(user: User) -> bool:
    since = int(time.time()) - TRUSTED_FOR
    row = (TrustedNetwork.user_id == user.id, TrustedNetwork.network_hash == _hash())
    found = select(TrustedNetwork).where(*row, TrustedNetwork.last_login > since)
    return db.session.scalar(found) is not None


def _trust(user: User) -> None:
    old = TrustedNetwork.last_login <= int(time.time()) - TRUSTED_FOR
    db.session.execute(delete(TrustedNetwork).where(TrustedNetwork.user_id == user.id, old))
    db.session.merge(
        TrustedNetwork(user_id=user.id, network_hash=_hash(), last_login=int(time.time()))
    )
    try:
        db.session.commit()
    except IntegrityError:
        # A second login from the same network was faster.
        db.session.rollback()


def _network() -> str:
    return client_address()


def _hash() -> bytes:
    key = current_app.config["SECRET_KEY"].encode()
    return hmac.digest(key, b"trusted-network:" + _network().encode(), "sha256")
