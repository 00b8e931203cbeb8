"""The outbox: a table of mails that wait, so that a request writes one row and sends nothing.

The same row is written for every address, known or not, so neither the answer nor its time tells
which addresses have an account. A row holds no link, no token and no text: a backup of the table
opens no account. worker.py decides what is sent. Source: OWASP ASVS 6.3.5, 6.3.7, 6.3.8.
"""

import time
from typing import Any
from uuid import UUID, uuid4

from secure_flask.accounts.users import AccountMixin
from secure_flask.crypto.encrypted_columns import encrypted_column
from secure_flask.crypto.encrypted_types import EncryptedJSON
from secure_flask.database import Model, db
from sqlalchemy import BigInteger, ForeignKey, String, inspect, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

HOUR = 60 * 60  # seconds


class Mail(Model):
    """A mail that waits, or that was dealt with within the last hour, which the limits count.

    Times are whole seconds since 1970, UTC.
    """

    __tablename__ = "mails"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    kind: Mapped[str] = mapped_column(String(32))
    # The address that a visitor typed, or that of the user.
    email = encrypted_column(index=True)
    user_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), index=True
    )
    arguments: Mapped[dict[str, Any]] = mapped_column(EncryptedJSON("mails.arguments"))
    # Of a notice: its kind, user and hour, so that many become one, and how many they were.
    notice: Mapped[str | None] = mapped_column(String(120), unique=True)
    number: Mapped[int]
    created: Mapped[int] = mapped_column(BigInteger, index=True)
    # When it is tried next; None once it was sent or dropped.
    due: Mapped[int | None] = mapped_column(BigInteger, index=True)
    tries: Mapped[int]
    sent: Mapped[int | None] = mapped_column(BigInteger, index=True)


def request_link(kind: str, address: str, **arguments: Any) -> None:
    """Let a mail with a link wait for an address, within the caller's transaction."""
    _insert(kind, address, arguments, due=int(time.time()))


def notify(
    user: AccountMixin, kind: str, *, to: str | None = None, about: str = "", **arguments: Any
) -> None:
    """Tell a user what happened to the account, within the caller's transaction.

    The first notice of a kind in an hour is sent at once. The others of this hour become one at its
    end, with their number. `about` tells those of a kind apart: a text that no user chooses.
    """
    address, now = to or user.readable_email, int(time.time())
    if not address:
        return
    what, end = f"{kind} {about}", (now // HOUR + 1) * HOUR
    name = f"{what} {user.id} {now // HOUR}"
    if _insert(kind, address, arguments, due=now, user=user, notice=name):
        return
    name = f"{name} more"
    if not _insert(kind, address, arguments, due=end, user=user, notice=name):
        more = update(Mail).where(Mail.notice == name).values(number=Mail.number + 1)
        db.session.execute(more)


def notify_address(address: str, kind: str, name: str, **arguments: Any) -> None:
    """Tell an address whose user is deleted in the same transaction."""
    _insert(kind, address, arguments, due=int(time.time()), notice=f"{kind} {name}")


def _insert(
    kind: str,
    address: str,
    arguments: dict[str, Any],
    *,
    due: int,
    user: AccountMixin | None = None,
    notice: str | None = None,
) -> bool:
    """Add a row; False if there is this notice already."""
    mail = Mail(kind=kind, email=address, arguments=arguments, notice=notice, due=due)
    # What waits for the end of an hour is not late before.
    mail.user_id, mail.created = user.id if user else None, due
    mail.number, mail.tries, mail.sent = 1, 0, None
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    values = {each.key: getattr(mail, each.key) for each in inspect(Mail).column_attrs}
    new = insert(Mail.__table__).values(values)  # type: ignore[arg-type]
    added = new.on_conflict_do_nothing(index_elements=["notice"]).returning(Mail.id)
    return db.session.scalar(added) is not None
