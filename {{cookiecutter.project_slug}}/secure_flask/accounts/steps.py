"""Steps that wait for their second half: a mailed link, a login without its second factor.

Each is a row with the SHA-256 of a random secret, so a stolen table opens nothing. A secret works
once, for a short time, for one purpose, and for at most MAX_FAILURES wrong tries. All steps of a
user end with all logins, so that nobody who is locked out completes one.
Source: OWASP ASVS 6.4.1, 6.5.1, 6.5.5; OWASP Forgot Password Cheat Sheet.
"""

import time
from typing import Any
from uuid import UUID, uuid4

from secure_flask.auth import logins
from secure_flask.auth.users import UserMixin, user_class
from secure_flask.crypto.encrypted_columns import encrypted_column
from secure_flask.crypto.encrypted_types import EncryptedJSON
from secure_flask.crypto.encryption import DecryptionError, readable
from secure_flask.database import Model, db
from sqlalchemy import BigInteger, ForeignKey, LargeBinary, Select, String, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column, relationship, undefer

MAX_FAILURES = 5
INVALID = "This link has expired or was used"


class Step(Model):
    """A first half. Times are whole seconds since 1970, UTC."""

    __tablename__ = "account_steps"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    purpose: Mapped[str] = mapped_column(String(16))
    # None for one that waits for a mail, which makes the secret when it is sent.
    secret_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32), unique=True)
    user_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), index=True
    )
    # The address that a link is mailed to.
    email = encrypted_column(index=True)
    # Deferred, so that one that does not decrypt is as if it had expired.
    data: Mapped[dict[str, Any]] = mapped_column(EncryptedJSON("account_steps.data"), deferred=True)
    failures: Mapped[int] = mapped_column(default=0)
    expires: Mapped[int] = mapped_column(BigInteger, index=True)

    user: Mapped[UserMixin | None] = relationship(lambda: user_class())


def add(
    purpose: str,
    lifetime: int,
    *,
    user: UserMixin | None = None,
    email: str | None = None,
    **data: Any,
) -> Step:
    """Add a step for `lifetime` seconds to the caller's transaction, without a secret."""
    step = Step(purpose=purpose, email=email, data=data, expires=int(time.time()) + lifetime)
    step.user_id = user.id if user else None
    db.session.add(step)
    return step


def give_secret(step: Step) -> str:
    """A new secret for the step, within the caller's transaction."""
    secret = logins.new_secret()
    step.secret_hash = logins.hash_of(step.purpose, secret)
    return secret


def find(purpose: str, secret: str) -> Step | None:
    """The step of this secret, if it is still open and its user is not disabled."""
    found = select(Step).where(
        Step.secret_hash == logins.hash_of(purpose, secret),
        Step.expires > int(time.time()),
        Step.failures < MAX_FAILURES,
    )
    step = next(iter(_readable(found)), None)
    return None if step and step.user and step.user.disabled else step


def open_of(purpose: str, email: str) -> list[Step]:
    """The open steps of an address, the newest first."""
    mine = (Step.email == email, Step.purpose == purpose, Step.expires > int(time.time()))
    newest = select(Step).where(*mine, Step.failures < MAX_FAILURES).order_by(Step.expires.desc())
    return _readable(newest)


def of_user(purpose: str, user: UserMixin) -> list[Step]:
    """The open steps of a user."""
    mine = (Step.user_id == user.id, Step.purpose == purpose, Step.expires > int(time.time()))
    return _readable(select(Step).where(*mine))


def use(step: Step) -> bool:
    """Use a step up, within the caller's transaction; False if another request was faster."""
    used = delete(Step).where(Step.id == step.id).returning(Step.id)
    return db.session.scalar(used) is not None


def count_failure(step_id: UUID) -> bool:
    """Count a wrong try and commit; False if the step has ended in the meantime."""
    still_open = (Step.id == step_id, Step.failures < MAX_FAILURES)
    failed = update(Step).where(*still_open).values(failures=Step.failures + 1)
    counted = db.session.scalar(failed.returning(Step.id)) is not None
    db.session.commit()
    return counted


def was_used(step: Step) -> bool:
    """Whether another request has used the step up in the meantime, or ended it."""
    return db.session.scalar(select(Step.id).where(Step.id == step.id)) is None


@logins.all_ended.connect
def end_all(user: UserMixin | None) -> None:
    """End all steps of a user, or of all users, within the caller's transaction."""
    mine = Step.user_id == user.id if user else Step.user_id.is_not(None)
    db.session.execute(delete(Step).where(mine))


def end_all_of(email: str) -> None:
    """End all steps of an address, within the caller's transaction."""
    db.session.execute(delete(Step).where(Step.email == email))


def purge() -> None:
    """Delete expired steps, within the caller's transaction."""
    db.session.execute(delete(Step).where(Step.expires <= int(time.time())))


def _readable(query: Select[Step]) -> list[Step]:
    """The steps of a query whose data decrypts."""
    try:
        # In one statement: another request may use a step up, and an address may have many.
        return list(db.session.scalars(query.options(undefer(Step.data))))
    except DecryptionError:
        found = db.session.scalars(query).all()
        return [step for step in found if readable(step, "data") is not None]
