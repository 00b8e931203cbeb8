"""Grants: one row for each live credential, so that any of them can be ended at once.

The row holds the SHA-256 of the secret, never the secret: a stolen table logs nobody
in. Times are whole seconds since 1970, UTC. Source: OWASP ASVS 7.2.1, 7.4.1.
"""

import secrets
import time
from hashlib import sha256

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, String, delete, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.auth.users import User
from app.db import Model, db

SECRET_BYTES = 32
LAST_USED_STEP = 60  # seconds: a busy client must not write a row with each request


class Grant(Model):
    """What a login gave to one client."""

    __tablename__ = "grants"

    id: Mapped[int] = mapped_column(primary_key=True)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    # All grants that came from one login.
    family: Mapped[str] = mapped_column(String(32), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    issued: Mapped[int] = mapped_column(BigInteger)
    last_used: Mapped[int] = mapped_column(BigInteger)
    expires: Mapped[int] = mapped_column(BigInteger, index=True)
    # When a credential that serves once was spent.
    used: Mapped[int | None] = mapped_column(BigInteger)

    user: Mapped[User] = relationship(lazy="joined")


def create(user: User, kind: str, lifetime: int) -> str:
    """Store a new grant for `lifetime` seconds and return its secret, 256 random bits."""
    secret = secrets.token_urlsafe(SECRET_BYTES)
    now = int(time.time())
    grant = Grant(
        secret_hash=_hash(secret),
        user_id=user.id,
        family=secrets.token_hex(16),
        kind=kind,
        issued=now,
        last_used=now,
        expires=now + lifetime,
    )
    db.session.add(grant)
    db.session.commit()
    return secret


def find(secret: str, kind: str, *, idle: int | None = None) -> Grant | None:
    """The live grant of this secret: known, not expired, not idle for long, user enabled."""
    grant = db.session.scalar(select(Grant).where(Grant.secret_hash == _hash(secret)))
    now = int(time.time())
    if grant is None or grant.kind != kind or grant.user.disabled or grant.expires <= now:
        return None
    if idle is not None and now - grant.last_used >= idle:
        return None
    if now - grant.last_used >= LAST_USED_STEP:
        grant.last_used = now
        db.session.commit()
    return grant


def end(grant: Grant) -> None:
    """End a grant and all that came from the same login."""
    db.session.execute(delete(Grant).where(Grant.family == grant.family))
    db.session.commit()


def _hash(secret: str) -> bytes:
    # No salt and no slow hash: 256 random bits cannot be guessed.
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()
