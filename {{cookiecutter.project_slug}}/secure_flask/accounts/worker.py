"""Sends what waits in the outbox, from a thread of each process or by `flask mail send`.

It takes one row at a time, so several processes share the work, and another one takes over if a
process dies. Only the worker looks up who has an address, and it makes the secret of a link when it
sends it. It works at random moments: work right after a request would slow down the next one,
which would tell whether the address is known. Mails with a link leave in slots, see MailSlots.
Source: OWASP ASVS 2.4.1, 6.3.8; OWASP Forgot Password Cheat Sheet.
"""

import os
import time
from collections.abc import Callable
from email.message import EmailMessage
from functools import partial
from logging import ERROR
from random import uniform
from threading import Event, Lock, Thread
from uuid import UUID

from flask import Flask
from secure_flask.accounts import mail_limits, outbox, smtp, steps
from secure_flask.accounts.email_change import purge_former_addresses
from secure_flask.accounts.login_places import purge_places
from secure_flask.accounts.outbox import HOUR, OutgoingMail
from secure_flask.accounts.smtp import kept_mails
from secure_flask.clock import seconds_now
from secure_flask.crypto.encryption import DecryptionError
from secure_flask.database import db
from secure_flask.state import StateKey, app_state
from secure_flask.web import audit
from sqlalchemy import delete, func, select, update

MAIL_FAILED = audit.Event("mail_failed", ERROR)
MAIL_DROPPED = audit.Event("mail_dropped", ERROR)
# After this time, another process takes the row of one that died. The time is enough for a mail
# server that uses up each timeout of smtp.py.
LEASE = 4 * 60  # seconds
# The waits between tries; the last one repeats.
RETRIES = (60, 5 * 60, 15 * 60, 30 * 60)  # seconds
# People can ask for another link, but a notice comes only once, so it is tried for longer.
KEPT_LINK = HOUR  # seconds
KEPT_NOTICE = 24 * HOUR  # seconds
POLL = 5  # seconds, at most
SLOT = 0.5  # seconds


