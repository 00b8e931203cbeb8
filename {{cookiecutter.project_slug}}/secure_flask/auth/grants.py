"""Grants: one row for each credential, so that each can be revoked immediately.

Here a grant is found by its secret; logins.py starts and ends logins. The row holds the SHA-256
of the secret, never the secret, so a stolen table cannot be used to log in. Times are whole
seconds since 1970, UTC. Source: OWASP ASVS 7.2.1.
"""

import secrets
import time
from hashlib import sha256
from uuid import UUID

from flask import current_app
from secure_flask.auth.users import UserMixin, user_class
from secure_flask.crypto import EncryptedString
from secure_flask.database import Model, db
from secure_flask.web.responses import ResponseBody
from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    ForeignKey,
    LargeBinary,
    String,
    and_,
    bindparam,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

LAST_USED_STEP = 60  # seconds between updates of last_used, so that not every request writes

# In seconds, where policy.py sets no LOGIN_LIFETIME: a session ends then even if it is active, and
# a refresh does not extend the login.
LIFETIMES = {"session": 12 * 60 * 60, "opaque": 24 * 60 * 60, "refresh": 14 * 24 * 60 * 60}
# The longest time without a request, where policy.py sets no LOGIN_IDLE.
IDLE_TIMEOUTS = {"session": 60 * 60, "opaque": None, "refresh": None}


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

    user: Mapped[UserMixin] = relationship(lambda: user_class(), lazy="joined")


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


def lifetime_of(kind: str) -> int:
    """How long a login of this kind lasts, in seconds."""
    return current_app.config["LOGIN_LIFETIME"] or LIFETIMES[kind]


def find(secret: str, kind: str) -> Grant | None:
    """The live grant of this secret."""
    now = int(time.time())
    values = {"secret_hash": hash_secret(secret), "kind": kind, "now": now}
    return _checked(db.session.scalar(BY_SECRET, {**values, "since": _since(kind, now)}))


def live(*conditions: ColumnElement[bool]) -> Grant | None:
    """The grant that meets the conditions, if it is unused, unexpired, not idle, and its user enabled."""
    return _checked(db.session.scalar(select(Grant).where(*conditions, *alive())))


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


def alive() -> list[ColumnElement[bool]]:
    """The conditions of a grant that counts: not used, not expired, not idle for too long."""
    now = int(time.time())
    recent = [
        and_(Grant.kind == kind, Grant.last_used > _since(kind, now)) for kind in IDLE_TIMEOUTS
    ]
    return _alive(now, or_(*recent))


def _since(kind: str, now: int) -> int:
    """After which time a grant must have been used; without an idle timeout, any time will do."""
    idle = current_app.config["LOGIN_IDLE"]
    timeout = IDLE_TIMEOUTS[kind] if idle is None else idle
    return now - timeout if timeout else -1


def _alive(now: int | BindParameter[int], recent: ColumnElement[bool]) -> list[ColumnElement[bool]]:
    return [Grant.used.is_(None), Grant.expires > now, or_(Grant.kept, recent)]


# Built once: each request of a user runs this statement, and building it takes as long as running
# it on SQLite.
BY_SECRET = select(Grant).where(
    Grant.secret_hash == bindparam("secret_hash"),
    Grant.kind == bindparam("kind"),
    *_alive(bindparam("now"), Grant.last_used > bindparam("since")),
)
