"""The outbox: a table of mails that wait, so that a request writes one row and sends nothing.

The same row is written for every address, known or not, so neither the answer nor its time tells
which addresses have an account. A row holds no link, no token and no text: a backup of the table
opens no account. worker.py decides what is sent, and `build_message` makes the message of a row.

The texts are in app/templates/accounts/mail/, one file of plain text for each kind. Its first line
is the subject. Each kind with a link has a function that looks up the recipient.
Source: RFC 5322; RFC 3834, section 5; Unicode Standard Annex 9, section 2; OWASP ASVS 1.3.11, 6.3.5,
6.3.7, 6.3.8.
"""

import re
from collections.abc import Callable
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

from flask import current_app
from secure_flask.accounts.addresses import mailbox_hash
from secure_flask.accounts.settings import public_host, public_origin
from secure_flask.accounts.users import AccountMixin
from secure_flask.auth.users import user_class
from secure_flask.clock import seconds_now
from secure_flask.crypto.blind_indexes import blind_index
from secure_flask.crypto.encrypted_columns import EncryptedJSON, encrypted_column
from secure_flask.database import db
from secure_flask.database.database import CoreModel
from sqlalchemy import BigInteger, ForeignKey, LargeBinary, String, func, inspect, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

HOUR = 60 * 60  # seconds
# These begin a line or turn the direction of the text around them. A user chose some values.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


class OutgoingMail(CoreModel):
    """A mail that waits, or that was dealt with within the last hour, which the limits count.

    Times are whole seconds since 1970, UTC.
    """

    __tablename__ = "outgoing_mails"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    kind: Mapped[str] = mapped_column(String(32))
    # The address that a visitor typed, or that of the user.
    email = encrypted_column(index=True)
    # The hash is the same for all spellings of the address; None if the mail counts for no limit.
    mailbox_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32), index=True)
    # The turn of a link is the number of links that its network has asked for within the hour, this
    # one included. The turn of a notice is the number of others that the user had. The lowest goes
    # first.
    turn: Mapped[int]
    user_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), index=True
    )
    arguments: Mapped[dict[str, Any]] = mapped_column(EncryptedJSON("outgoing_mails.arguments"))
    # The hash of kind, `about`, recipient and hour joins many notices into one; `notices` says how
    # many.
    notice_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    notices: Mapped[int]
    created: Mapped[int] = mapped_column(BigInteger, index=True)
    # The time of the next try; None once the mail was sent or dropped.
    due: Mapped[int | None] = mapped_column(BigInteger, index=True)
    tries: Mapped[int]
    sent: Mapped[int | None] = mapped_column(BigInteger, index=True)
    # Whether a message went out. A mail for nobody has none, but it sets `sent` too.
    was_mailed: Mapped[bool]


# The address of the recipient, the name of the template, and its values.
MailParts = tuple[str, str, dict[str, object]]
# A builder returns None if the mail is for nobody.
Build = Callable[[OutgoingMail], MailParts | None]
BUILDERS: dict[str, Build] = {}


def add_link(
    kind: str, address: str, *, turn: int = 0, waits: bool = True, **arguments: object
) -> None:
    """Add a mail with a link, within the caller's transaction.

    With `waits=False` it is never sent and never counts. mail_limits.request_link decides.
    """
    # The hash is computed in each case, so that its time does not tell whether the mail waits.
    mailbox = mailbox_hash(address)
    due = seconds_now() if waits else None
    counted = mailbox if waits else None
    _insert_mail(kind, address, arguments, due=due, turn=turn, mailbox_hash=counted)


def forget_links(address: str) -> None:
    """Stop counting the links that an address got, after one of them was used.

    Only a reader of the address can use a link, so no stranger can reset the limits.
    """
    # Older rows do not count, and the worker may be deleting them in another order (deadlock).
    recent = OutgoingMail.created > seconds_now() - HOUR
    had = (
        OutgoingMail.email == address,
        OutgoingMail.notice_hash.is_(None),
        OutgoingMail.due.is_(None),
        recent,
    )
    unread = {"synchronize_session": False}
    forget = update(OutgoingMail).where(*had).values(mailbox_hash=None)
    db.session.execute(forget, execution_options=unread)


def notify_user(user: AccountMixin, kind: str, *, about: str = "", **arguments: object) -> None:
    """Tell a user what happened to the account, within the caller's transaction.

    The notice is deleted with the user. See `notify_address` for all else.
    """
    if address := user.readable_email:
        notify_address(address, kind, user=user, about=about, **arguments)