class MailSlots:
    """Lets mails with a link leave in slots of equal length, for known and unknown addresses alike.

    An attacker may ask for a mail to their address, then to another one, and then to theirs again.
    A mail that is sent takes longer than one for nobody. Without slots, the time between the two
    mails that arrive would tell whether the other address is known. Source: OWASP ASVS 6.3.8.
    """

    def __init__(
        self,
        wait: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wait = wait
        self._clock = clock
        # How long the last sent mail took, or a slower failed one, in seconds. A slow mail server
        # takes several slots.
        self._usual = 0.0

    def fill(self, send: Callable[[], bool]) -> bool:
        """Send a mail, and wait until its slot ends; return whether it was sent.

        A mail for nobody takes as many slots as the last sent one, or as a slower failed one.
        """
        began = self._clock()
        was_sent = send()
        took = self._clock() - began
        if was_sent or took > self._usual:
            self._usual = took
        slots = int(max(took, self._usual) // SLOT) + 1
        self._wait(max(0.0, began + slots * SLOT - self._clock()))
        return was_sent


def send_due_mails(slots: MailSlots | None = None) -> int:
    """Deal with all due mails; return how many were sent.

    With `slots`, each mail with a link leaves in a slot.
    """
    sent = 0
    while (mail := _take_mail()) is not None:
        send = partial(_deal_with_mail, mail)
        sent += slots.fill(send) if slots and not mail.notice_hash else send()
    mail_limits.record_used_up_mails()
    _purge_mails()
    return sent


def count_waiting_mails() -> int:
    """How many mails wait."""
    number = select(func.count()).select_from(OutgoingMail).where(OutgoingMail.due.is_not(None))
    return db.session.scalar(number) or 0


def development_mails() -> list[EmailMessage]:
    """The last mails of development, with those that are due now, the oldest first.

    They are at most 100 objects of `EmailMessage`:
    `[each["Subject"] for each in development_mails()]`.
    """
    send_due_mails()
    return kept_mails()


def _take_mail() -> OutgoingMail | None:
    """The next mail that may be sent, leased to this process; None if there is none."""
    now = seconds_now()
    columns = (OutgoingMail.id, OutgoingMail.due, OutgoingMail.created)
    due = select(*columns).where(OutgoingMail.due <= now, mail_limits.within_site_limit())
    for mail_id, seen, created in db.session.execute(
        due.order_by(*mail_limits.NEXT_MAIL_FIRST).limit(8)
    ).all():
        lease = update(OutgoingMail).where(OutgoingMail.id == mail_id, OutgoingMail.due == seen)
        taken = lease.values(due=now + LEASE, tries=OutgoingMail.tries + 1).returning(OutgoingMail)
        try:
            mail = db.session.scalar(taken, execution_options={"populate_existing": True})
        except DecryptionError as error:
            # The lease makes this mail wait, so that it does not stop the others.
            audit.record(audit.DECRYPT_FAIL, context=error.context)
            mail = None
            if now > created + KEPT_NOTICE:
                _finish_mail(mail_id, due=None)
        db.session.commit()
        if mail:
            # After a rollback the session would reread the row, which may be deleted with its user.
            db.session.expunge(mail)
            return mail
    return None


def _deal_with_mail(mail: OutgoingMail) -> bool:
    """Send a mail, or drop it, or let it wait for its next try; return whether it was sent."""
    if seconds_now() > mail.created + (KEPT_NOTICE if mail.notice_hash else KEPT_LINK):
        _drop_mail(mail)
        return False
    try:
        is_kept = mail.notice_hash is None and mail_limits.has_full_mailbox(mail)
        message = None if is_kept else outbox.build_message(mail)
        # The commit comes before the mail goes out, so that its link works when it arrives.
        db.session.commit()
        if message:
            smtp.send_mail(message)
    except Exception as error:
        # An error of one mail must not stop the others.
        db.session.rollback()
        _retry_mail(mail, error)
        return False
    # A mail for nobody counts as sent, or the limits would tell which addresses are known.
    _finish_mail(mail.id, due=None, sent=seconds_now(), was_mailed=message is not None)
    return message is not None


def _retry_mail(mail: OutgoingMail, error: Exception) -> None:
    audit.record(MAIL_FAILED, kind=mail.kind, reason=smtp.failure_reason(error), tries=mail.tries)
    if smtp.is_final_refusal(error):
        _drop_mail(mail)
    else:
        wait = RETRIES[min(mail.tries, len(RETRIES)) - 1]
        _finish_mail(mail.id, due=seconds_now() + wait)


def _drop_mail(mail: OutgoingMail) -> None:
    audit.record(MAIL_DROPPED, kind=mail.kind, tries=mail.tries)
    _finish_mail(mail.id, due=None)


def _finish_mail(mail_id: UUID, **values: object) -> None:
    db.session.execute(update(OutgoingMail).where(OutgoingMail.id == mail_id).values(values))
    db.session.commit()


def _purge_mails() -> None:
    """Delete mails that no limit counts any more, and expired steps, addresses and places."""
    since = seconds_now() - HOUR
    old = (
        OutgoingMail.created <= since,
        OutgoingMail.sent.is_(None) | (OutgoingMail.sent <= since),
    )
    unread = {"synchronize_session": False}
    db.session.execute(
        delete(OutgoingMail).where(OutgoingMail.due.is_(None), *old), execution_options=unread
    )
    steps.purge_steps()
    purge_former_addresses()
    purge_places()
    db.session.commit()


class Sender:
    """The thread that sends mails. The first request starts it, since a fork keeps no thread."""

    def __init__(self, app: Flask) -> None:
        self.stop = Event()
        self._app = app
        self._lock = Lock()
        self._process = 0

    def start(self) -> None:
        if self._process == os.getpid():
            return
        with self._lock:
            if self._process != os.getpid():
                self._process = os.getpid()
                Thread(target=self._run, name="mail", daemon=True).start()

    def _run(self) -> None:
        slots = MailSlots(wait=self.stop.wait)
        while not self.stop.wait(uniform(0, POLL)):  # noqa: S311 - no secret
            try:
                with self._app.app_context():
                    send_due_mails(slots)
            except Exception as error:
                # An error, such as an unreachable database, must not end the thread.
                self._app.logger.exception("mail: %s", type(error).__name__)


MAIL_SENDER = StateKey[Sender]("mail sender")


def init_app(app: Flask) -> None:
    sender = app_state(app)[MAIL_SENDER] = Sender(app)
    if not app.testing:
        app.before_request(sender.start)
