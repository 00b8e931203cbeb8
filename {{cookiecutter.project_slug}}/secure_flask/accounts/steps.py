"""Steps that wait for their second half: a mailed link, a login without its second factor.

Each is a row with the SHA-256 of a random secret, so a stolen table opens nothing. A secret works
once, for a short time, for one purpose, and for at most MAX_FAILURES wrong tries. All steps of a
user end when all logins end, so that a thief who is logged out cannot complete one.
Source: OWASP ASVS 6.4.1, 6.5.1, 6.5.5; OWASP Forgot Password Cheat Sheet.
"""

from typing import Any, cast
from uuid import UUID, uuid4

from secure_flask.auth import logins
from secure_flask.auth.users import UserMixin, user_class
from secure_flask.clock import seconds_now
from secure_flask.crypto.encrypted_columns import EncryptedJSON, encrypted_column
from secure_flask.crypto.encryption import DecryptionError, readable_value
from secure_flask.database import db
from secure_flask.database.database import CoreModel
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CursorResult,
    ForeignKey,
    LargeBinary,
    Select,
    String,
    and_,
    case,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship, undefer

MAX_FAILURES = 5
# PostgreSQL may compare each row of the table with each row to delete. Only a table that was filled
# in another way has more.
MAX_DELETED = 100
# Without this option the session would read each row that a statement deletes.
UNREAD = {"synchronize_session": False}
INVALID_LINK = "This link has expired or was already used"


class Step(CoreModel):
    """A step that waits for its second half. Times are whole seconds since 1970, UTC."""

    __tablename__ = "account_steps"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    purpose: Mapped[str] = mapped_column(String(16))
    # A step that only requests a mail has no secret (None). Its mail adds a step with a secret.
    secret_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32), unique=True)
    user_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), index=True
    )
    # The address that a link is mailed to.
    email = encrypted_column(index=True)
    # The column is deferred, so that a step that does not decrypt can count as expired.
    data: Mapped[dict[str, Any]] = mapped_column(EncryptedJSON("account_steps.data"), deferred=True)
    failures: Mapped[int] = mapped_column(default=0)
    # Whether the link of a registration has gone to its address.
    mailed: Mapped[bool] = mapped_column(default=False)
    expires: Mapped[int] = mapped_column(BigInteger, index=True)

    user: Mapped[UserMixin | None] = relationship(lambda: user_class())


def add_step(
    purpose: str,
    lifetime: int,
    *,
    user: UserMixin | None = None,
    email: str | None = None,
    **data: object,
) -> Step:
    """Add a step for `lifetime` seconds to the caller's transaction, without a secret."""
    step = Step(purpose=purpose, email=email, data=data, expires=seconds_now() + lifetime)
    step.user_id = user.id if user else None
    db.session.add(step)
    return step


def give_step_secret(step: Step) -> str:
    """A new secret for the step, within the caller's transaction."""
    secret = logins.new_secret()
    step.secret_hash = logins.hash_of_secret(step.purpose, secret)
    return secret


def find_step(purpose: str, secret: str) -> Step | None:
    """The step of this secret, if it is still open and its user is not disabled."""
    found = select(Step).where(
        Step.secret_hash == logins.hash_of_secret(purpose, secret),
        Step.expires > seconds_now(),
        Step.failures < MAX_FAILURES,
    )
    step = next(iter(_readable_steps(found)), None)
    return None if step and step.user and step.user.disabled else step


def open_step(purpose: str, step_id: UUID) -> Step | None:
    """The step of this id, if it is still open."""
    mine = select(Step).where(*_conditions_of_open(purpose), Step.id == step_id)
    return next(iter(_readable_steps(mine)), None)


def open_steps_of_address(
    purpose: str, email: str, *, limit: int, first: UUID | None = None
) -> list[Step]:
    """At most `limit` open steps of an address: the one with the id `first`, then the newest."""
    newest = select(Step).where(*_conditions_of_open(purpose), Step.email == email)
    order = (case((Step.id == first, 0), else_=1), Step.expires.desc(), Step.id)
    return _readable_steps(newest.order_by(*order).limit(limit))


