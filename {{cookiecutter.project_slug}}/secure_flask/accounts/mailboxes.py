"""Mailboxes: all spellings of an address that reach one mailbox share its limits and its lock.

Many servers ignore dots before the `@`, and all that follows a `+`. If each spelling had limits of
its own, an attacker could fill one mailbox. On other servers, two people may share a limit.
Source: RFC 5233; OWASP ASVS 2.4.1.
"""

import hmac

from flask import current_app
from secure_flask.accounts.steps import Step
from secure_flask.crypto.blind_indexes import normalised_value
from secure_flask.database import db
from sqlalchemy import delete, false, func, select


def mailbox_hash(address: str) -> bytes:
    """The keyed hash of a mailbox (32 bytes), the same for all spellings of its address."""
    name, _, domain = normalised_value(address).rpartition("@")
    mailbox = f"{name.partition('+')[0].replace('.', '')}@{domain}"
    key = current_app.config["SECRET_KEY"].encode()
    return hmac.digest(key, b"mailbox:" + mailbox.encode(), "sha256")


def lock_mailbox(address: str) -> None:
    """Make other requests for this mailbox wait until the caller's transaction ends.

    Call this before any row is locked, so that two requests never wait for each other.
    """
    if db.engine.dialect.name == "postgresql":
        number = int.from_bytes(mailbox_hash(address)[:8], "big", signed=True)
        db.session.execute(select(func.pg_advisory_xact_lock(number)))
    else:
        # SQLite has one writer at a time. A DELETE becomes the writer even if it deletes no row.
        db.session.execute(delete(Step).where(false()))