def notify_address(
    address: str,
    kind: str,
    *,
    user: AccountMixin | None = None,
    about: str = "",
    **arguments: object,
) -> None:
    """Tell an address what happened, within the caller's transaction.

    The first notice of a kind in an hour is sent at once. The others of this hour become one mail
    at its end, with their number. `about` separates notices of a kind; no user chooses it.
    """
    now = seconds_now()
    hour = now // HOUR
    end = (now // HOUR + 1) * HOUR
    first = _notice_hash(kind, about, address, hour, "first")
    others = _notice_hash(kind, about, address, hour, "others")
    turn = _number_of_notices(user) if user else 0
    if _insert_mail(kind, address, arguments, due=now, turn=turn, user=user, notice_hash=first):
        return
    if not _insert_mail(
        kind, address, arguments, due=end, turn=turn, user=user, notice_hash=others
    ):
        more = (
            update(OutgoingMail)
            .where(OutgoingMail.notice_hash == others)
            .values(notices=OutgoingMail.notices + 1)
        )
        db.session.execute(more)


def mail_kind(name: str) -> Callable[[Build], Build]:
    """Register the function that makes the mails of a kind."""

    def register(build: Build) -> Build:
        BUILDERS[name] = build
        return build

    return register


def build_message(mail: OutgoingMail) -> EmailMessage | None:
    """The message, or None if it is for nobody. The caller commits the secret of its link."""
    made = BUILDERS.get(mail.kind, _notice_mail)(mail)
    if made is None:
        return None
    address, text, values = made
    values = {
        name: _CONTROLS.sub("?", value) if isinstance(value, str) else value
        for name, value in values.items()
    }
    words = current_app.jinja_env.get_template(f"accounts/mail/{text}.txt").render(
        project_name=current_app.config["PROJECT_NAME"], site=public_origin(), **values
    )
    subject, _, body = words.partition("\n")
    message = EmailMessage()
    message["From"] = current_app.config["MAIL_FROM"]
    message["To"] = address
    message["Subject"] = subject.removeprefix("Subject: ")
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=public_host())
    # This header suppresses automatic replies.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(body.lstrip("\n"))
    return message


def _number_of_notices(user: AccountMixin) -> int:
    """How many notices of a user wait, or were sent within the hour."""
    recent = OutgoingMail.due.is_not(None) | (OutgoingMail.created > seconds_now() - HOUR)
    mine = select(func.count()).where(
        OutgoingMail.user_id == user.id, OutgoingMail.notice_hash.is_not(None), recent
    )
    return db.session.scalar(mine) or 0


def _notice_hash(kind: str, about: str, address: str, hour: int, part: str) -> str:
    """The hash that notices of one mail share. It is keyed, so it reveals no address."""
    recipient = blind_index(address, context="outgoing_mails.notice_hash").hex()
    return sha256("\n".join([kind, about, recipient, str(hour), part]).encode()).hexdigest()


def _insert_mail(
    kind: str,
    address: str,
    arguments: dict[str, object],
    *,
    due: int | None,
    turn: int = 0,
    mailbox_hash: bytes | None = None,
    user: AccountMixin | None = None,
    notice_hash: str | None = None,
) -> bool:
    """Add a row; False if there is this notice already."""
    mail = OutgoingMail(kind=kind, email=address, arguments=arguments, due=due, turn=turn)
    mail.notice_hash = notice_hash
    mail.mailbox_hash = mailbox_hash
    mail.user_id = user.id if user else None
    # A notice for the end of the hour counts as created then, so that it is not late before.
    mail.created = due or seconds_now()
    mail.notices = 1
    mail.tries = 0
    mail.sent = None
    mail.was_mailed = False
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    values = {each.key: getattr(mail, each.key) for each in inspect(OutgoingMail).column_attrs}
    new = insert(OutgoingMail.__table__).values(values)  # type: ignore[arg-type]
    added = new.on_conflict_do_nothing(index_elements=["notice_hash"]).returning(OutgoingMail.id)
    return db.session.scalar(added) is not None


def _notice_mail(mail: OutgoingMail) -> MailParts | None:
    user = db.session.get(user_class(), mail.user_id) if mail.user_id else None
    name = {"username": user.name} if user else {}
    return mail.email or "", mail.kind, {**name, "number": mail.notices, **mail.arguments}