def make_room_for_step(purpose: str, email: str, *, most: int) -> bool:
    """Delete the oldest step of an address that was not mailed, if there are `most` open ones.

    False if all of them were mailed: a stranger must not push out a link that somebody has in the
    mailbox. The caller has locked the mailbox. The statements are the same in each case, so
    their time does not tell how many there are.
    """
    mine = (*_conditions_of_open(purpose), Step.email == email)
    number = db.session.scalar(select(func.count()).where(*mine)) or 0
    excess = min(max(0, number - most + 1), MAX_DELETED)
    oldest = select(Step.id).where(*mine, ~Step.mailed).order_by(Step.expires, Step.id)
    # The worker may mail a link meanwhile, so the DELETE checks `mailed` again.
    deleted = delete(Step).where(Step.id.in_(oldest.limit(excess)), ~Step.mailed)
    result = cast("CursorResult[Any]", db.session.execute(deleted, execution_options=UNREAD))
    return result.rowcount == excess


def steps_of_user(purpose: str, user: UserMixin, *, limit: int) -> list[Step]:
    """The newest open steps of a user."""
    mine = select(Step).where(*_conditions_of_open(purpose), Step.user_id == user.id)
    return _readable_steps(mine.order_by(Step.expires.desc(), Step.id).limit(limit))


def use_step(step: Step) -> bool:
    """Use a step up, within the caller's transaction; False if another request was faster."""
    used = delete(Step).where(Step.id == step.id).returning(Step.id)
    return db.session.scalar(used) is not None


def count_step_failure(step_id: UUID) -> bool:
    """Count a wrong try and commit; False if the step has ended in the meantime."""
    still_open = (Step.id == step_id, Step.failures < MAX_FAILURES)
    failed = update(Step).where(*still_open).values(failures=Step.failures + 1)
    counted = db.session.scalar(failed.returning(Step.id)) is not None
    db.session.commit()
    return counted


def was_step_used(step: Step) -> bool:
    """Whether another request has used the step up in the meantime, or ended it."""
    return db.session.scalar(select(Step.id).where(Step.id == step.id)) is None


@logins.all_logins_ended.connect
def end_steps_of_user(user: UserMixin | None, execute: logins.Execute = db.session.execute) -> None:
    """End all steps of a user, or of all users, within the caller's transaction."""
    _delete_steps(Step.user_id == user.id if user else Step.user_id.is_not(None), execute)


def end_steps_of_address(email: str, *purposes: str) -> None:
    """End the steps of an address for these purposes, within the caller's transaction."""
    _delete_steps(and_(Step.email == email, Step.purpose.in_(purposes)))


def keep_newest_steps(purpose: str, user: UserMixin, *, most: int) -> None:
    """End the oldest steps of a user beyond `most`, within the caller's transaction."""
    mine = and_(Step.purpose == purpose, Step.user_id == user.id)
    newest = select(Step.id).where(mine).order_by(Step.expires.desc(), Step.id)
    # PostgreSQL hashes the subquery of a NOT IN. It may join that of an IN row by row.
    _delete_steps(and_(mine, Step.id.not_in(newest.limit(most))))


def purge_steps() -> None:
    """Delete expired steps, within the caller's transaction."""
    old = delete(Step).where(Step.expires <= seconds_now())
    db.session.execute(old, execution_options=UNREAD)


def _conditions_of_open(purpose: str) -> tuple[ColumnElement[bool], ...]:
    now = seconds_now()
    return (Step.purpose == purpose, Step.expires > now, Step.failures < MAX_FAILURES)


def _delete_steps(which: ColumnElement[bool], execute: logins.Execute = db.session.execute) -> None:
    execute(delete(Step).where(which), execution_options=UNREAD)


def _readable_steps(query: Select[Step]) -> list[Step]:
    """The steps of a query whose data decrypts."""
    try:
        # One statement loads the data too: before a second one, another request may use a step up.
        return list(db.session.scalars(query.options(undefer(Step.data))))
    except DecryptionError:
        found = db.session.scalars(query).all()
        return [step for step in found if readable_value(step, "data") is not None]
