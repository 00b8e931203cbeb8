"""Passkeys and recovery codes of users.

A stolen table gives no login: a passkey's key is public, and of a recovery code only the
SHA-256 is stored. Source: Web Authentication Level 3; OWASP ASVS 6.5.2, 6.7.1.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, DateTime, ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model

MAX_NAME = 64  # characters


class Passkey(Model):
    """The public key of an authenticator, as Flask-Security names its columns."""

    __tablename__ = "passkeys"
    __table_args__ = (UniqueConstraint("user_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(MAX_NAME))
    credential_id: Mapped[bytes] = mapped_column(LargeBinary(1024), unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    # Grows with each use; a copied authenticator shows when it does not.
    sign_count: Mapped[int] = mapped_column(BigInteger)
    usage: Mapped[str] = mapped_column(String(16))
    transports: Mapped[list[Any] | None] = mapped_column(JSON)
    extensions: Mapped[Any | None] = mapped_column(JSON)
    backup_state: Mapped[bool]
    device_type: Mapped[str] = mapped_column(String(32))
    lastuse_datetime: Mapped[datetime] = mapped_column(DateTime)


class RecoveryCode(Model):
    """The SHA-256 of a code that logs a user in once, instead of the second factor."""

    __tablename__ = "recovery_codes"

    hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
