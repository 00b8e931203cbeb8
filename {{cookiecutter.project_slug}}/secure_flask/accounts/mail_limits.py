"""Limits the mails to one mailbox, the mails that one network asks for, and the mails of the site.

Forms that send mail are public, so an attacker could fill a mailbox, or use up what the mail server
allows. An address gets few links in an hour, and a mailbox too, in all its spellings. A network can
ask for few, and mails of networks that asked for fewer go first, so that nobody delays the others.
The limit of an address counts rows of the outbox, with or without an account: a limit that counted
only sent mails would tell which addresses have one.
Source: OWASP ASVS 2.4.1, 6.3.8.
"""

from logging import ERROR

from flask import current_app, has_request_context
from limits import RateLimitItemPerHour
from secure_flask.accounts.addresses import address_owner
from secure_flask.accounts.outbox import HOUR, OutgoingMail, add_link
from secure_flask.clock import seconds_now
from secure_flask.database import db
from secure_flask.web import audit
from secure_flask.web.counters import SITE, client_address, counters
from secure_flask.web.rate_limits import too_many_requests
from sqlalchemy import ColumnElement, case, false, func, or_, select

RESET_LINK = "reset"
CHANGE_LINK = "change_email"
# Mails with a link to one address in an hour: of all kinds together, and of each of these two.
# One is left for a registration, even if strangers ask for all resets and changes.
PER_ADDRESS = 5
OF_KIND = {RESET_LINK: 2, CHANGE_LINK: 2}
AGAIN = 10 * 60  # seconds until an address gets another link of the same kind
# A network (an IPv4 address or a /48) may ask for this share of MAILS_PER_HOUR, at least for five.
OF_NETWORK = 0.1
LEAST_OF_NETWORK = 5
# Resets wait once all mails of an hour reach this share of MAILS_PER_HOUR, other links at LINKS.
# Notices wait once notices alone reach NOTICES, or all mails the whole limit. So links never stop
# resets or notices, and notices alone never stop resets.
RESETS = 0.9
LINKS = 0.8
NOTICES = 0.8
USED_UP = audit.Event("mail_limit_reached", ERROR)

NEXT_MAIL_FIRST = (
    case((OutgoingMail.notice_hash.is_not(None), 0), (OutgoingMail.kind == RESET_LINK, 1), else_=2),
    OutgoingMail.turn,
    OutgoingMail.due,
)


def take_mail_turn() -> int:
    """Count a link that the network of this request asks for; return its number within the hour.

    :raises ErrorResponse: 429, the network has asked for too many.
    """
    if not has_request_context():
        return 0
    most = max(LEAST_OF_NETWORK, int(OF_NETWORK * current_app.config["MAILS_PER_HOUR"]))
    count = counters().add(RateLimitItemPerHour(most), "mailed links", client_address(SITE))
    if not count.allowed:
        audit.record(audit.RATE_LIMIT_EXCEEDED, reason="mailed links")
        raise too_many_requests(count)
    return count.number


def request_link(
    kind: str, address: str, *, turn: int, is_dropped: bool = False, **arguments: object
) -> bool:
    """Add a mail with a link to the outbox; False if the address has had enough of them.

    The caller's transaction has locked the mailbox. `turn` is the result of `take_mail_turn`. A
    dropped mail gets a row too: otherwise the time of the answer would tell that somebody else has
    asked for this address.
    """
    waits = _may_have_link(kind, address) and not is_dropped
    add_link(kind, address, turn=turn, waits=waits, **arguments)
    return waits


def within_site_limit() -> ColumnElement[bool]:
    """The SQL condition of mails that may go now, by how many the site has sent in an hour."""
    used, noticed = _shares_used()
    may = (
        (OutgoingMail.notice_hash.is_not(None), used < 1 and noticed < NOTICES),
        (OutgoingMail.kind == RESET_LINK, used < RESETS),
        (OutgoingMail.notice_hash.is_(None), used < LINKS),
    )
    return or_(false(), *(which for which, now in may if now))


def count_kept_mails() -> int:
    """How many mails with a link wait only because the site has sent its share of them."""
    used, _ = _shares_used()
    if used < LINKS:
        return 0
    resets = () if used >= RESETS else (OutgoingMail.kind != RESET_LINK,)
    waiting = (OutgoingMail.notice_hash.is_(None), OutgoingMail.due <= seconds_now(), *resets)
    return db.session.scalar(select(func.count()).select_from(OutgoingMail).where(*waiting)) or 0


def record_used_up_mails() -> None:
    """Log once an hour that mails with a link wait because the share is used up."""
    number = count_kept_mails()
    once = RateLimitItemPerHour(1)
    if number and counters().add(once, "mails used up").allowed:
        audit.record(USED_UP, waiting=number)


def has_full_mailbox(mail: OutgoingMail) -> bool:
    """Whether a mailbox, in all its spellings, has got as many links as one address gets.

    Only sent mails count, so an attacker who asks for unused spellings stops no mail to the used
    one. The address of an account gets its mails in any case.
    """
    since = seconds_now() - HOUR
    mine = (
        OutgoingMail.mailbox_hash == mail.mailbox_hash,
        OutgoingMail.was_mailed,
        OutgoingMail.created > since,
    )
    number = db.session.scalar(select(func.count()).where(*mine)) or 0
    return number >= PER_ADDRESS and address_owner(mail.email or "") is None


def _may_have_link(kind: str, address: str) -> bool:
    now = seconds_now()
    of_kind = OutgoingMail.kind == kind
    numbers = (
        func.count(),
        func.count(case((of_kind, 1))),
        func.count(case((of_kind & (OutgoingMail.created > now - AGAIN), 1))),
    )
    counted = (
        OutgoingMail.email == address,
        OutgoingMail.mailbox_hash.is_not(None),
        OutgoingMail.created > now - HOUR,
    )
    every, same, recent = db.session.execute(select(*numbers).where(*counted)).one()
    return every < PER_ADDRESS and same < OF_KIND.get(kind, PER_ADDRESS) and not recent


def _shares_used() -> tuple[float, float]:
    """The shares of MAILS_PER_HOUR that all mails and notices alone have used within an hour.

    A mail to an unknown address counts as sent.
    """
    recent = OutgoingMail.sent > seconds_now() - HOUR
    numbers = (
        select(func.count(), func.count(OutgoingMail.notice_hash))
        .select_from(OutgoingMail)
        .where(recent)
    )
    sent, notices = db.session.execute(numbers).one()
    most = current_app.config["MAILS_PER_HOUR"]
    return sent / most, notices / most
