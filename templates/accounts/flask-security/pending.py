"""Steps that wait for their second half, such as a mailed link or a login without its code.

Each is a row with the SHA-256 of a random secret, so a stolen table opens nothing. A secret
works once, for a short time and for one purpose. A row without a user belongs to an address
or a name that nobody has: it costs the same time and does nothing. All rows of a user end with
all logins, so that nobody who is locked out completes a step.
Source: OWASP ASVS 6.4.1, 6.5.1, 6.5.5; OWASP Forgot Password Cheat Sheet.
"""

import time
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, String, delete, inspect, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.auth import grants
from app.auth.users import User
from app.crypto import EncryptedJSON, encrypted_column
from app.db import Model, db

MAX_FAILURES = 5  # wrong codes or passwords for one secret


class PendingStep(Model):
    __tablename__ = "pending_steps"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    purpose: Mapped[str] = mapped_column(String(16))
    user_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), index=True
    )
    # The address that the link was mailed to.
    email = encrypted_column(index=True)
    data: Mapped[dict[str, Any]] = mapped_column(EncryptedJSON("pending_steps.data"))
    failures: Mapped[int] = mapped_column(default=0)
    expires: Mapped[int] = mapped_column(BigInteger, index=True)

    user: Mapped[User | None] = relationship()

    @property
    def owner(self) -> User:
        """The user of a step that has one.

        :raises LookupError: it has none.
        """
        if self.user is None:
            raise LookupError(self.purpose)
        return self.user


def create(
    purpose: str,
    lifetime: int,
    *,
    user: User | None = None,
    email: str | None = None,
    data: dict[str, Any] | None = None,
) -> str:
    """Store a step for `lifetime` seconds and return its secret."""
    secret = grants.new_secret()
    step = PendingStep(
        secret_hash=grants.hash_secret(secret),
        purpose=purpose,
        user_id=user.id if user else None,
        email=email,
        data=data or {},
        expires=int(time.time()) + lifetime,
    )
    db.session.add(step)
    # Afterwards, since the new row locks the user's row: see users.lock.
    end_expired()
    db.session.commit()
    return secret


def find(purpose: str, secret: str) -> PendingStep | None:
    """The step of this secret, if it is still open and its user is not disabled."""
    step = db.session.scalar(
        select(PendingStep).where(
            PendingStep.secret_hash == grants.hash_secret(secret),
            PendingStep.purpose == purpose,
            PendingStep.expires > int(time.time()),
            PendingStep.failures < MAX_FAILURES,
        )
    )
    return None if step is None or (step.user and step.user.disabled) else step


def newest(purpose: str, email: str) -> PendingStep | None:
    """The step that was mailed to an address last."""
    mailed = select(PendingStep).where(
        PendingStep.email == email,
        PendingStep.purpose == purpose,
        PendingStep.expires > int(time.time()),
    )
    return db.session.scalar(mailed.order_by(PendingStep.expires.desc()).limit(1))


def use(step: PendingStep) -> bool:
    """Use a step up, within the caller's transaction; False if another request was faster."""
    used = delete(PendingStep).where(PendingStep.id == step.id)
    count: int = db.session.execute(used).rowcount  # type: ignore[attr-defined]
    return count == 1


def use_once(text: str, lifetime: int) -> bool:
    """Whether `text` is used for the first time within `lifetime` seconds."""
    step = PendingStep(
        secret_hash=grants.hash_secret(text),
        purpose="used",
        data={},
        expires=int(time.time()) + lifetime,
    )
    db.session.add(step)
    try:
        db.session.commit()
    except IntegrityError:
        db.session.rollback()
        return False
    return True


def count_failure(step: PendingStep) -> bool:
    """Count a wrong code or password; False if the step has ended in the meantime."""
    # `step.id` would read the row again after a rollback, and fail if it is gone.
    identity = inspect(step).identity or ()
    failed = update(PendingStep).where(PendingStep.id.in_(identity))
    counted = db.session.execute(failed.values(failures=PendingStep.failures + 1))
    db.session.commit()
    return bool(counted.rowcount == 1)  # type: ignore[attr-defined]


@grants.all_logins_ended.connect
def end_all(user: User) -> None:
    """End all steps of a user, within the caller's transaction."""
    db.session.execute(delete(PendingStep).where(PendingStep.user_id == user.id))


def end_without_user(email: str) -> None:
    """End all steps of an address that belong to no user, within the caller's transaction.

    That is each registration of it, which would make another account.
    """
    mailed = (PendingStep.email == email, PendingStep.user_id.is_(None))
    db.session.execute(delete(PendingStep).where(*mailed))


@grants.purging.connect
def end_expired(sender: object = None) -> int:
    """Delete expired steps, within the caller's transaction; return the number of rows."""
    expired = delete(PendingStep).where(PendingStep.expires <= int(time.time()))
    count: int = db.session.execute(expired).rowcount  # type: ignore[attr-defined]
    return count
