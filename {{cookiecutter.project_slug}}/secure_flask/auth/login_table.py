"""The table of logins, with their lifetimes.

A row holds the SHA-256 of the secret, never the secret, so a stolen table cannot be used to log
in. Times are whole seconds since 1970, UTC. Source: OWASP ASVS 7.1.1, 7.3.1, 7.3.2.
"""

import secrets
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from flask import current_app
from secure_flask.auth.users import UserMixin, demands_second_factor, user_class
from secure_flask.clock import seconds_now
from secure_flask.crypto.encrypted_types import EncryptedString
from secure_flask.database.core_tables import add_core_tables
from secure_flask.database.database import CoreModel
from sqlalchemy import BigInteger, ColumnElement, ForeignKey, String, and_, case, func, or_
from sqlalchemy.orm import Mapped, mapped_column, relationship

DAY = 24 * 60 * 60  # seconds
# Seconds until a login ends, even one in use, if policy.py sets no LOGIN_LIFETIME.
LIFETIMES = {"session": DAY // 2, "opaque": DAY, "refresh": 14 * DAY}
# Seconds without a request until a login ends, if policy.py sets no LOGIN_IDLE; 0 for no limit.
IDLE_TIMEOUTS = {"session": 60 * 60, "opaque": 0, "refresh": 3 * DAY}


class Voucher(NamedTuple):
    """Who identified a user before this login, such as another site, and when.

    `at` is in seconds since 1970; None if it is unknown.
    """

    provider: str
    at: int | None


class Credential(CoreModel):
    """A row by which requests act for a user: a login, or what a program shows, such as a key."""

    __abstract__ = True

    if TYPE_CHECKING:
        id: Mapped[str]
        user_id: Mapped[UUID]
        last_used: Mapped[Any]
        expires: Mapped[int]
        user: Mapped[UserMixin]


class Login(Credential):
    """A login of one client."""

    __tablename__ = "logins"

    # The id is random, since access tokens and pages show it.
    id: Mapped[str] = mapped_column(
        String(32), primary_key=True, default=lambda: secrets.token_hex(16)
    )
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    # The kind of token that the client holds: session, opaque or refresh.
    kind: Mapped[str] = mapped_column(String(16))
    secret_hash: Mapped[bytes] = mapped_column(unique=True)
    # A part of a refresh token changes at each use: its present hash, the one before, and the time
    # of the change.
    rotation_hash: Mapped[bytes | None]
    previous_hash: Mapped[bytes | None]
    rotated: Mapped[int | None] = mapped_column(BigInteger)
    # How many rotations in a row were repeated, and whether the previous one was.
    repeats: Mapped[int] = mapped_column(default=0)
    repeated: Mapped[bool] = mapped_column(default=False)
    created: Mapped[int] = mapped_column(BigInteger)
    # The time when the user entered the password, used a passkey or logged in elsewhere; None if it
    # is unknown.
    authenticated: Mapped[int | None] = mapped_column(BigInteger)
    last_used: Mapped[int] = mapped_column(BigInteger)
    expires: Mapped[int] = mapped_column(BigInteger, index=True)
    # A login that the user asked to keep has no idle timeout.
    kept: Mapped[bool] = mapped_column(default=False)
    # Whether the user showed a second factor when the login began.
    second_factor: Mapped[bool] = mapped_column(default=False)
    client: Mapped[str | None] = mapped_column(EncryptedString("logins.client"), deferred=True)

    user: Mapped[UserMixin] = relationship(lambda: user_class(), lazy="joined", innerjoin=True)

    def is_live(self) -> bool:
        """Whether the login has not expired, was not idle too long, and its user is enabled.

        A login without a second factor is refused once the user has a role that demands one.
        """
        now = seconds_now()
        idle = idle_timeout_of(self.kind)
        # abs(): a clock that is set back must not extend the idle timeout.
        is_idle = idle and not self.kept and abs(now - self.last_used) >= idle
        if now >= self.expires or is_idle or self.user.disabled:
            return False
        return self.second_factor or not demands_second_factor(self.user)

    def begin(self, voucher: Voucher | None = None) -> None:
        """Let the login begin now, for the lifetime of its kind.

        Without a voucher the user has just entered the password or used a passkey.
        """
        now = seconds_now()
        kept_for: int = current_app.config["KEPT_LIFETIME"]
        self.created = self.last_used = now
        self.authenticated = voucher.at if voucher else now
        self.expires = now + (kept_for if self.kept else lifetime_of(self.kind))


add_core_tables(Login.__table__)


def lifetime_of(kind: str) -> int:
    """Seconds until a login of this kind ends, even one in use, unless its user keeps it."""
    chosen: int | None = current_app.config["LOGIN_LIFETIME"]
    return chosen or LIFETIMES[kind]


def idle_timeout_of(kind: str) -> int:
    """Seconds without a request until a login of this kind ends; 0 for no limit."""
    chosen: int | None = current_app.config["LOGIN_IDLE"]
    return IDLE_TIMEOUTS[kind] if chosen is None else chosen


def live_logins() -> ColumnElement[bool]:
    """The condition of `is_live` for a query, without its checks of the user."""
    now = seconds_now()
    idle = case({kind: idle_timeout_of(kind) for kind in IDLE_TIMEOUTS}, value=Login.kind)
    in_use = or_(Login.kept, idle == 0, func.abs(now - Login.last_used) < idle)
    return and_(Login.expires > now, in_use)
