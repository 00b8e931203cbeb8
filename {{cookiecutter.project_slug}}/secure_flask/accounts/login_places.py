"""Places where a user logged in, such as networks, each until it expires.

Only a keyed hash of user and place is stored, so a stolen table names no place, and does not tell
which users share one. A user has at most MAX_PLACES for a purpose.

A network in which a user has shown both factors is trusted for 30 days. Wrong codes of other
networks do not count there, so a thief of the password cannot lock the owner out.
"""

import hmac
from uuid import UUID

from flask import current_app
from secure_flask.accounts.users import AccountMixin
from secure_flask.clock import seconds_now
from secure_flask.database import db
from secure_flask.database.database import CoreModel
from secure_flask.web.counters import client_address
from sqlalchemy import BigInteger, ForeignKey, LargeBinary, String, delete, func, insert, select
from sqlalchemy.orm import Mapped, mapped_column

MAX_PLACES = 20  # of a user for one purpose
# Without this option the session would read each row that a statement deletes.
UNREAD = {"synchronize_session": False}
TRUSTED_FOR = 30 * 24 * 60 * 60  # seconds
TRUSTED = "trusted network"


class LoginPlace(CoreModel):
    """A place where a user logged in. Times are whole seconds since 1970, UTC."""

    __tablename__ = "login_places"

    place_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    purpose: Mapped[str] = mapped_column(String(16))
    expires: Mapped[int] = mapped_column(BigInteger, index=True)


def keyed_hash(*parts: str) -> bytes:
    """A hash of texts without a line break, which nobody can compute without SECRET_KEY."""
    key = current_app.config["SECRET_KEY"].encode()
    return hmac.digest(key, "\n".join(["login-place", *parts]).encode(), "sha256")


def is_known_place(user: AccountMixin, purpose: str, place: str) -> bool:
    """Whether the place was remembered for this purpose, and has not expired."""
    here = LoginPlace.place_hash == _hash_of_place(user, purpose, place)
    found = select(LoginPlace.user_id).where(here, LoginPlace.expires > seconds_now())
    return db.session.scalar(found) is not None


def remember_place(user: AccountMixin, purpose: str, place: str, lifetime: int) -> None:
    """Remember a place for `lifetime` seconds, within the caller's transaction.

    The row of the user is locked, so that no other request adds the same row. Beyond MAX_PLACES the
    ones that expire first go.
    """
    now = seconds_now()
    place_hash = _hash_of_place(user, purpose, place)
    mine = (LoginPlace.user_id == user.id, LoginPlace.purpose == purpose)
    here = LoginPlace.place_hash == place_hash
    others = select(LoginPlace.place_hash).where(*mine, ~here)
    excess = others.order_by(LoginPlace.expires.desc()).offset(MAX_PLACES - 1)
    gone = here | (LoginPlace.expires <= now) | LoginPlace.place_hash.in_(excess)
    db.session.execute(delete(LoginPlace).where(*mine, gone), execution_options=UNREAD)
    row = {"place_hash": place_hash, "user_id": user.id, "purpose": purpose}
    db.session.execute(insert(LoginPlace).values(**row, expires=now + lifetime))


def forget_places(user: AccountMixin, purpose: str) -> None:
    """Forget all places of a user for a purpose, within the caller's transaction."""
    mine = (LoginPlace.user_id == user.id, LoginPlace.purpose == purpose)
    db.session.execute(delete(LoginPlace).where(*mine), execution_options=UNREAD)


def count_places(user: AccountMixin, purpose: str) -> int:
    """How many places of a user are remembered for a purpose."""
    mine = (LoginPlace.user_id == user.id, LoginPlace.purpose == purpose)
    return db.session.scalar(select(func.count()).select_from(LoginPlace).where(*mine)) or 0


def purge_places() -> None:
    """Delete expired places, within the caller's transaction."""
    expired = select(LoginPlace.place_hash).where(LoginPlace.expires <= seconds_now())
    # A login that deletes the same rows has locked some. Waiting for it could deadlock.
    free = expired.with_for_update(skip_locked=True).cte("expired", nesting=True)
    old = delete(LoginPlace).where(LoginPlace.place_hash.in_(select(free.c.place_hash)))
    db.session.execute(old, execution_options=UNREAD)


def present_network() -> bytes:
    """The hash of the network of this request: a /64, or an IPv4 address."""
    return keyed_hash("network", client_address())


def is_network_trusted(user: AccountMixin) -> bool:
    return is_known_place(user, TRUSTED, client_address())


def trust_network(user: AccountMixin) -> None:
    """Trust the network of this request, within the caller's transaction, which locks the user."""
    remember_place(user, TRUSTED, client_address(), TRUSTED_FOR)


def count_trusted_networks(user: AccountMixin) -> int:
    return count_places(user, TRUSTED)


def _hash_of_place(user: AccountMixin, purpose: str, place: str) -> bytes:
    return keyed_hash(purpose, str(user.id), place)
