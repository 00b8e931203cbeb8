"""Grants: one row for each credential, so that each can be revoked immediately.

Here a grant is found by its secret; logins.py starts and ends logins. The row holds the SHA-256
of the secret, never the secret, so a stolen table cannot be used to log in. Times are whole
seconds since 1970, UTC. Source: OWASP ASVS 7.2.1.
"""

import secrets
import time
from hashlib import sha256
from uuid import UUID

from blinker import Namespace
from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    ForeignKey,
    LargeBinary,
    String,
    bindparam,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.auth.users import User
from app.crypto import EncryptedString
from app.db import Model, db
from app.security.responses import ResponseBody

LAST_USED_STEP = 60  # seconds between updates of last_used, so that not every request writes

_signals = Namespace()
# Signals for other tables, which logins.py sends before it commits.
# Sent by the user, for what else must end with all logins.
all_logins_ended = _signals.signal("all-logins-ended")
# Each receiver deletes its own expired rows, and returns how many.
purging = _signals.signal("purging")


class Grant(Model):
    """A credential that a login issued to one client."""

    __tablename__ = "grants"

    id: Mapped[int] = mapped_column(primary_key=True)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    # The id of the login: refreshed grants of one login share it.
    family: Mapped[str] = mapped_column(String(32), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    issued: Mapped[int] = mapped_column(BigInteger)
    last_used: Mapped[int] = mapped_column(BigInteger)
    expires: Mapped[int] = mapped_column(BigInteger, index=True)
    # When a single-use credential was used.
    used: Mapped[int | None] = mapped_column(BigInteger)
    # A login that the user asked to keep has no idle timeout.
    kept: Mapped[bool] = mapped_column(default=False)
    # Which browser logged in, for the list of the user's own logins; read only there.
    client: Mapped[str | None] = mapped_column(EncryptedString("grants.client"), deferred=True)

    user: Mapped[User] = relationship(lazy="joined")


class Issued(ResponseBody):
    """The body of the response to a successful login."""

    token: str
    token_type: str
    expires_in: int  # seconds


def new_secret() -> str:
    """256 random bits in base64url."""
    return secrets.token_urlsafe(32)


def hash_secret(secret: str) -> bytes:
    # No salt and no slow hash: 256 random bits cannot be guessed.
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()


def find(secret: str, kind: str, *, idle: int | None = None) -> Grant | None:
    """The live grant of this secret; `idle` is the idle timeout in seconds."""
    now = int(time.time())
    values = {"secret_hash": hash_secret(secret), "kind": kind, "now": now}
    return _checked(db.session.scalar(BY_SECRET, {**values, "since": _since(now, idle)}))


def live(*conditions: ColumnElement[bool], idle: int | None = None) -> Grant | None:
    """The grant that meets the conditions, if it is unused, unexpired, not idle, and its user enabled."""
    return _checked(db.session.scalar(select(Grant).where(*conditions, *alive(idle))))


def _checked(grant: Grant | None) -> Grant | None:
    """The grant, if its user is enabled; its `last_used` is kept up to date."""
    if grant is None or grant.user.disabled:
        return None
    now = int(time.time())
    # abs(): a clock that is set back must not extend the idle timeout.
    if abs(now - grant.last_used) >= LAST_USED_STEP and not _touch(grant, now):
        return None
    return grant


def _touch(grant: Grant, now: int) -> bool:
    """Update last_used; return False if the grant has been deleted in the meantime."""
    touched = update(Grant).where(Grant.id == grant.id).values(last_used=now)
    count: int = db.session.execute(touched).rowcount  # type: ignore[attr-defined]
    db.session.commit()
    return count == 1


def alive(idle: int | None) -> list[ColumnElement[bool]]:
    """The conditions of a grant that counts: not used, not expired, not idle for too long."""
    now = int(time.time())
    return _alive(now, _since(now, idle))


def _since(now: int, idle: int | None) -> int:
    """After which time a grant must have been used; without an idle timeout, any time will do."""
    return -1 if idle is None else now - idle


def _alive(
    now: int | BindParameter[int], since: int | BindParameter[int]
) -> list[ColumnElement[bool]]:
    used_since = or_(Grant.kept, Grant.last_used > since)
    return [Grant.used.is_(None), Grant.expires > now, used_since]


# Built once: each request of a user runs this statement, and building it takes as long as running
# it on SQLite.
BY_SECRET = select(Grant).where(
    Grant.secret_hash == bindparam("secret_hash"),
    Grant.kind == bindparam("kind"),
    *_alive(bindparam("now"), bindparam("since")),
)
