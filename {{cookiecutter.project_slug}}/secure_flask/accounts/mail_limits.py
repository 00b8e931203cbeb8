"""Limits how many mails anybody can have sent to one address, and how many the site sends.

Forms that send mail are public, so they could fill a stranger's mailbox, or use up what the mail
server allows. The limits count rows of the outbox, so they survive a restart and are exact for
several processes. Source: OWASP ASVS 2.4.1, 6.3.8.
"""

import time

from flask import current_app
from secure_flask.accounts.outbox import HOUR, Mail
from secure_flask.database import db
from sqlalchemy import ColumnElement, case, false, func, or_, select

PER_ADDRESS = 5  # mails with a link in an hour, of all kinds together
# What resets, all other links, and notices may use up of MAILS_PER_HOUR: none suppresses the others.
RESETS, LINKS, NOTICES = 0.9, 0.8, 0.8
RESET = "reset"

URGENT_FIRST: ColumnElement[int] = case(
    (Mail.notice.is_not(None), 0), (Mail.kind == RESET, 1), else_=2
)


def allows(mail: Mail) -> bool:
    """Whether an address may get one more mail with a link, known or not.

    Notices have no such limit: an attacker could use it up to suppress them.
    """
    if mail.notice is not None:
        return True
    earlier = (Mail.created < mail.created) | ((Mail.created == mail.created) & (Mail.id < mail.id))
    mine = (Mail.email == mail.email, Mail.notice.is_(None), Mail.created > mail.created - HOUR)
    # Those beyond the limit do not count: endless requests would suppress all mails.
    counts = Mail.sent.is_not(None) | Mail.due.is_not(None)
    found = select(func.count()).select_from(Mail).where(*mine, earlier, counts)
    return (db.session.scalar(found) or 0) < PER_ADDRESS


def within_site_limit() -> ColumnElement[bool]:
    """Which mails may go now, by how many the site has sent within an hour."""
    recent, most = Mail.sent > int(time.time()) - HOUR, current_app.config["MAILS_PER_HOUR"]
    numbers = select(func.count(), func.count(Mail.notice)).select_from(Mail).where(recent)
    used, noticed = (number / most for number in db.session.execute(numbers).one())
    may = (
        (Mail.notice.is_not(None), used < 1 and noticed < NOTICES),
        (Mail.kind == RESET, used < RESETS),
        (Mail.notice.is_(None), used < LINKS),
    )
    return or_(false(), *(which for which, now in may if now))
